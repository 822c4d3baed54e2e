"""Where a person of an organization starts: what there is to do, and what is new."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from accounts.links import org_url
from clients.access import client_policy, workspace_policies
from clients.models import Campaign, Invoice, Task
from clients.pages.kinds import KIND_BY_SLUG, TONES
from tenancy.actors import Reach
from tenancy.policies import decide
from tenancy.routes import declares, member

RECENT = 6
OPEN_TASKS = (Task.Status.OPEN, Task.Status.IN_PROGRESS)


@declares(member("everyone's first page; it shows what their role may see"))
@require_safe
def home(request: Any) -> HttpResponse:
    """Show the figures, tasks and clients that the actor may see, or the first steps while there are none."""
    actor = request.actor
    clients = client_policy.visible(actor)
    total = clients.count()
    recent = [(client, TONES.get(client.status, "")) for client in clients.order_by("-created_at", "pk")[:RECENT]]
    context = {
        "total": total,
        "recent": recent,
        "tasks": _tasks(actor),
        "today": timezone.localdate(),
        "stats": _stats(request, total),
        "task_kind": KIND_BY_SLUG["tasks"],
        "everywhere": actor.reach is Reach.ALL,
    }
    return render(request, "org/home.html", context)


def _tasks(actor: Any) -> list[Task]:
    """Return the actor's own open tasks, the most pressing first."""
    open_tasks = workspace_policies[Task].visible(actor).filter(status__in=OPEN_TASKS, assignee_id=actor.membership_id)
    return list(open_tasks.select_related("client").order_by("due_on", "pk")[:RECENT])


def _stats(request: Any, total: int) -> list[dict[str, Any]]:
    actor, today = request.actor, timezone.localdate()
    stats: list[dict[str, Any]] = []
    if decide(actor, "clients:read") is None:
        hint = "in this organization" if actor.reach is Reach.ALL else "assigned to you"
        stats.append({"label": "Clients", "value": total, "hint": hint, "url": org_url(request, "clients")})
    if decide(actor, "clients:read") is None and decide(actor, "team:update") is None and actor.reach is Reach.ALL:
        unassigned = client_policy.visible(actor).filter(grants=None).count()
        url = f"{org_url(request, 'assignments')}"
        stats.append({"label": "Unassigned", "value": unassigned, "hint": "clients nobody works for", "url": url})
    if decide(actor, "tasks:read") is None:
        tasks = workspace_policies[Task].visible(actor).filter(status__in=OPEN_TASKS)
        late = tasks.filter(due_on__lt=today).count()
        stats.append({"label": "Open tasks", "value": tasks.count(), "hint": f"{late} past their day"})
    if decide(actor, "campaigns:read") is None:
        running = workspace_policies[Campaign].visible(actor).filter(status=Campaign.Status.ACTIVE).count()
        stats.append({"label": "Active campaigns", "value": running})
    if decide(actor, "invoices:read") is None:
        overdue = workspace_policies[Invoice].visible(actor).filter(status=Invoice.Status.OVERDUE).count()
        stats.append({"label": "Overdue invoices", "value": overdue})
    return stats
