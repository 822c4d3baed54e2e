"""The tabs Details and Permissions of a role, and the other edits that are reviewed: restore, activate, deactivate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse

from roles import access, catalogue
from roles.actions import RestoreRole, UpdateRole, activate, deactivate
from roles.applications import entries_of
from roles.console.frame import RolePage, Tab
from roles.console.saving import Edit, answer, tell
from roles.family import Family
from roles.forms import MatrixField, PermissionsForm, RoleDetailsForm
from roles.models import Membership, Role
from roles.usage import unused_permissions
from roles.wording import describe
from tenancy.actors import Actor, Reach, Scope
from tenancy.console import GuardedAdmin

FORM_FAULTS = 400


def details(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer the fields of a role: a form, or for a role that is not the actor's to change a list."""
    page = RolePage.open(admin, request, pk)
    if request.method != "POST":
        return _details_tab(page, None if page.denial else _details_form(page))
    page.require_editable()
    form = _details_form(page, request.POST)
    if not form.is_valid():
        return _details_tab(page, form, FORM_FAULTS)

    def again(refused: Exception | None, status: int) -> HttpResponse:
        tell(form, refused)
        return _details_tab(page, form, status)

    values = form.values()
    return answer(
        Edit(
            page,
            Tab.DETAILS,
            "Review changes",
            values,
            form.version_seen() or 0,
            lambda version: UpdateRole(page.actor, pk, values, version).execute(),
            again=again,
        )
    )


def permissions(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer the permission matrix of a role."""
    page = RolePage.open(admin, request, pk)
    if request.method != "POST":
        return _permissions_tab(page, _permissions_form(page))
    page.require_editable()
    form = _permissions_form(page, request.POST)
    if not form.is_valid():
        return _permissions_tab(page, form, FORM_FAULTS)

    def again(refused: Exception | None, status: int) -> HttpResponse:
        tell(form, refused)
        return _permissions_tab(page, form, status)

    values = {"permissions": form.permissions()}
    return answer(
        Edit(
            page,
            Tab.PERMISSIONS,
            "Review changes",
            values,
            form.version_seen() or 0,
            lambda version: UpdateRole(page.actor, pk, values, version).execute(),
            announced=form.matrix_field.announcements(),
            again=again,
        )
    )


def restore(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer the review of an earlier version of the role, which the address or the form names by its event."""
    page = RolePage.open(admin, request, pk)
    event = request.POST.get("event") or request.GET.get("event")
    if not event:
        messages.info(request, "Choose the version to return to.")
        return page.to(Tab.HISTORY)
    page.require_editable()
    return answer(
        Edit(
            page,
            Tab.HISTORY,
            "Restore this version",
            RestoreRole(page.actor, pk, event).values(),
            _version_sent(page),
            lambda version: RestoreRole(page.actor, pk, event, version).execute(),
            label="Restore",
        )
    )


def switch_on(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer the review of letting the role grant again."""
    return _switch(RolePage.open(admin, request, pk), activate, "Activate", is_active=True)


def switch_off(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer the review of making the role grant nothing, from the next request on."""
    return _switch(RolePage.open(admin, request, pk), deactivate, "Deactivate", is_active=False)


def _switch(page: RolePage, verb: Callable[..., UpdateRole], label: str, *, is_active: bool) -> HttpResponse:
    return answer(
        Edit(
            page,
            Tab.DETAILS,
            f"{label} the role",
            {"is_active": is_active},
            _version_sent(page),
            lambda version: verb(page.actor, page.role.pk, version).execute(),
            label=label,
            is_dangerous=not is_active,
        )
    )


def matrix_field(actor: Actor, role: Role, family: Family, note: str = "") -> MatrixField:
    """Return the matrix of a role as the actor may change it; with a note nothing in it is theirs to change."""
    scope, applications = Scope(role.scope), entries_of(role.organization_id)
    keys = catalogue.keys_of(scope) | applications.keys()
    locked = {"withheld": keys, "withheld_note": note} if note else {"withheld": access.ceiling_gap(actor, keys)}
    sources = {key: source.display_name for key, source in family.sources(role.pk).items() if key in keys}
    unused = unused_permissions(role, family)
    return MatrixField(
        scope=scope,
        own=family.members[role.pk].own,
        inherited=sources,
        unused=unused,
        applications=applications,
        **locked,
    )


def parents_for(actor: Actor, scope: Scope, organization_id: UUID | None, *excluded: UUID) -> QuerySet[Role]:
    """Return the roles that one of that place may inherit from, within the actor's ceiling (ROLE-8, ASSIGN-2)."""
    seen = access.roles_policy(actor).visible(actor).filter(scope=scope).exclude(pk__in=excluded)
    fitting = seen.filter(organization=None)
    if organization_id is not None:
        fitting = fitting | seen.filter(organization=organization_id)
    denials = access.assignment_denials(actor, fitting)
    return seen.filter(pk__in=[pk for pk, denial in denials.items() if denial is None]).order_by(
        "-priority", "display_name"
    )


def sentence_of(own: frozenset[str], family: Family, role: Role) -> str:
    """Return in plain words what the role lets people do with `own` as its own permissions."""
    held = catalogue.expand(own | family.sources(role.pk).keys())
    return describe(held, Scope(role.scope), reach_of(role.reach), entries_of(role.organization_id))


def reach_of(value: str | None) -> Reach | None:
    """Return the reach of that name, or None for none and for an unknown one."""
    return Reach(value) if value in set(Reach) else None


def _version_sent(page: RolePage) -> int:
    """Return the version the page before was made from; the first page is made from what is stored."""
    if page.request.method != "POST":
        return page.role.version
    sent = page.request.POST.get("version", "")
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 10 else 0


def _details_form(page: RolePage, sent: Any = None) -> RoleDetailsForm:
    role, actor = page.role, page.actor
    heirs = [heir.id for heir in page.family.heirs(role.pk)]
    parents = parents_for(actor, Scope(role.scope), role.organization_id, role.pk, *heirs)
    if role.parent_id:
        parents = parents | Role.objects.filter(pk=role.parent_id)  # what it has already stays on offer
    return RoleDetailsForm(sent, scope=Scope(role.scope), parents=parents, ceiling=access.priority_of(actor), role=role)


def _details_tab(page: RolePage, form: RoleDetailsForm | None, status: int = 200) -> HttpResponse:
    line = page.family.line(page.role.pk)[1:]
    return page.render("details.html", tab=Tab.DETAILS, status=status, form=form, line=line)


def _permissions_form(page: RolePage, sent: Any = None) -> PermissionsForm:
    field = matrix_field(page.actor, page.role, page.family, str(page.denial) if page.denial else "")
    return PermissionsForm(sent, permissions=field, version=page.role.version)


def _permissions_tab(page: RolePage, form: PermissionsForm, status: int = 200) -> HttpResponse:
    family = page.family
    affected = [page.role.pk, *(heir.id for heir in family.heirs(page.role.pk))]
    sent = frozenset(page.request.POST.getlist("permissions")) if form.is_bound else None
    own = form.cleaned_data.get("permissions", sent) if form.is_bound else family.members[page.role.pk].own
    return page.render(
        "permissions.html",
        tab=Tab.PERMISSIONS,
        status=status,
        form=form,
        line=family.line(page.role.pk)[1:],
        affected=Membership.objects.visible_to(page.actor).filter(role_id__in=affected).count(),
        sentence=sentence_of(frozenset(own or ()), family, page.role),
    )
