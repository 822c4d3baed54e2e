"""Registering an organization's applications, changing them, and removing them with the permissions they brought."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet

from audit.history import record_bulk_created, record_bulk_deleted, record_bulk_updated, recording_update
from audit.recording import record_allowed
from roles import access, catalogue
from roles.actions.shaping import refused_in_words, store_changed
from roles.applications import MOST_APPLICATIONS, ActionDefinition, permissions_of, read_actions, roles_holding
from roles.definition import RoleDefinition
from roles.events import record_changed
from roles.family import Family, read_family
from roles.locking import lock_roles, still
from roles.models import Application, ApplicationAction, Membership, Permission, ResourceGrant, Role, RolePermission
from tenancy import text
from tenancy.actors import Actor
from tenancy.errors import ActionRefused, Denial, NotVisible, Reason, StaleVersion
from tenancy.policies import Verb

FIELDS = ("name", "description")


@dataclass(frozen=True)
class RegisterApplication:
    """Register an application by its slug, name, description and actions, each named as in ActionDefinition.

    Nobody comes to hold its permissions by that, but for those who hold all. Raises AccessDenied, ValidationError by
    field, and ActionRefused for one application too many.
    """

    actor: Actor
    values: Mapping[str, Any]

    def execute(self) -> Application:
        """Return the new application."""
        organization_id, actor = _begin(self.actor, Verb.ADD)
        if Application.objects.visible_to(actor).count() >= MOST_APPLICATIONS:
            raise ActionRefused(f"An organization has at most {MOST_APPLICATIONS} applications. Delete one of them.")
        application = Application(organization_id=organization_id, slug=str(self.values.get("slug", "")))
        actions = _apply(application, self.values)
        with refused_in_words():
            application.save(force_insert=True)
            _add(application, actions)
        _record(Verb.ADD, application, "register_application", added=_told(actions))
        return application


@dataclass(frozen=True)
class UpdateApplication:
    """Change an application's name, description or actions: `actions` are all that there are afterwards.

    A permission whose action is removed is taken from the roles that hold it, and grants on resources of a type without
    actions end: see `preview_change`. `version` is the one that the editor saw; None overwrites any.

    Raises NotVisible, AccessDenied (also for who would change what a permission reaches that roles hold, without having
    every permission), StaleVersion, ValidationError by field.
    """

    actor: Actor
    pk: Any
    values: Mapping[str, Any]
    version: int | None = None

    def execute(self) -> Application:
        """Return the application as it is now. Nothing is written when nothing differs."""
        access.application_policy.get(self.actor, self.pk)
        _, actor = _begin(self.actor, Verb.CHANGE)
        stored = _current(actor, self.pk, self.version)
        if self.values.get("slug", stored.slug) != stored.slug:
            raise ValidationError({"slug": "An application keeps its slug: outside services know it by that."})
        before = _actions_of(stored)
        application = copy(stored)
        after = {str(one): one for one in _apply(application, self.values, before)}
        changed = [one for name, one in after.items() if name in before and one != before[name]]
        removed, added = before.keys() - after.keys(), after.keys() - before.keys()
        renamed = any(getattr(application, name) != getattr(stored, name) for name in FIELDS)
        if not (changed or removed or added or renamed):
            return stored
        redefined = _redefined(stored, before, after)
        access.require_may_redefine(actor, roles_holding(redefined) if redefined else ())
        application.version = stored.version + 1
        with refused_in_words():
            with recording_update(stored, application):
                application.save(force_update=True)
            gone = _remove(actor, application, [before[name] for name in removed], after.values())
            _change(application, changed)
            _add(application, [after[name] for name in added])
            if application.name != stored.name:
                _permissions(application).update(category=application.name)
        told = {"added": _told(after[one] for one in added), "changed": _told(changed), "removed": sorted(removed)}
        _record(Verb.CHANGE, application, "update_application", **told, **gone._asdict())
        return application


@dataclass(frozen=True)
class DeleteApplication:
    """Delete an application with its permissions, which are taken from the roles that hold them, and all grants on what
    is in it. Raises NotVisible, AccessDenied, StaleVersion."""

    actor: Actor
    pk: Any
    version: int | None = None

    def execute(self) -> None:
        """Delete it."""
        access.application_policy.get(self.actor, self.pk)
        _, actor = _begin(self.actor, Verb.DELETE)
        application = _current(actor, self.pk, self.version)
        gone = _remove(actor, application, _actions_of(application).values(), ())
        _record(Verb.DELETE, application, "delete_application", slug=application.slug, **gone._asdict())
        application.delete()


class Touched(NamedTuple):
    """How many roles hold a permission themselves, and people have it by their role, inherited or by a wildcard too."""

    roles: int
    people: int


class Removal(NamedTuple):
    """What goes with removed actions: how many roles lose a permission, people lose what it allows, and grants end."""

    roles: int
    people: int
    grants: int


class Preview(NamedTuple):
    """What a change would do: what goes with removed actions, and whose permissions reach something else afterwards."""

    removal: Removal
    redefined: Touched


def preview_change(actor: Actor, pk: Any, actions: Iterable[Mapping[str, Any]] = ()) -> Preview:
    """Return what would be if these were all actions of the application; with none, if it were deleted.

    Raises NotVisible, AccessDenied, ValidationError.
    """
    access.require_for_everybody(actor, access.WRITE_APPLICATIONS)
    application = access.application_policy.get(actor, pk, Verb.CHANGE)
    before, left = _actions_of(application), {str(one): one for one in read_actions(actions)}
    gone = [one for name, one in before.items() if name not in left]
    removed, redefined = [one.key(application.pk) for one in gone], _redefined(application, before, left)
    team, grants = _Team.of(actor), _ending(application, gone, left.values()).count()
    return Preview(
        Removal(_holders(removed).count(), team.with_any(removed), grants),
        Touched(_holders(redefined).count(), team.with_any(redefined)),
    )


def _begin(actor: Actor, verb: Verb) -> tuple[UUID, Actor]:
    """Return the organization, whose roles nobody else changes from now on, and the actor with the rights they have.

    Raises AccessDenied for whoever may not do this to any application.
    """
    key = access.application_policy.keys[verb]
    access.require_for_everybody(actor, key)
    if actor.organization_id is None:
        raise NotVisible(Denial(Reason.NOT_A_MEMBER, key))
    lock_roles(actor.organization_id)
    now = still(actor)
    access.require_for_everybody(now, key)
    return actor.organization_id, now


def _current(actor: Actor, pk: Any, version: int | None) -> Application:
    """Return the application as it is now, locked. Raises NotVisible, or StaleVersion when it moved on."""
    application = access.application_policy.get(actor, pk, Verb.CHANGE, lock=True)
    if version is not None and version != application.version:
        raise StaleVersion(application)
    return application


def _apply(
    application: Application, values: Mapping[str, Any], before: Mapping[str, ActionDefinition] | None = None
) -> Collection[ActionDefinition]:
    """Set the values on the application, and return the actions that it is to have. Raises ValidationError by field."""
    if unknown := values.keys() - {"slug", "actions", *FIELDS}:
        raise ValueError(f"An application has nothing to set of that name: {', '.join(sorted(unknown))}.")
    errors: dict[str, Any] = {}
    for name in FIELDS:
        try:
            setattr(application, name, text.line(str(values.get(name, getattr(application, name)))))
        except text.UnfitTextError as unfit:
            errors[name] = [ValidationError(str(unfit), "unfit_text")]
    try:
        application.clean_fields(exclude=["organization", *errors])
    except ValidationError as refused:
        errors |= refused.error_dict
    if "name" not in errors and not text.is_visible(application.name):
        errors["name"] = [ValidationError("Give the application a name that can be read.", "invisible")]
    if application.name.casefold() in {one.category.casefold() for one in catalogue.entries().values()}:
        errors["name"] = [ValidationError("The catalogue has permissions under this name. Choose another.", "reserved")]
    actions: Collection[ActionDefinition] = (before or {}).values()
    try:
        actions = read_actions(values["actions"]) if "actions" in values else actions
    except ValidationError as refused:
        errors |= refused.error_dict
    if errors:
        raise ValidationError(errors)
    return actions


def _actions_of(application: Application) -> dict[str, ActionDefinition]:
    stored = ApplicationAction.objects.filter(application=application)
    return {str(one): one for one in map(ActionDefinition.of, stored)}


def _redefined(
    application: Application, before: Mapping[str, ActionDefinition], after: Mapping[str, ActionDefinition]
) -> list[str]:
    """Return the keys of the actions that stay and allow something else afterwards."""
    kept = [one for name, one in after.items() if name in before and one.decides != before[name].decides]
    return [one.key(application.pk) for one in kept]


def _add(application: Application, actions: Collection[ActionDefinition]) -> None:
    permissions = Permission.objects.bulk_create(permissions_of(application, actions))
    rows = [
        _row(application, ApplicationAction(permission=permission), action)
        for permission, action in zip(permissions, actions, strict=True)
    ]
    record_bulk_created(ApplicationAction.objects.bulk_create(rows))


def _change(application: Application, actions: Collection[ActionDefinition]) -> None:
    if not actions:
        return
    rows = {str(ActionDefinition.of(row)): row for row in ApplicationAction.objects.filter(application=application)}
    pairs = [(rows[str(one)], _row(application, copy(rows[str(one)]), one)) for one in actions]
    ApplicationAction.objects.bulk_update([after for _, after in pairs], ["name", "reach", "owner_property"])
    record_bulk_updated(pairs)
    Permission.objects.bulk_update(permissions_of(application, actions), ["name"])


def _row(application: Application, row: ApplicationAction, action: ActionDefinition) -> ApplicationAction:
    """Return the row with the values of the action."""
    row.organization_id, row.application = application.organization_id, application
    for name in action.__slots__:
        setattr(row, name, getattr(action, name))
    return row


def _remove(
    actor: Actor, application: Application, gone: Collection[ActionDefinition], left: Collection[ActionDefinition]
) -> Removal:
    """Delete these actions with all that hangs on them, and return how much that was."""
    if not gone:
        return Removal(0, 0, 0)
    keys = frozenset(one.key(application.pk) for one in gone)
    people = _Team.of(actor).with_any(keys)
    holders = list(_holders(keys).select_for_update(of=("self",), no_key=True))
    for stored in holders:
        _withdraw(stored, keys)
    grants = list(_ending(application, gone, left))
    record_bulk_deleted(grants)
    record_bulk_deleted(list(ApplicationAction.objects.filter(application=application, permission__in=keys)))
    Permission.objects.filter(pk__in=keys).delete()
    return Removal(len(holders), people, len(grants))


def _withdraw(stored: Role, keys: frozenset[str]) -> None:
    """Take the keys from the role. Its history tells of it like of any edit."""
    role, before = copy(stored), RoleDefinition.of(stored)
    after = before.changing({"permissions": before.permissions - keys})
    store_changed(role, stored, before, after)
    record_changed(role, before, after)


def _holders(keys: Collection[str]) -> QuerySet[Role]:
    held = RolePermission.objects.filter(permission__in=keys)
    return Role.objects.filter(pk__in=held.values("role_id")).order_by("pk")


@dataclass(frozen=True)
class _Team:
    """How many people have each role, and what these roles amount to."""

    counts: Mapping[UUID, int]
    family: Family

    @classmethod
    def of(cls, actor: Actor) -> _Team:
        """Return the people of the actor's organization."""
        members = Membership.objects.visible_to(actor).order_by()
        counts = dict(members.values_list("role_id").annotate(Count("pk")))
        return cls(counts, read_family(above=counts))

    def with_any(self, keys: Collection[str]) -> int:
        """Return how many people have any of these permissions."""
        return sum(people for role, people in self.counts.items() if not self.family.effective(role).isdisjoint(keys))


def _ending(
    application: Application, gone: Iterable[ActionDefinition], left: Iterable[ActionDefinition]
) -> QuerySet[ResourceGrant]:
    """Return the grants on resources of a type that has no action any more, so that none comes back with a new one."""
    types = {one.resource_type for one in gone} - {one.resource_type for one in left}
    return ResourceGrant.objects.filter(application=application, resource_type__in=types)


def _permissions(application: Application) -> QuerySet[Permission]:
    return Permission.objects.filter(application_actions__application=application)


def _told(actions: Iterable[ActionDefinition]) -> list[str]:
    return sorted(map(str, actions))


def _record(verb: Verb, application: Application, operation: str, **detail: Any) -> None:
    record_allowed(access.application_policy.keys[verb], application, operation=operation, **detail)
