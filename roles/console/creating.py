"""Making a role on one page: from nothing, a template or another role, with its permissions and its first people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect

from roles import access, catalogue
from roles.actions import CreateRole
from roles.actions.create import clone_values
from roles.applications import entries_of
from roles.console.frame import Stage, render, stage_of
from roles.console.impacts import shown_effects
from roles.console.people import AddressesField, visible_organizations
from roles.console.saving import NOT_CONFIRMED, hidden_fields, told
from roles.console.tabs import parents_for, reach_of
from roles.definition import RoleDefinition
from roles.family import Family, family_of
from roles.forms import MatrixField, PermissionsForm, RoleDetailsForm
from roles.models import Role
from roles.review import Review, review_of_creation
from roles.templates import RoleTemplate, template_named, templates_of
from roles.wording import describe
from tenancy.actors import Actor, Scope
from tenancy.console import GuardedAdmin
from tenancy.errors import ActionRefused

MOST_ORIGINALS = 100


@dataclass(frozen=True)
class Start:
    """What a new role starts from."""

    scope: Scope
    template: RoleTemplate | None = None
    original: Role | None = None

    @classmethod
    def of(cls, actor: Actor, sent: Any) -> Start:
        """Return what the address, or the form, starts from. Raises NotVisible for a role out of sight."""
        if sent.get("clone"):
            original = access.roles_policy(actor).get(actor, sent["clone"])
            return cls(Scope(original.scope), original=original)
        scope = Scope.PLATFORM if sent.get("scope") == Scope.PLATFORM else Scope.TENANT
        return cls(scope, template_named(sent.get("template", ""), scope))

    def values(self, actor: Actor) -> dict[str, Any]:
        """Return the values that the forms start with, permissions among them."""
        if self.original is not None:
            return {**clone_values(actor, self.original), "organization": self.original.organization_id}
        if self.template is not None:
            return {**self.template.values(), "permissions": self.template.permissions}
        return {"permissions": frozenset()}


class NewRole:
    """The three forms of the page as one."""

    def __init__(self, actor: Actor, start: Start, sent: Any = None) -> None:
        self.actor, self.start, self.sent = actor, start, sent
        given = start.values(actor)
        chosen = frozenset(given.pop("permissions"))
        organizations = visible_organizations(actor)
        place = place_named(organizations, sent) if sent is not None else given.get("organization")
        self.applications = entries_of(place)
        self.gap = access.ceiling_gap(actor, catalogue.keys_of(start.scope) | self.applications.keys())
        self.left_out = chosen & self.gap
        self.details = RoleDetailsForm(
            sent,
            scope=start.scope,
            parents=parents_for(actor, start.scope, place),
            ceiling=access.priority_of(actor),
            organizations=organizations,
            initial=given,
        )
        self.permissions = PermissionsForm(
            sent, permissions=self._matrix(given, sent), initial={"permissions": chosen - self.gap}
        )
        self.people = PeopleForm(sent, actor=actor)

    def is_valid(self) -> bool:
        """Whether all of it can be read. People need a place: a role of every organization is given in none."""
        good = [form.is_valid() for form in (self.details, self.permissions, self.people)]
        if not all(good):
            return False
        is_shared = self.start.scope is Scope.TENANT and self.details.cleaned_data.get("organization") is None
        if is_shared and self.people.cleaned_data["people"]:
            self.people.add_error("people", "Say above to which organization the role belongs, or add them later.")
        return not self.people.errors

    def verb(self) -> CreateRole:
        """Return the verb that makes it."""
        values = self.details.values()
        scope, organization = values.pop("scope"), values.pop("organization")
        return CreateRole(
            self.actor,
            {**values, "permissions": self.permissions.permissions()},
            scope,
            organization.pk if organization else None,
            [user.pk for user in self.people.cleaned_data["people"]],
            self.start.original,
        )

    def tell(self, refused: Exception) -> None:
        """Put what was refused beside the field that it is about."""
        by_field = getattr(refused, "error_dict", None) or {"": told(refused)}
        for name, errors in by_field.items():
            form = next((form for form in (self.details, self.permissions) if name in form.fields), None)
            (form or self.details).add_error(name if form else None, errors)

    def sentence(self) -> str:
        """Return in plain words what the role will let people do, as far as the forms tell."""
        field = self.permissions.matrix_field
        chosen = self.permissions["permissions"].value()
        reach = self.details["reach"].value() if "reach" in self.details.fields else None
        return describe(
            catalogue.expand(frozenset(chosen or ()) | frozenset(field.inherited)),
            self.start.scope,
            reach_of(reach),
            self.applications,
        )

    def _matrix(self, given: Mapping[str, Any], sent: Any) -> MatrixField:
        keys = catalogue.keys_of(self.start.scope) | self.applications.keys()
        parent = self.details["parent"].value() if sent is not None else given.get("parent")
        sources = {key: name for key, name in inherited_from(self.actor, parent).items() if key in keys}
        return MatrixField(scope=self.start.scope, inherited=sources, withheld=self.gap, applications=self.applications)


class PeopleForm(forms.Form):
    """Who gets the role as soon as it is there."""

    def __init__(self, *args: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["people"] = AddressesField(actor=actor, required=False)


def inherited_from(actor: Actor, parent: Any) -> Mapping[str, str]:
    """Return what a role under that parent would inherit, each key with the name of the role it comes from."""
    found = None
    if parent:
        try:
            found = access.roles_policy(actor).visible(actor).filter(pk=getattr(parent, "pk", parent)).first()
        except (ValueError, ValidationError):
            found = None
    if found is None:
        return {}
    family: Family = family_of(None, found.pk)
    above = {key: source.display_name for key, source in family.sources(found.pk).items()}
    own = catalogue.expand(family.members[found.pk].own) if found.is_active else frozenset()
    return {**(above if found.is_active else {}), **dict.fromkeys(own, found.display_name)}


def create(admin: GuardedAdmin, request: Any) -> HttpResponse:
    """Answer the form of a new role, then the role itself; what it gives to people is looked over in between."""
    sent = request.POST if request.method == "POST" else None
    new = NewRole(request.actor, Start.of(request.actor, request.POST if sent is not None else request.GET), sent)
    if sent is None:
        return _form(admin, request, new)
    if not new.is_valid():
        return _form(admin, request, new, 400)
    if stage_of(request) is Stage.EDIT:
        return _form(admin, request, new)
    try:
        verb = new.verb()
        review = review_of_creation(request.actor, verb)
        confirmed = not review.dangerous or "confirmed" in sent
        if stage_of(request) is Stage.SAVE and not confirmed:
            return _review(admin, request, new, review, [NOT_CONFIRMED], 400)
        if stage_of(request) is Stage.REVIEW and (verb.people or not confirmed):
            return _review(admin, request, new, review)
        with transaction.atomic():
            role = verb.execute()
    except (ActionRefused, ValidationError) as refused:
        new.tell(refused)
        return _form(admin, request, new, 409)
    messages.success(request, f"Created: “{role}”.")
    return HttpResponseRedirect(admin.address("change", role.pk))


def _form(admin: GuardedAdmin, request: Any, new: NewRole, status: int = 200) -> HttpResponse:
    visible = access.roles_policy(request.actor).visible(request.actor)
    return render(
        admin,
        request,
        "create.html",
        "New role",
        status,
        new=new,
        start=new.start,
        templates=templates_of(new.start.scope),
        originals=_originals(visible, new.start),
        left_out=sorted(new.left_out),
        cancel=admin.address("changelist"),
    )


def _originals(visible: QuerySet[Role], start: Start) -> list[Role]:
    """Return the roles offered to clone: those of every organization. Any other is cloned from its own page."""
    shared = list(visible.filter(scope=start.scope, organization=None)[:MOST_ORIGINALS])
    own = [start.original] if start.original is not None and start.original not in shared else []
    return [*own, *shared]


def _review(
    admin: GuardedAdmin, request: Any, new: NewRole, review: Review, errors: list[str] | None = None, status: int = 200
) -> HttpResponse:
    held = review.impact.memberships
    having = set(held.values_list("user_id", flat=True)) if held is not None else set()
    newcomers = [user for user in new.people.cleaned_data["people"] if user.pk not in having]
    definition: RoleDefinition = new.verb().definition()
    return render(
        admin,
        request,
        "create_review.html",
        "Review the new role",
        status,
        new=new,
        definition=definition,
        review=review,
        effects=shown_effects(admin, request.actor, review.impact, newcomers),
        announced=new.permissions.matrix_field.announcements(),
        errors=errors or [],
        hidden=hidden_fields(request.POST),
    )


def place_named(organizations: Any, sent: Any) -> Any:
    """Return the id of the organization that the form names, or None."""
    try:
        return organizations.filter(pk=sent.get("organization") or None).values_list("pk", flat=True).first()
    except (ValueError, ValidationError):
        return None
