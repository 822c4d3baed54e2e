"""Giving people the one role they have in a place, and taking it away (ASSIGN-1 to -5).

A place is an organization, or the platform. An organization's people act in their own; platform staff on the platform,
and with a tenant role in any organization.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit.history import record_bulk_created, record_bulk_updated
from audit.recording import record_allowed
from roles import access
from roles.events import record_assigned, record_unassigned
from roles.legacy import legacy_standings, settle
from roles.locking import in_one_order, still
from roles.models import Membership, Role
from tenancy.actors import Actor, Scope
from tenancy.errors import AccessDenied, ActionRefused, Denial, NotVisible, Reason

OWNERS = ("org-owner", "super-admin")
MOST_AT_ONCE = 1000
RESOURCE = "roles.membership"


@dataclass(frozen=True)
class AssignMany:
    """Give people the role in one place, in place of the one they have there: all of them or, if one may not, none.

    `organization_id` is the place of a tenant role for platform staff. Raises AccessDenied above the ceiling, on
    oneself or on someone above; NotVisible for a person who is not there; ActionRefused for an inactive role, and for
    too many at once.
    """

    actor: Actor
    user_ids: Collection[UUID]
    role: Role
    organization_id: UUID | None = None

    def check(self, role: Role, place: UUID | None, held: Sequence[Membership]) -> None:
        key = access.assign_key(self.actor)
        access.require_assignable(self.actor, role)
        if self.actor.user_id in self.user_ids:
            raise AccessDenied(Denial(Reason.SELF, key, RESOURCE, "", "Nobody changes their own assignment."))
        access.require_may_reach_into(self.actor, place, held, key)
        for membership in held:
            access.require_may_act_on(self.actor, membership, key)
        require_not_last(held, key, successor=role)

    def execute(self) -> list[Membership]:
        """Return the memberships as they are now, in no order."""
        user_ids = _few(self.user_ids)
        role = assignable_role(self.actor, self.role.pk)
        place = place_of(self.actor, role, self.organization_id)
        held = held_memberships(user_ids, place)
        now = replace(self, actor=still(self.actor))
        now.check(role, place, held)
        newcomers = now.newcomers(place, held)
        give_role(self.actor, [membership for membership in held if membership.role_id != role.pk], role)
        made = bring_in(newcomers, role, place, self.actor.user_id)
        _record(self.actor, made)
        return [*held, *made]

    def newcomers(self, place: UUID | None, held: Sequence[Membership]) -> list[Any]:
        """Return the users who have no role there yet: for the platform to bring in. An organization invites people.

        Raises NotVisible for an id that is nobody's, and AccessDenied for a legacy administrator above the actor.
        """
        key = access.assign_key(self.actor)
        missing = set(self.user_ids) - {membership.user_id for membership in held}
        users: Any = Membership._meta.get_field("user").related_model
        found = []
        if missing and not (self.actor.scope is Scope.TENANT and self.actor.user_id is not None):
            found = list(users.objects.filter(pk__in=missing))
        if len(found) < len(missing):
            absent = min(missing - {user.pk for user in found}, key=str)
            raise NotVisible(Denial(Reason.OUT_OF_REACH, key, "accounts.user", str(absent)))
        standings = legacy_standings(found) if place is None else []
        for standing in standings:
            access.require_may_act_on(self.actor, standing, key)
        require_not_last(standings, key, successor=self.role)
        return found


@dataclass(frozen=True)
class AssignRole:
    """Give `user` the role, as AssignMany does for many."""

    actor: Actor
    user: Any
    role: Role
    organization_id: UUID | None = None

    def execute(self) -> Membership:
        """Return the membership as it is now."""
        return AssignMany(self.actor, [self.user.pk], self.role, self.organization_id).execute()[0]


@dataclass(frozen=True)
class UnassignMany:
    """Take people out of one place, with their assignments and tokens there: all of them or none.

    With a role only those who have it: NotVisible for anybody else. Its place is found as AssignMany finds it.
    """

    actor: Actor
    user_ids: Collection[UUID]
    role: Role | None = None
    organization_id: UUID | None = None

    @property
    def key(self) -> str:
        return access.REMOVE_MEMBER if self.actor.organization_id else access.ASSIGN_PLATFORM

    @property
    def place(self) -> UUID | None:
        if self.role is not None:
            return place_of(self.actor, self.role, self.organization_id)
        return self.organization_id if self.actor.scope is Scope.PLATFORM else self.actor.organization_id

    def check(self, held: Sequence[Membership]) -> None:
        access.require_may_reach_into(self.actor, self.place, held, self.key)
        for membership in held:
            access.require_may_act_on(self.actor, membership, self.key)
        require_not_last(held, self.key, successor=None)

    def execute(self) -> list[Membership]:
        """Remove them, and return what was removed. Assignments and tokens end with it, in the database."""
        user_ids = _few(self.user_ids)
        held = held_memberships(user_ids, self.place)
        if self.role is not None:
            held = [membership for membership in held if membership.role_id == self.role.pk]
        if len(held) < len(user_ids):
            absent = min(user_ids - {membership.user_id for membership in held}, key=str)
            raise NotVisible(Denial(Reason.OUT_OF_REACH, self.key, RESOURCE, str(absent)))
        replace(self, actor=still(self.actor)).check(held)
        record_unassigned(held)
        for membership in held:
            record_allowed(self.key, membership, operation="remove_membership", user=str(membership.user_id))
            membership.delete()
        return held


@dataclass(frozen=True)
class RemoveMembership:
    """Take a person out of the place of their membership, as UnassignMany does for many."""

    actor: Actor
    membership: Membership

    @property
    def verb(self) -> UnassignMany:
        place = self.membership.organization_id
        return UnassignMany(self.actor, [self.membership.user_id], organization_id=place)

    def check(self) -> None:
        self.verb.check([self.membership])

    def execute(self) -> None:
        """Remove it."""
        if self.verb.place != self.membership.organization_id:
            raise NotVisible(Denial(Reason.OUT_OF_REACH, self.verb.key, RESOURCE, str(self.membership.pk)))
        self.verb.execute()


def give_role(actor: Actor, held: Sequence[Membership], role: Role) -> None:
    """Give the role to everyone of `held`, locked, in place of the one they have: the caller has checked each."""
    if not held:
        return
    held = sorted(held, key=lambda membership: in_one_order(membership.organization_id))
    before = [copy(membership) for membership in held]
    for membership in held:
        membership.role, membership.assigned_by_id, membership.assigned_at = role, actor.user_id, timezone.now()
    with _in_place(role):
        Membership.objects.bulk_update(held, ["role", "assigned_by", "assigned_at"], batch_size=MOST_AT_ONCE)
    record_bulk_updated(list(zip(before, held, strict=True)))
    record_assigned((now, was.role) for was, now in zip(before, held, strict=True))
    _record(actor, held)


def bring_in(users: Sequence[Any], role: Role, place: UUID | None, assigned_by: UUID | None) -> list[Membership]:
    """Make people who have no role in the place members of it, with their history: the caller has checked each."""
    if place is None:
        settle(users)
    # Each is held until this is committed: whoever brings in the same people waits in the same order.
    in_order = sorted(users, key=lambda user: user.pk)
    made = [Membership(user=user, organization_id=place, role=role, assigned_by_id=assigned_by) for user in in_order]
    if made:
        with _in_place(role):
            Membership.objects.bulk_create(made)
        record_bulk_created(made)
        record_assigned((membership, None) for membership in made)
    return made


def place_of(actor: Actor, role: Role, organization_id: UUID | None) -> UUID | None:
    """Return where the actor gives the role: an organization's id, or None for the platform.

    Raises ActionRefused for a place that the role does not fit, and NotVisible for one that is not there.
    """
    if actor.scope is Scope.TENANT:
        if organization_id not in {None, actor.organization_id}:
            raise _no_organization(actor, organization_id)
        return actor.organization_id
    if role.scope == Scope.PLATFORM:
        if organization_id is not None:
            raise ActionRefused(f"“{role}” is a role of the platform: leave the organization out.")
        return None
    place = organization_id or role.organization_id
    if place is None:
        raise ActionRefused(f"“{role}” is a role of organizations: say in which one.")
    if role.organization_id not in {None, place}:
        raise ActionRefused(f"“{role}” belongs to another organization.")
    if not organization_exists(place):
        raise _no_organization(actor, place)
    return place


def _no_organization(actor: Actor, organization_id: UUID | None) -> NotVisible:
    key = access.assign_key(actor)
    return NotVisible(Denial(Reason.OUT_OF_REACH, key, "accounts.organization", str(organization_id)))


def organization_exists(organization_id: UUID) -> bool:
    """Whether platform staff find an organization of that id: the people of one are not asked for theirs."""
    organizations: Any = Membership._meta.get_field("organization").related_model
    return bool(organizations.objects.filter(pk=organization_id).exists())


def assignable_role(actor: Actor, pk: UUID) -> Role:
    """Return the role as it is now, locked if the actor's scope can change it. Raises AccessDenied for a hidden one.

    An organization cannot change a built-in role, so PostgreSQL does not let it lock one, nor need it to.
    """
    rows = Role.objects.filter(pk=pk)
    role = rows.select_for_update(of=("self",), no_key=True).first() or rows.first()
    if role is None:
        key = access.assign_key(actor)
        raise AccessDenied(Denial(Reason.OUT_OF_REACH, key, "roles.role", str(pk), "There is no such role."))
    return role


def held_memberships(user_ids: Collection[UUID], place: UUID | None) -> list[Membership]:
    """Return what those people hold in the place, locked, with user and role.

    An owner's is locked along with the other owners', in one order, so that two owners who act on each other wait
    instead of closing a ring. They are read by a statement after the one that locks: a row whose role changes while a
    statement that joins the role waits for it is missing from what that statement finds.
    """
    here = Membership.objects.filter(organization_id=place, user_id__in=user_ids)  # type: ignore[misc]  # None: platform
    owned = here.filter(role__name__in=OWNERS, role__is_system=True).first()
    if owned is not None:
        lock_holders(owned)
    list(here.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    return list(here.with_people().order_by("pk"))


def lock_holders(held: Membership) -> QuerySet[Membership]:
    """Lock everyone who holds that role in that place until the transaction ends, and return them, not yet fetched."""
    here = Membership.objects.filter(organization_id=held.organization_id)  # type: ignore[misc]  # None: the platform
    holders = here.filter(role_id=held.role_id)
    list(holders.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
    return holders


def require_not_last(held: Iterable[Membership], key: str, *, successor: Role | None) -> None:
    """Raise when nobody would be left as active owner, or as super admin, of the place of `held` (ASSIGN-4).

    A service account is nobody who could let people in again. The other holders stay locked until the transaction
    ends, so that two requests cannot each remove the other's. They are counted by a statement after the one that locks:
    it sees who was removed or banned while this one waited.
    """
    leaving = [one for one in held if one.role.name in OWNERS and one.role.is_system]
    if not leaving or (successor is not None and successor.pk == leaving[0].role_id):
        return
    last = leaving[0]
    others = (
        lock_holders(last)
        .filter(user__is_active=True, user__is_service=False)
        .exclude(pk__in=[one.pk for one in leaving])
    )
    if not others.exists():
        sentence = f"{last.user} is the last {last.role.display_name.lower()}. Give someone else that role first."
        raise AccessDenied(Denial(Reason.LAST_OF_ITS_KIND, key, RESOURCE, str(last.pk), sentence))


def _few(user_ids: Collection[UUID]) -> set[UUID]:
    if not 0 < len(user_ids) <= MOST_AT_ONCE:
        raise ActionRefused(f"Name at least one person and at most {MOST_AT_ONCE:,} at once.")
    return set(user_ids)


def _record(actor: Actor, memberships: Iterable[Membership]) -> None:
    key = access.assign_key(actor)
    for given in memberships:
        record_allowed(key, given, operation="assign_role", role=given.role.name, user=str(given.user_id))


@contextmanager
def _in_place(role: Role) -> Iterator[None]:
    """Undo, and say in words, what two requests at once cannot both do."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as refused:
        violated = getattr(getattr(refused.__cause__, "diag", None), "constraint_name", None)
        if violated == "roles_membership_one_per_scope":
            raise ActionRefused("Somebody else has just given one of these people a role. Look again.") from refused
        if violated == "roles_membership_role_fits":
            raise ActionRefused(f"“{role}” has gone, or does not fit this place. Choose another role.") from refused
        raise
