"""Who acts, where, and how far: the protocol that every room asks and no room below `roles` implements."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable
from uuid import UUID


class Scope(StrEnum):
    """The two worlds of permissions, which never mix (PERM-4)."""

    PLATFORM = "PLATFORM"
    TENANT = "TENANT"


class Reach(StrEnum):
    """Which clients of its organization an actor works with."""

    ALL = "all"
    ASSIGNED = "assigned"


@runtime_checkable
class Actor(Protocol):
    """A user (or service account) acting in one scope, with one role. Immutable."""

    @property
    def user_id(self) -> UUID | None: ...
    @property
    def label(self) -> str: ...
    @property
    def scope(self) -> Scope: ...
    @property
    def organization_id(self) -> UUID | None: ...
    @property
    def reach(self) -> Reach | None: ...
    @property
    def role_name(self) -> str: ...
    @property
    def on_behalf_of_id(self) -> UUID | None: ...

    def has(self, key: str) -> bool:
        """Whether the actor holds the permission. An unknown key is not held."""
        ...


@dataclass(frozen=True, slots=True)
class SystemActor:
    """The installation itself at work: seeding, a schedule, a person who is just accepting an invitation.

    It holds exactly the permissions it is made with, and is recorded by its purpose.
    """

    purpose: str
    organization_id: UUID | None = None
    permissions: frozenset[str] = frozenset()
    user_id: UUID | None = None
    on_behalf_of_id: UUID | None = None

    @property
    def label(self) -> str:
        return f"system: {self.purpose}"

    @property
    def scope(self) -> Scope:
        return Scope.PLATFORM if self.organization_id is None else Scope.TENANT

    @property
    def reach(self) -> Reach | None:
        return None if self.organization_id is None else Reach.ALL

    @property
    def role_name(self) -> str:
        return "system"

    def has(self, key: str) -> bool:
        return key in self.permissions


@dataclass(frozen=True, slots=True)
class Stranger:
    """Someone without a place in the scope they asked for: known by their user at most, holding nothing."""

    user_id: UUID | None
    label: str
    scope: Scope = Scope.PLATFORM
    organization_id: UUID | None = None
    reach: Reach | None = None
    role_name: str = ""
    on_behalf_of_id: UUID | None = None

    def has(self, key: str) -> bool:
        return False
