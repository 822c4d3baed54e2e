"""The history of a role: one typed event for each kind of change, with a sentence that a person can read (AUD-1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from roles.definition import LABELS, RoleDefinition
from roles.models import Membership, Role, RoleEvent, RoleEventKind
from tenancy import context

BATCH = 1000
_NAMED = 6


def record_created(role: Role, after: RoleDefinition, origin: Role | None = None) -> None:
    """Note that the role was made, from nothing or as a clone of `origin`."""
    cloned = f" as a clone of {origin}" if origin is not None else ""
    _write([_event(RoleEventKind.CREATED, role, None, after, f"created the role {role}{cloned}")])


def record_deleted(role: Role, before: RoleDefinition, replacement: Role | None) -> None:
    """Note that the role is no more, and which one its people have instead."""
    instead = f"; its people have {replacement} now" if replacement is not None else ""
    _write([_event(RoleEventKind.DELETED, role, before, None, f"deleted the role {role}{instead}")])


def record_changed(role: Role, before: RoleDefinition, after: RoleDefinition) -> None:
    """Note each kind of change between two definitions of the role as an event of its own."""
    told = []
    plain = tuple(name for name in after.changed_from(before) if name not in {"permissions", "is_active"})
    if plain:
        told.append(
            (RoleEventKind.UPDATED, plain, f"changed {role}: {'; '.join(_change(n, before, after) for n in plain)}")
        )
    if before.permissions != after.permissions:
        sentence = f"changed the permissions of {role}: {_gains_and_losses(before.permissions, after.permissions)}"
        told.append((RoleEventKind.PERMISSIONS_CHANGED, ("permissions",), sentence))
    if before.is_active != after.is_active:
        kind = RoleEventKind.ACTIVATED if after.is_active else RoleEventKind.DEACTIVATED
        told.append((kind, ("is_active",), f"{'activated' if after.is_active else 'deactivated'} the role {role}"))
    _write([_event(kind, role, before, after, sentence, fields) for kind, fields, sentence in told])


def record_assigned(given: Iterable[tuple[Membership, Role | None]]) -> None:
    """Note for each membership that its person was given its role, in place of the other one if they had one."""
    events = []
    for membership, earlier in given:
        role = membership.role
        before = {"role": earlier.name, "role_id": str(earlier.pk)} if earlier is not None else None
        after = {"role": role.name, "role_id": str(role.pk)}
        instead = f" in place of {earlier}" if earlier is not None else ""
        if earlier is not None:
            sentence = f"took the role {earlier} from {membership.user}, who has {role} now"
            events.append(_about(RoleEventKind.ADMIN_UNASSIGNED, earlier, membership, before, after, sentence))
        sentence = f"gave {membership.user} the role {role}{instead}"
        events.append(_about(RoleEventKind.ADMIN_ASSIGNED, role, membership, before, after, sentence))
    _write(events)


def record_unassigned(taken: Iterable[Membership]) -> None:
    """Note for each membership that its person has the role, and the place, no more."""
    _write(
        _about(
            RoleEventKind.ADMIN_UNASSIGNED,
            membership.role,
            membership,
            {"role": membership.role.name, "role_id": str(membership.role_id)},
            None,
            f"took the role {membership.role} from {membership.user}",
        )
        for membership in taken
    )


def changes_since(role: Role, version: int) -> list[str]:
    """Return the sentences of what happened to the role's definition after that version of it, first things first."""
    later = RoleEvent.objects.of_definition().filter(role_id=role.pk, role_version__gt=version).order_by("id")
    return [event.sentence for event in later]


def _change(name: str, before: RoleDefinition, after: RoleDefinition) -> str:
    label = LABELS.get(name, name.replace("_", " "))
    if name == "parent_id":
        return f"parent from {_role_name(before.parent_id)} to {_role_name(after.parent_id)}"
    old, new = getattr(before, name), getattr(after, name)
    if isinstance(new, bool):
        return f"{label} {'on' if new else 'off'}"
    return f"{label} from {_said(old)} to {_said(new)}"


def _role_name(role_id: UUID | None) -> str:
    found = Role.objects.filter(pk=role_id).first() if role_id else None
    return f"“{found}”" if found else "none"


def _said(value: Any) -> str:
    return "nothing" if value in ("", None) else f"“{value}”" if isinstance(value, str) else str(value)


def _gains_and_losses(before: frozenset[str], after: frozenset[str]) -> str:
    parts = (("added", sorted(after - before)), ("removed", sorted(before - after)))
    return "; ".join(f"{word} {_listed(keys)}" for word, keys in parts if keys)


def _listed(keys: Sequence[str]) -> str:
    more = len(keys) - _NAMED
    return ", ".join(keys[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _event(
    kind: RoleEventKind,
    role: Role,
    before: RoleDefinition | None,
    after: RoleDefinition | None,
    sentence: str,
    fields: Sequence[str] = (),
) -> RoleEvent:
    return _performed(
        sentence,
        role,
        kind=kind,
        organization_id=role.organization_id,
        previous_state=before.state() if before else None,
        new_state=after.state() if after else None,
        changed_fields=list(fields),
    )


def _about(
    kind: RoleEventKind, role: Role, membership: Membership, before: Any, after: Any, sentence: str
) -> RoleEvent:
    return _performed(
        sentence,
        role,
        kind=kind,
        organization_id=membership.organization_id,
        previous_state=before,
        new_state=after,
        changed_fields=["role"],
        subject_id=membership.user_id,
        subject_label=str(membership.user)[:254],
    )


def _performed(deed: str, role: Role, **fields: Any) -> RoleEvent:
    entered = context.current()
    if entered is None:
        raise RuntimeError("There is no acting context: enter tenancy.context.acting(actor) first.")
    actor, origin = entered.actor, entered.origin
    return RoleEvent(
        sentence=f"{actor.label} {deed}."[:1000],
        role_id=role.pk,
        role_name=str(role),
        role_version=role.version,
        performer_id=actor.user_id,
        performer_label=actor.label[:254],
        on_behalf_of_id=actor.on_behalf_of_id,
        address=origin.address,
        user_agent=origin.user_agent,
        interface=origin.interface,
        request_id=origin.request_id,
        **fields,
    )


def _write(events: Iterable[RoleEvent]) -> None:
    RoleEvent.objects.bulk_create(events, batch_size=BATCH)
