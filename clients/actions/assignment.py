"""Assigning clients to people, many to many (CLI-2, CLI-4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError

from audit.history import record_bulk_created
from audit.recording import record_allowed
from clients.access import (
    ASSIGN,
    assignable_members,
    clients_in_reach,
    grants_visible_to,
    organization_of,
    require_assigning,
)
from clients.models import ClientGrant
from tenancy.actors import Actor
from tenancy.policies import Verb

MOST_ASSIGNMENTS = 20_000


class Access(StrEnum):
    """What an assignment allows; the values are guardian's permissions."""

    READ = "view_client"
    WRITE = "change_client"


@dataclass(frozen=True, slots=True)
class AssignmentPreview:
    """How many assignments a bulk assignment would make, change to the other access, and leave as they are."""

    people: int
    clients: int
    new: int
    changed: int
    unchanged: int


@dataclass(frozen=True)
class Assign:
    """Assign every one of the clients to every one of the people, in place of what they have on it."""

    actor: Actor
    user_ids: Iterable[UUID]
    client_pks: Iterable[UUID]
    access: Access = Access.WRITE

    def check(self) -> Pairs:
        """Return who and what is meant. Raises AccessDenied, or ValidationError for a person or client not found."""
        require_assigning(self.actor)
        return _found(self.actor, self.user_ids, self.client_pks)

    def execute(self) -> AssignmentPreview:
        """Assign, and return how many assignments were made, changed and left."""
        pairs = self.check()
        permission = _permission(self.access)
        held = _held(self.actor, pairs, lock=True)
        preview = _compare(pairs, held, permission)
        # A person invited or assigned by someone else at this moment is no conflict: the last word counts.
        made = ClientGrant.objects.bulk_create(
            [
                ClientGrant(
                    organization_id=organization_of(self.actor),
                    content_object_id=client,
                    user_id=user,
                    permission=permission,
                )
                for user in pairs.users
                for client in pairs.clients
                if (user, client) not in held
            ],
            update_conflicts=True,
            unique_fields=["content_object", "user"],
            update_fields=["permission"],
        )
        record_bulk_created(made)
        for grant in held.values():
            if grant.permission_id != permission.pk:
                grant.permission = permission
                grant.save(update_fields=["permission"])
        _record(self.actor, "assign", pairs, access=self.access.value)
        return preview


@dataclass(frozen=True)
class Unassign:
    """Take every one of the clients from every one of the people."""

    actor: Actor
    user_ids: Iterable[UUID]
    client_pks: Iterable[UUID]

    def check(self) -> Pairs:
        """Return who and what is meant. Raises AccessDenied, or ValidationError for a person or client not found."""
        require_assigning(self.actor)
        return _found(self.actor, self.user_ids, self.client_pks)

    def execute(self) -> int:
        """Return how many assignments ended."""
        pairs = self.check()
        held = _held(self.actor, pairs, lock=True)
        for grant in held.values():
            grant.delete()
        _record(self.actor, "unassign", pairs)
        return len(held)


def preview_assignment(
    actor: Actor, user_ids: Iterable[UUID], client_pks: Iterable[UUID], access: Access = Access.WRITE
) -> AssignmentPreview:
    """Return what `Assign` would do now. Raises as it does."""
    pairs = Assign(actor, user_ids, client_pks, access).check()
    return _compare(pairs, _held(actor, pairs), _permission(access))


@dataclass(frozen=True, slots=True)
class Pairs:
    """The people and clients of one bulk assignment, each of them found."""

    users: tuple[UUID, ...]
    clients: tuple[UUID, ...]


def _found(actor: Actor, user_ids: Iterable[UUID], client_pks: Iterable[UUID]) -> Pairs:
    users, clients = _ids(user_ids, "people"), _ids(client_pks, "clients")
    if len(users) * len(clients) > MOST_ASSIGNMENTS:
        raise ValidationError(
            f"This would be {len(users) * len(clients):,} assignments; do at most {MOST_ASSIGNMENTS:,} at once."
        )
    members = assignable_members(actor).filter(user_id__in=users).values_list("user_id", flat=True)
    reached = clients_in_reach(actor, Verb.CHANGE).filter(pk__in=clients).values_list("pk", flat=True)
    if set(members) != set(users):
        raise ValidationError({"people": "Some of these people are not in the organization."})
    if set(reached) != set(clients):
        raise ValidationError({"clients": "Some of these clients do not exist."})
    return Pairs(users, clients)


def _ids(given: Iterable[Any], name: str) -> tuple[UUID, ...]:
    try:
        ids = tuple(dict.fromkeys(one if isinstance(one, UUID) else UUID(str(one)) for one in given))
    except ValueError as wrong:
        raise ValidationError({name: "This is not an id."}) from wrong
    if not ids:
        raise ValidationError({name: "Choose at least one."})
    return ids


def _permission(access: Access) -> Permission:
    return Permission.objects.get(
        content_type__app_label="clients", content_type__model="client", codename=access.value
    )


def _held(actor: Actor, pairs: Pairs, *, lock: bool = False) -> dict[tuple[UUID, UUID], ClientGrant]:
    rows = grants_visible_to(actor, Verb.CHANGE).filter(user_id__in=pairs.users, content_object_id__in=pairs.clients)
    if lock:
        rows = rows.select_for_update(of=("self",))
    return {(grant.user_id, grant.content_object_id): grant for grant in rows.order_by("pk")}


def _compare(pairs: Pairs, held: dict[tuple[UUID, UUID], ClientGrant], permission: Permission) -> AssignmentPreview:
    changed = sum(grant.permission_id != permission.pk for grant in held.values())
    return AssignmentPreview(
        people=len(pairs.users),
        clients=len(pairs.clients),
        new=len(pairs.users) * len(pairs.clients) - len(held),
        changed=changed,
        unchanged=len(held) - changed,
    )


def _record(actor: Actor, operation: str, pairs: Pairs, **detail: Any) -> None:
    record_allowed(
        ASSIGN,
        operation=operation,
        people=[str(pk) for pk in pairs.users],
        clients=[str(pk) for pk in pairs.clients],
        **detail,
    )
