"""The three questions of the explorer, asked of one snapshot of one place."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import Exists, OuterRef, QuerySet

from audit.recording import record_allowed
from roles import access
from roles.applications import entries_named
from roles.catalogue import CatalogueEntry, is_application_key
from roles.engine import search
from roles.engine.explanation import Reach
from roles.engine.objects import ORGANIZATION, PLATFORM, Need, Rule, is_outside
from roles.engine.remedy import Change, Remedy, possible_for, remedies
from roles.engine.snapshot import NOTHING, Person, Snapshot
from roles.engine.store import snapshots
from roles.explorer.answers import (
    Category,
    Extent,
    Grant,
    Holder,
    Holders,
    Place,
    RoleShare,
    Subject,
    Target,
    Verdict,
    noun_of,
)
from roles.explorer.chain import chain_of, sentence_of
from roles.explorer.finding import meant, place_for, visible
from roles.models import Membership
from roles.models.application import LONGEST_RESOURCE_ID
from tenancy.actors import Actor, Scope
from tenancy.errors import Denial, NotVisible, Reason
from tenancy.policies import Verb, require
from tenancy.routes import Access, Requirement

#: What it takes to ask: to know the roles and the people.
KEYS: Mapping[Scope, tuple[str, ...]] = {
    Scope.PLATFORM: (access.PLATFORM_ROLE_KEYS[Verb.VIEW], access.LIST_ROLES, "users:read", "users:list"),
    Scope.TENANT: (access.TENANT_ROLE_KEYS[Verb.VIEW], access.LIST_TEAM),
}
#: What platform staff need besides: to take an answer away as a file, and to look at the pages as somebody sees them.
EXPORT, VIEW_AS = "users:export", "users:impersonate"
#: Remedies are asked about one by one, smallest first: this many.
MOST_REMEDIES = 3

#: What the engine is asked about a subject: action, kind, id and properties of the object.
_Question: TypeAlias = tuple[str, str, str, Mapping[str, Any]]


class _Asked(NamedTuple):
    """A permission as the engine is asked about it."""

    action: str
    kind: str
    rule: Rule


@dataclass(frozen=True)
class Explorer:
    """The questions of one viewer about one place, all answered as of one version."""

    viewer: Actor
    place: Place
    snapshot: Snapshot

    @classmethod
    def open(cls, viewer: Actor, organization_id: UUID | None) -> Explorer:
        """Return the explorer of an organization, or of the platform.

        Raises AccessDenied for viewers who may not ask, NotVisible for a place that they may not know of.
        """
        for key in KEYS[viewer.scope]:
            require(viewer, key)
        place = place_for(viewer, organization_id)
        return cls(viewer, place, _asked_about_the_place(snapshots.current(place.id)))

    # What there is to ask about.

    @cached_property
    def permissions(self) -> Mapping[str, CatalogueEntry]:
        """The permissions of the place by key, in catalogue order, and those of its own applications after them."""
        return entries_named(rule.key for rule in self.snapshot.rules.values())

    def find_permissions(self, words: str) -> list[CatalogueEntry]:
        """Return the permissions that are meant: by key exactly, else by all the words in key and name, and in the name
        of the application that one is of."""
        if entry := self.permissions.get(words):
            return [entry]
        wanted = words.lower().split()
        texts = ((entry, _searched(entry).lower()) for entry in self.permissions.values())
        return [entry for entry, text in texts if all(word in text for word in wanted)]

    def target(self, key: str) -> Target | None:
        """Return what the permission is used on, where the viewer may name one; None for the place, and for staff where
        it is a client's (docs/decisions/0008)."""
        _, kind, rule = self._asked(key)
        if rule.need is Need.PLACE or (self.viewer.scope is Scope.PLATFORM and not is_outside(kind)):
            return None
        return Target(noun_of(kind), rule.owner)

    def find_people(self, words: str) -> list[Subject]:
        """Return whom the viewer may know of that are meant: by e-mail address or id exactly, else by parts, people of
        the place first."""
        here = Membership.objects.filter(user=OuterRef("pk"), organization=self.place.id)
        rows = self._people().annotate(is_here=Exists(here)).order_by("-is_here", "name", "email")
        return [self._subject(user) for user in meant(rows, words, exact="email", parts=("name", "email"))]

    # The three questions.

    def who_can(self, key: str, object_id: str = "", owner: str = "", *, after: str = "", limit: int) -> Holders:
        """Return a page of the people who have the permission at all, or who may use it on that object: `owner` is what
        the object's owner property says. Raises NotVisible for an object that the viewer may not know of."""
        asked = self._about(key, object_id, owner)
        ids = search.subjects(self.snapshot, *asked, after=after, limit=limit + 1)
        page = ids[:limit]
        users = {str(user.pk): user for user in self._people().filter(pk__in=page)}
        shown = [self._holder(users[one], key) for one in page if one in users]
        return Holders(shown, page[-1] if len(ids) > limit else "", len(page) - len(shown))

    def shares(self, key: str, object_id: str = "", owner: str = "") -> list[RoleShare]:
        """Return through which roles those of `who_can` come to the permission, highest first, with how many."""
        asked, found = self._about(key, object_id, owner), []
        for role_id, ids in self.snapshot.people_by_role.items():
            held = self.snapshot.held[role_id]
            if key in held.keys:
                people = [self.snapshot.people[one] for one in ids if self.snapshot.permits(one, *asked)]
                found.append(RoleShare(held.role, len(people), sum(self._extent(one, key).is_empty for one in people)))
        return sorted((one for one in found if one.people), key=lambda one: (-one.role.priority, str(one.role)))

    def what_can(self, person: Person) -> list[Category]:
        """Return what the person's role lets them do here and what not, by category. Whether any of it counts now, the
        person's refusal says."""
        found: dict[str, tuple[list[Grant], list[CatalogueEntry]]] = {}
        for key, entry in self.permissions.items():
            granted, lacking = found.setdefault(entry.category, ([], []))
            if route := person.held.routes.get(key):
                granted.append(Grant(entry, route, self._extent(person, key)))
            else:
                lacking.append(entry)
        return [Category(name, *parts) for name, parts in found.items()]

    def may(self, subject: Subject, key: str, object_id: str = "", owner: str = "") -> Verdict:
        """Return whether they may use the permission, at all or on that object, and why. `owner` is what the object's
        owner property says. Raises NotVisible for an object that the viewer may not know of."""
        asked = self._about(key, object_id, owner)
        entry, person = self.permissions[key], subject.person
        explained = self.snapshot.explain(subject.id, *asked)
        reason = explained.reason
        extent = self._extent(person, key) if person is not None and key in person.keys else None
        if explained.allowed and extent is not None and extent.is_empty:
            reason = Reason.READ_ONLY if extent.only_to_read else Reason.OUT_OF_REACH
        since = self._since(person) if person is not None else None
        remedy = None if explained.allowed else self._remedy(subject, asked)
        return Verdict(
            subject,
            entry,
            reason,
            sentence_of(self.place, subject, entry, explained, extent),
            list(chain_of(self.place, subject, since, entry, reason, explained, extent)),
            extent,
            remedy,
            remedy is not None and not (object_id or owner) and self._leaves_nothing(person, key, remedy),
        )

    def closed(self, subject: Subject, requirement: Requirement) -> str:
        """Return what closes a way in to them, or nothing where it is open."""
        if subject.person is None:
            return "no role here"
        if subject.person.refusal is not None:
            return _REFUSED[subject.person.refusal]
        if requirement.access is not Access.PERMISSION:
            return ""
        missing = [key for key in requirement.keys if key not in subject.person.keys]
        return f"lacks {', '.join(missing)}" if missing else ""

    def record(self, subject: Subject | None, key: str = "", *also: str, object_id: str = "") -> None:
        """Note what the viewer asked, about whom; `also` are permissions that it took besides."""
        keys = " + ".join((*KEYS[self.viewer.scope], *also))
        named = {"permission": key, "object": object_id[:LONGEST_RESOURCE_ID]}
        asked = {"place": str(self.place.id or "platform"), **{name: told for name, told in named.items() if told}}
        record_allowed(keys, subject.user if subject else None, **asked)

    # How they are answered.

    def _people(self) -> QuerySet[Any]:
        """Return whom the viewer may know of: platform staff by the policy of users, others their own members."""
        users: Any = get_user_model()
        if self.viewer.scope is Scope.PLATFORM:
            return visible(users, self.viewer)
        members = access.memberships_policy(self.viewer).visible(self.viewer)
        return users.objects.filter(pk__in=members.values("user"))  # type: ignore[no-any-return]

    def _subject(self, user: Any) -> Subject:
        return Subject(user, self.snapshot.people.get(str(user.pk)))

    def _holder(self, user: Any, key: str) -> Holder:
        person = self.snapshot.people[str(user.pk)]
        return Holder(Subject(user, person), person.held.role, person.held.routes[key], self._extent(person, key))

    @cached_property
    def _objects(self) -> Mapping[str, _Asked]:
        """The permissions that are for objects of a kind, each with how the engine is asked about one."""
        rules = self.snapshot.rules.items()
        return {rule.key: _Asked(action, kind, rule) for (kind, action), rule in rules if rule.need is not Need.PLACE}

    @property
    def _kind(self) -> str:
        return PLATFORM if self.place.id is None else ORGANIZATION

    def _asked(self, key: str) -> _Asked:
        """Return the question about the objects that the permission is for, or about the place."""
        return self._objects.get(key) or _Asked(key, self._kind, Rule(key, Need.PLACE))

    def _about(self, key: str, object_id: str, owner: str = "") -> _Question:
        """Return the engine's question about one object, or about the place."""
        if not (object_id or owner):
            return key, self._kind, self.snapshot.place, NOTHING
        action, kind, rule = self._asked(key)
        if not (self._may_name(rule, kind, object_id) if is_outside(kind) else self._knows(kind, object_id)):
            raise NotVisible(Denial(Reason.OUT_OF_REACH, key, kind, object_id[:100]))
        return action, kind, object_id, {rule.owner: owner} if rule.owner else NOTHING

    def _may_name(self, rule: Rule, kind: str, object_id: str) -> bool:
        """Whether the viewer may ask about what is in an application by its id. That somebody else holds a grant on it
        is told, in an organization, to those alone who reach everything there, or hold one too."""
        if self.viewer.scope is Scope.PLATFORM or rule.need is not Need.NAMED:
            return True
        viewer = self.snapshot.person(str(self.viewer.user_id))
        return viewer is not None and (viewer.reaches_all or object_id in viewer.usable(kind, rule.need))

    def _knows(self, kind: str, object_id: str) -> bool:
        """Whether the viewer themselves may read the object: platform staff none of an organization's."""
        if self.viewer.scope is Scope.PLATFORM or self.viewer.user_id is None:
            return False
        return any(
            self.viewer.has(rule.key) and self.snapshot.permits(str(self.viewer.user_id), action, kind, object_id)
            for (of, action), rule in self.snapshot.rules.items()
            if of == kind and rule.need is Need.READ
        )

    def _extent(self, person: Person, key: str) -> Extent:
        kind, rule = self._asked(key)[1:]
        if rule.need is Need.PLACE:
            return Extent(Reach.PLACE)
        if rule.need is Need.OWN:
            return Extent(Reach.OWN, kind, owner=rule.owner)
        if rule.need is Need.ANY or (person.reaches_all and rule.need is not Need.NAMED):
            return Extent(Reach.ALL, kind)
        return self._assigned(person, key)

    def _assigned(self, person: Person, key: str) -> Extent:
        kind, rule = self._asked(key)[1:]
        assigned, usable = person.assigned.get(kind, {}), person.usable(kind, rule.need)
        return Extent(Reach.ASSIGNED, kind, len(usable), len(assigned) - len(usable))

    def _since(self, person: Person) -> datetime | None:
        """Return since when they have their role here, where there is a membership and the viewer may know of it."""
        rows = access.memberships_policy(self.viewer).visible(self.viewer).filter(pk=person.membership_id)
        return rows.values_list("assigned_at", flat=True).first()

    def _remedy(self, subject: Subject, asked: _Question) -> Remedy | None:
        found = remedies(self.snapshot, subject.id, *asked)[:MOST_REMEDIES]
        return next((one for one in found if possible_for(self.viewer, subject.person, asked[1], one)), None)

    def _leaves_nothing(self, person: Person | None, key: str, remedy: Remedy) -> bool:
        """Whether after the remedy there is still nothing to use the permission on."""
        need = self._asked(key).rule.need
        if need in {Need.PLACE, Need.OWN, Need.ANY}:
            return False
        if person is not None and self._assigned(person, key).usable:
            return False
        role = next((step.role for step in reversed(remedy.steps) if step.change is Change.GIVE_ROLE), None)
        if role is None and person is not None:
            role = person.held.role
        return need is Need.NAMED or role is None or role.reach != Reach.ALL


def _searched(entry: CatalogueEntry) -> str:
    """Return the text in which a permission is searched for."""
    return f"{entry.key} {entry.name} {entry.category if is_application_key(entry.key) else ''}"


def _asked_about_the_place(snapshot: Snapshot) -> Snapshot:
    """Return the snapshot with the question whether somebody has a permission at all for those of applications, too:
    for each of the catalogue it is a question about the place."""
    outside = {rule.key: rule for (kind, _), rule in snapshot.rules.items() if is_outside(kind)}
    if not outside:
        return snapshot
    asked = copy(snapshot)
    asked.people_by_role = snapshot.people_by_role  # put in order once for all who ask of this version
    whole = {(ORGANIZATION, key): replace(rule, need=Need.PLACE, owner="") for key, rule in outside.items()}
    asked.rules = {**snapshot.rules, **whole}
    return asked


_REFUSED = {
    Reason.BANNED: "banned",
    Reason.SUSPENDED: "organization suspended",
    Reason.ROLE_INACTIVE: "role inactive",
    Reason.SECOND_FACTOR: "no second factor",
}
