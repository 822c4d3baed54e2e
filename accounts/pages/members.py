"""The people of an organization: who they are, what role they have, and taking it away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import invitation_policy
from accounts.actions.invitations import ResendInvitation, RevokeInvitation
from accounts.forms import ConfirmForm, show_form, telling
from accounts.links import org_url
from accounts.second_factors import with_second_factor
from accounts.summary import permitted, summary
from roles import access
from roles.access import member_policy
from roles.actions.assign import AssignRole, RemoveMembership
from roles.models import Membership, Role
from tenancy.policies import Verb
from tenancy.routes import requires

PAGE = 50
COLUMNS = [
    {"label": "Person"},
    {"label": "Role and reach"},
    {"label": "Second factor"},
    {"label": "Last sign-in"},
    {"label": "Actions", "hidden": True},
]


@dataclass(frozen=True, slots=True)
class Person:
    """A member as the list shows them, with what the one who looks may do to them."""

    membership: Membership
    second_factor: bool
    is_self: bool
    may_change: bool
    may_remove: bool


class RoleField(forms.ModelChoiceField):
    """A choice of roles. The page shows beside each what it lets a person do."""

    widget = forms.RadioSelect

    def __init__(self, roles: list[Role], **options: Any) -> None:
        allowed = Role.objects.filter(pk__in=[role.pk for role in roles]).order_by("-priority")
        super().__init__(allowed, empty_label=None, **options)


class RoleForm(forms.Form):
    """Which role a member has from now on."""

    def __init__(self, *args: Any, roles: list[Role], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["role"] = RoleField(roles, label="Role")


@requires("team:list")
@require_safe
def members(request: Any) -> HttpResponse:
    """List the members, and beside them the invitations that are still open."""
    found = member_policy.visible(request.actor).with_people().order_by("-role__priority", "user__name", "user__email")  # type: ignore[attr-defined]
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    secured = with_second_factor()
    rows = [_person(request.actor, membership, membership.user_id in secured) for membership in page]
    open_invitations = invitation_policy.visible(request.actor).filter(accepted_at=None, revoked_at=None)
    return render(
        request,
        "org/members/list.html",
        {
            "page": page,
            "rows": rows,
            "columns": COLUMNS,
            "invitations": open_invitations.select_related("role", "invited_by"),
            "now": timezone.now(),
        },
    )


def _person(actor: Any, membership: Membership, second_factor: bool) -> Person:
    return Person(
        membership,
        second_factor,
        membership.user_id == actor.user_id,
        permitted(access.require_may_act_on, actor, membership, access.ASSIGN_TENANT),
        permitted(access.require_may_act_on, actor, membership, access.REMOVE_MEMBER),
    )


@requires("team:list", "team:roles:assign")
@require_http_methods(["GET", "HEAD", "POST"])
def member_role(request: Any, pk: UUID) -> HttpResponse:
    """Give a member another role."""
    membership = member_policy.get(request.actor, pk, Verb.CHANGE)
    roles = [
        role
        for role in Role.objects.usable_in(request.actor.organization_id).order_by("-priority")
        if permitted(access.require_assignable, request.actor, role)
    ]
    form = RoleForm(
        request.POST if request.method == "POST" else None, roles=roles, initial={"role": membership.role_id}
    )
    if form.is_valid():
        with telling(request, form):
            AssignRole(request.actor, membership.user, form.cleaned_data["role"]).execute()
            messages.success(request, f"{membership.user} is now {form.cleaned_data['role'].display_name}.")
            return HttpResponseRedirect(org_url(request, "members"))
    return show_form(
        request,
        "org/members/role.html",
        form,
        membership=membership,
        sentences={role.pk: summary(role) for role in roles},
        cancel_url=org_url(request, "members"),
        breadcrumbs=_crumbs(request),
    )


@requires("team:list", "team:remove")
@require_http_methods(["GET", "HEAD", "POST"])
def member_remove(request: Any, pk: UUID) -> HttpResponse:
    """Ask, then take a member out of the organization."""
    membership = member_policy.get(request.actor, pk, Verb.DELETE)
    person = str(membership.user)
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with telling(request, form):
            RemoveMembership(request.actor, membership).execute()
            messages.success(request, f"{person} is no longer a member.")
            return HttpResponseRedirect(org_url(request, "members"))
    return show_form(
        request,
        "components/confirm_page.html",
        form,
        title=f"Remove {person}?",
        message=f"{membership.user.email}, {membership.role.display_name.lower()} of this organization.",
        consequences=[
            "They lose access with their next request, wherever they are signed in.",
            "Their assignments and API tokens here end. An invitation brings back the person, not those.",
            "What they wrote stays.",
        ],
        action_label="Remove member",
        cancel_url=org_url(request, "members"),
        danger=True,
        breadcrumbs=_crumbs(request),
    )


@requires("team:list", "team:invite")
@require_POST
def invitation_resend(request: Any, pk: UUID) -> HttpResponse:
    """Send an invitation anew; its earlier link dies."""
    form = ConfirmForm(request.POST)
    with telling(request, form):
        invitation = ResendInvitation(request.actor, pk).execute()
        messages.success(request, f"Sent {invitation.email} a new link. The earlier one no longer works.")
        return HttpResponseRedirect(org_url(request, "members"))
    return _refused(request, form, "The invitation was not sent")


@requires("team:list", "team:invite")
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_revoke(request: Any, pk: UUID) -> HttpResponse:
    """Ask, then withdraw an invitation."""
    invitation = invitation_policy.get(request.actor, pk, Verb.DELETE)
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with telling(request, form):
            RevokeInvitation(request.actor, pk).execute()
            messages.success(request, f"Withdrew the invitation of {invitation.email}.")
            return HttpResponseRedirect(org_url(request, "members"))
    return show_form(
        request,
        "components/confirm_page.html",
        form,
        title=f"Withdraw the invitation of {invitation.email}?",
        message=f"They were invited as {invitation.role.display_name.lower()}.",
        consequences=["The link in their e-mail stops working at once. You can invite them again."],
        action_label="Withdraw invitation",
        cancel_url=org_url(request, "members"),
        danger=True,
        breadcrumbs=_crumbs(request),
    )


def _refused(request: Any, form: forms.Form, title: str) -> HttpResponse:
    return show_form(
        request,
        "org/refused.html",
        form,
        title=title,
        back_url=org_url(request, "members"),
        breadcrumbs=_crumbs(request),
    )


def _crumbs(request: Any) -> list[dict[str, str]]:
    return [{"label": "Members", "url": org_url(request, "members")}]
