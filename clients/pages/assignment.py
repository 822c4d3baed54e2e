"""Who works for which client: seen by client and by person, changed for many at once after a preview."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Exists, OuterRef, Window
from django.db.models.functions import RowNumber
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.forms import telling
from accounts.links import org_url
from clients.access import assignable_members, assignment_policy, client_policy
from clients.actions import Access, Assign, Unassign, preview_assignment
from clients.forms import ACCESS_WORDS, AssignmentForm
from clients.models import Client, ClientGrant
from clients.search import matching
from roles.models import Membership
from tenancy.actors import Reach
from tenancy.routes import requires

PAGE = 25
NAMED = 6


@requires("clients:read", "team:read", "team:update")
@require_safe
def assignments(request: Any) -> HttpResponse:
    """Show assignments by client, those without anyone first, or by person with `?by=person`."""
    if request.GET.get("by") == "person":
        return _by_person(request)
    return _by_client(request, AssignmentForm())


def _by_client(request: Any, form: AssignmentForm, status: int = 200) -> HttpResponse:
    actor = request.actor
    found = client_policy.visible(actor)
    search = request.GET.get("q", "").strip()
    if search:
        found = matching(found, search)
    grants = assignment_policy.visible(actor)
    found = found.annotate(has_people=Exists(grants.filter(content_object=OuterRef("pk"))))
    page = Paginator(found.order_by("has_people", "name", "pk"), PAGE).get_page(request.GET.get("page"))
    people = _people_by_client(grants, [client.pk for client in page])
    chosen: Any = form.data if form.is_bound else request.GET
    context = {
        "form": form,
        "page": page,
        "rows": [(client, people[client.pk]) for client in page],
        "people": assignable_people(actor),
        "chosen_people": set(chosen.getlist("people")),
        "chosen_clients": set(chosen.getlist("clients")),
        "tabs": _tabs(request, "client"),
        "query": search,
    }
    return render(request, "org/assignments/by_client.html", context, status=status)


def _by_person(request: Any) -> HttpResponse:
    actor = request.actor
    members = assignable_members(actor).with_people()  # type: ignore[attr-defined]
    page = Paginator(members.order_by("-role__reach", "user__name", "user__email"), PAGE).get_page(
        request.GET.get("page")
    )
    users = [membership.user_id for membership in page]
    grants = assignment_policy.visible(actor).filter(user__in=users)
    totals = dict(grants.values_list("user").annotate(clients=Count("pk")).order_by())
    named: dict[UUID, list[Client]] = defaultdict(list)
    place = Window(RowNumber(), partition_by="user", order_by=["content_object__name", "pk"])
    for grant in (
        grants.annotate(place=place).filter(place__lte=NAMED).select_related("content_object").order_by("place")
    ):
        named[grant.user_id].append(grant.content_object)
    rows = [_PersonRow(membership, named[membership.user_id], totals.get(membership.user_id, 0)) for membership in page]
    context = {"page": page, "rows": rows, "tabs": _tabs(request, "person")}
    return render(request, "org/assignments/by_person.html", context)


class _PersonRow:
    """A member with the clients assigned to them, the first few by name."""

    def __init__(self, membership: Membership, named: list[Client], total: int) -> None:
        self.membership = membership
        self.named = named
        self.total = total
        self.more = total - len(named)
        self.reaches_all = membership.role.reach == Reach.ALL


@requires("clients:read", "team:read", "team:update")
@require_POST
def assign(request: Any) -> HttpResponse:
    """Show what a bulk assignment would change, and with `step=confirm` do it."""
    form = AssignmentForm(request.POST)
    if form.is_valid():
        with telling(request, form):
            if request.POST.get("step") == "confirm":
                return _done(request, form)
            return _preview(request, form)
    return _by_client(request, form, status=403 if getattr(request, "denial", None) else 422)


def _preview(request: Any, form: AssignmentForm) -> HttpResponse:
    filled = form.cleaned_data
    access = Access(filled["access"] or Access.WRITE)
    assigning = filled["operation"] == "assign"
    preview = preview_assignment(request.actor, filled["people"], filled["clients"], access)
    members = assignable_members(request.actor).filter(user__in=filled["people"]).select_related("user")
    context = {
        "form": form,
        "assigning": assigning,
        "preview": preview,
        "ending": preview.changed + preview.unchanged,
        "access_words": ACCESS_WORDS[access],
        "people": [membership.user for membership in members.order_by("user__name")],
        "clients": client_policy.visible(request.actor).filter(pk__in=filled["clients"]).order_by("name"),
        "back_url": org_url(request, "assignments"),
    }
    return render(request, "org/assignments/preview.html", context)


def _done(request: Any, form: AssignmentForm) -> HttpResponse:
    filled = form.cleaned_data
    if filled["operation"] == "unassign":
        ended = Unassign(request.actor, filled["people"], filled["clients"]).execute()
        messages.success(request, f"Ended {ended} assignment{'' if ended == 1 else 's'}.")
    else:
        access = Access(filled["access"] or Access.WRITE)
        done = Assign(request.actor, filled["people"], filled["clients"], access).execute()
        messages.success(request, f"Made {done.new} and changed {done.changed} assignments.")
    return HttpResponseRedirect(org_url(request, "assignments"))


def _people_by_client(grants: Any, pks: list[UUID]) -> dict[UUID, list[ClientGrant]]:
    found: dict[UUID, list[ClientGrant]] = defaultdict(list)
    rows = grants.filter(content_object__in=pks).select_related("user", "permission")
    for grant in rows.order_by("user__name", "user__email"):
        found[grant.content_object_id].append(grant)
    return found


def assignable_people(actor: Any) -> list[Membership]:
    """Return those whose clients are assigned to them; everyone else works with all."""
    members = assignable_members(actor).filter(role__reach=Reach.ASSIGNED).select_related("user", "role")
    return list(members.order_by("user__name", "user__email"))


def _tabs(request: Any, current: str) -> list[dict[str, Any]]:
    url = org_url(request, "assignments")
    return [
        {"label": "By client", "url": url, "current": current == "client", "count": None},
        {"label": "By person", "url": f"{url}?by=person", "current": current == "person", "count": None},
    ]
