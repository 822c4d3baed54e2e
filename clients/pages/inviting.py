"""Inviting people: who, as what, and for which clients, in one step."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from accounts.access import require_offerable
from accounts.actions.invitations import Invite, split_addresses
from accounts.forms import show_form, telling
from accounts.links import org_url
from accounts.summary import permitted, summary
from clients.access import client_policy
from clients.forms import InviteForm
from roles.access import INVITE
from roles.models import Role
from tenancy.routes import requires


@requires("team:list", "team:invite")
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: Any) -> HttpResponse:
    """Invite people by e-mail, with one of the roles that the actor may hand on."""
    roles = [
        role
        for role in Role.objects.usable_in(request.actor.organization_id).order_by("-priority")
        if permitted(require_offerable, request.actor, role, INVITE)
    ]
    clients = client_policy.visible(request.actor).order_by("name", "pk")
    form = InviteForm(request.POST if request.method == "POST" else None, roles=roles, clients=clients)
    if form.is_valid():
        with telling(request, form):
            return _invited(request, form)
    return show_form(
        request,
        "org/members/invite.html",
        form,
        sentences={role.pk: summary(role) for role in roles},
        cancel_url=org_url(request, "members"),
        breadcrumbs=[{"label": "Members", "url": org_url(request, "members")}],
    )


def _invited(request: Any, form: InviteForm) -> HttpResponse:
    filled = form.cleaned_data
    sent = Invite(
        request.actor,
        split_addresses(filled["emails"]),
        filled["role"],
        [client.pk for client in filled["clients"]],
    ).execute()
    whom = sent[0].email if len(sent) == 1 else f"{len(sent)} people"
    messages.success(request, f"Invited {whom}. The link works for seven days.")
    return HttpResponseRedirect(org_url(request, "members"))
