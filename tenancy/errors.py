"""The ways an access attempt ends badly. Each face turns them into its own words in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.core.exceptions import BadRequest, PermissionDenied
from django.db import OperationalError
from django.http import Http404
from psycopg.errors import DeadlockDetected, LockNotAvailable


class Reason(StrEnum):
    """Why a decision came out as it did."""

    GRANTED = "granted"
    PUBLIC = "public"
    NOT_SIGNED_IN = "not-signed-in"
    NOT_A_MEMBER = "not-a-member"
    UNKNOWN_ORGANIZATION = "unknown-organization"
    SUSPENDED = "organization-suspended"
    BANNED = "banned"
    ROLE_INACTIVE = "role-inactive"
    TOKEN_REFUSED = "token-refused"  # noqa: S105  (a reason, not a secret)
    SECOND_FACTOR = "second-factor-required"
    MISSING_PERMISSION = "missing-permission"
    UNKNOWN_PERMISSION = "unknown-permission"
    UNDECLARED = "undeclared-route"
    OUT_OF_REACH = "not-found-or-out-of-reach"
    READ_ONLY = "read-only-assignment"
    ABOVE_CEILING = "above-ceiling"
    OUTRANKED = "outranked"
    SELF = "own-assignment"
    LAST_OF_ITS_KIND = "last-of-its-kind"
    BUILT_IN = "built-in-role"
    OWN_ROLE = "own-role"
    IMPERSONATING = "impersonating"


@dataclass(frozen=True, slots=True)
class Denial:
    """What was asked for and why it was refused, as it goes into the record."""

    reason: Reason
    key: str = ""
    resource_type: str = ""
    resource_id: str = ""
    sentence: str = ""

    def __str__(self) -> str:
        return self.sentence or SENTENCES.get(self.reason, "This is not allowed.")


SENTENCES = {
    Reason.NOT_SIGNED_IN: "Sign in first.",
    Reason.SUSPENDED: "This organization is suspended. Ask its owner to contact the platform's support.",
    Reason.BANNED: "This account is banned. Contact the platform's support.",
    Reason.ROLE_INACTIVE: "Your role is inactive. Ask an owner of the organization to give you another one.",
    Reason.TOKEN_REFUSED: "The token is unknown, expired, revoked, or belongs to another organization.",
    Reason.SECOND_FACTOR: "Your role requires a second factor. Set one up to go on.",
    Reason.READ_ONLY: "You are assigned to this client to read only.",
    Reason.OUT_OF_REACH: "There is nothing here.",
}


class AccessDenied(PermissionDenied):
    """The actor may know that the thing exists, and may not do this to it. Answered with 403."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(str(denial))
        self.denial = denial


class NotVisible(Http404):
    """The thing does not exist for this actor, whether or not it does for another. Answered with 404."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(str(denial))
        self.denial = denial


class ActionRefused(Exception):
    """The data does not allow the verb (a conflict, a limit, a stale version). Answered with 409 or a form error."""


class StaleVersion(ActionRefused):
    """The object was changed since the caller read it; nothing was overwritten.

    `stored` is what is stored now, `changes` the sentences of what happened since, where they are known.
    """

    def __init__(self, stored: Any, changes: Sequence[str] = ()) -> None:
        super().__init__("This was changed meanwhile. Look at what is stored now, then save again.")
        self.stored = stored
        self.changes = tuple(changes)


class Overtaken(OperationalError, BadRequest):
    """PostgreSQL broke the transaction off, for another one was in its way and it in the other's. Answered with 409.

    Nothing was changed. Neither is at fault: tried again, by a person or a task, it goes through.
    """

    def __init__(self) -> None:
        super().__init__("Somebody else was changing the same at that moment, so nothing was changed. Try again.")

    @staticmethod
    def is_meant_by(error: OperationalError) -> bool:
        """Whether an error of the database says that."""
        return isinstance(error.__cause__, DeadlockDetected | LockNotAvailable)


AccessError = AccessDenied | NotVisible
