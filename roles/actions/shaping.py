"""What making and changing a role have in common: reading what was sent, checking it, and writing it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from audit.history import record_bulk_created, record_bulk_deleted, recording_update
from roles import access, catalogue
from roles.applications import entries_of
from roles.definition import EDITABLE, RoleDefinition
from roles.icons import ICONS
from roles.models import Role, RolePermission
from tenancy import text
from tenancy.actors import Actor, Scope
from tenancy.errors import ActionRefused
from tenancy.policies import Verb

MOST_CUSTOM_ROLES = 10
#: What the database says no to, in words: by the names of its constraints.
REFUSALS = {
    "roles_role_no_circle": ("parent", "A role cannot inherit from itself, nor from a role that inherits from it."),
    "roles_role_parent_fits": (
        "parent",
        "A parent is a role of the same scope, and of the same organization or of none.",
    ),
    "roles_role_name_unique": ("name", "There is a role of this slug already. Choose another."),
    "roles_role_at_most_ten": (
        "",
        f"An organization has at most {MOST_CUSTOM_ROLES} roles of its own. Delete or change one of them.",
    ),
    "roles_application_slug_unique": ("slug", "There is an application of this slug already. Choose another."),
    "roles_application_name_unique": ("name", "There is an application of this name already. Choose another."),
    "roles_application_key_unique": ("", "This could not be saved just now. Send it again."),
    "roles_rolepermission_same_scope": (
        "permissions",
        "A role holds permissions of its own scope only, and none of another organization.",
    ),
}


def read_values(actor: Actor, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values as a RoleDefinition holds them: text cleaned, the parent looked up, the keys a set.

    `parent` is a role or its id. Raises ValidationError by field, and ValueError for a name that is not to be set.
    """
    known = {*EDITABLE, "parent"} - {"parent_id"}
    if unknown := values.keys() - known:
        raise ValueError(f"A role has nothing to set of that name: {', '.join(sorted(unknown))}.")
    read: dict[str, Any] = {}
    errors: dict[str, Any] = {}
    for name, value in values.items():
        try:
            if name == "parent":
                read["parent_id"] = _parent(actor, value)
            elif name == "permissions":
                read[name] = frozenset(value)
            else:
                read[name] = text.line(value) if isinstance(value, str) else value
        except (text.UnfitTextError, ValidationError) as unfit:
            errors[name] = unfit if isinstance(unfit, ValidationError) else ValidationError(str(unfit), "unfit_text")
    if errors:
        raise ValidationError(errors)
    return read


def _parent(actor: Actor, value: Any) -> UUID | None:
    if value is None or value == "":
        return None
    found = access.roles_policy(actor).rows(actor, Verb.VIEW).filter(pk=getattr(value, "pk", value)).first()
    if found is None:
        raise ValidationError("There is no such role here.", code="unknown")
    return found.pk


def validate(role: Role, after: RoleDefinition) -> None:
    """Set the definition on the role and check it. Raises ValidationError by field; nothing is stored."""
    for name in (*EDITABLE, "scope", "organization_id"):
        if name != "permissions":
            setattr(role, name, getattr(after, name))
    errors: dict[str, Any] = {}
    try:
        role.clean_fields(exclude=["organization", "parent", "permissions"])
        if not text.is_visible(after.display_name):
            raise ValidationError({"display_name": "Give the role a name that can be read."})
    except ValidationError as refused:
        errors.update(refused.error_dict)
    if after.name in {shipped.slug for shipped in catalogue.built_in_roles()} and not role.is_system:
        errors["name"] = [ValidationError("A built-in role has this slug. Choose another.", code="reserved")]
    if (after.reach is None) != (after.scope == Scope.PLATFORM):
        told = "A platform role has no reach." if after.reach else "Say which clients the role reaches."
        errors["reach"] = [ValidationError(told, code="reach")]
    if after.icon not in ICONS:
        errors["icon"] = [ValidationError("There is no such icon to choose.", code="unknown")]
    if wrong := _wrong_keys(after):
        errors["permissions"] = wrong
    if errors:
        raise ValidationError(errors)


def _wrong_keys(after: RoleDefinition) -> list[ValidationError]:
    entries = {**catalogue.entries()}
    if any(map(catalogue.is_application_key, after.permissions)):
        entries |= entries_of(after.organization_id)
    wrong = []
    for key in sorted(after.permissions):
        entry = entries.get(key)
        if entry is None:
            wrong.append(ValidationError(f"There is no permission “{key[:100]}”.", code="unknown"))
        elif entry.scope.value != after.scope:
            kind = entry.scope.value.lower()
            wrong.append(ValidationError(f"“{key}” is a {kind} permission: this role cannot hold it.", code="scope"))
    return wrong


def store_new(role: Role, permissions: frozenset[str]) -> None:
    """Insert the role with its permissions. Raises ValidationError for what the database does not allow."""
    with refused_in_words():
        role.save(force_insert=True)
        _grant(role, permissions)


def store_changed(role: Role, stored: Role, before: RoleDefinition, after: RoleDefinition) -> None:
    """Update the role, which was `stored`, to its next version. Raises ValidationError as `store_new`."""
    role.version = stored.version + 1
    with refused_in_words():
        with recording_update(stored, role):
            role.save(force_update=True)
        _withdraw(role, before.permissions - after.permissions)
        _grant(role, after.permissions - before.permissions)


def _grant(role: Role, keys: frozenset[str]) -> None:
    made = RolePermission.objects.bulk_create([RolePermission(role=role, permission_id=key) for key in sorted(keys)])
    record_bulk_created(made)


def _withdraw(role: Role, keys: frozenset[str]) -> None:
    gone = list(RolePermission.objects.filter(role=role, permission_id__in=keys)) if keys else []
    record_bulk_deleted(gone)


@contextmanager
def refused_in_words() -> Iterator[None]:
    """Undo what the database refuses and say it as a ValidationError, or ActionRefused where no field is at fault."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as refused:
        violated = getattr(getattr(refused.__cause__, "diag", None), "constraint_name", None)
        if violated not in REFUSALS:
            raise
        field, sentence = REFUSALS[violated]
        if not field:
            raise ActionRefused(sentence) from refused
        raise ValidationError({field: [ValidationError(sentence, code=violated)]}) from refused
