"""What platform staff do to a person's account: ban, unban, end sessions, send a new password, remove second factors.

Each verb takes effect at the person's next request, and is refused for oneself and for anyone above (ORG-2, ASSIGN-4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts import access, seniority
from accounts.emails import send_after_commit
from accounts.models import User
from accounts.password_links import password_message
from accounts.seniority import PersonalKeys
from audit.recording import record_allowed
from tenancy import text
from tenancy.actors import Actor
from tenancy.errors import ActionRefused
from tenancy.policies import Verb

LONGEST_REASON = 500


def required_reason(raw: str) -> str:
    """Return the reason as it is stored: one line, not empty. Raises ValidationError."""
    try:
        reason = text.line(raw)
    except text.UnfitTextError as unfit:
        raise ValidationError({"reason": str(unfit)}) from unfit
    if not reason:
        raise ValidationError({"reason": "Say why: the record keeps it."})
    if len(reason) > LONGEST_REASON:
        raise ValidationError({"reason": f"Say it in at most {LONGEST_REASON} characters."})
    return reason


@dataclass(frozen=True)
class UserAction:
    """What the verbs on one account share: find and lock it, check, do it, record it."""

    actor: Actor
    pk: UUID

    operation: ClassVar[str]
    keys: ClassVar[PersonalKeys]

    def check(self, user: User) -> tuple[str, ...]:
        """Return the permissions that allow it. Raises AccessDenied, or ActionRefused when there is nothing to do."""
        return seniority.require_may_act_on(self.actor, user, self.keys)

    def execute(self) -> User:
        """Return the user as they are now. Raises NotVisible for someone the actor may not see."""
        seen = access.user_policy.get(self.actor, self.pk, Verb.VIEW)
        self.lock(seen)
        # Not their key: rows that name them go on being written, as the history of two who act on each other.
        user = User.objects.select_for_update(no_key=True).get(pk=seen.pk)
        allowed_by = self.check(user)
        record_allowed(" + ".join(allowed_by), user, operation=self.operation, **self.perform(user))
        return user

    def lock(self, user: User) -> None:
        """Lock what else `check` looks at."""

    def perform(self, user: User) -> dict[str, Any]:
        """Do it, and return what the record tells of it."""
        raise NotImplementedError


@dataclass(frozen=True)
class BanUser(UserAction):
    """Shut a person out everywhere: no sign-in, and no session or token that still works."""

    reason: str = ""

    operation: ClassVar[str] = "ban_user"
    keys: ClassVar[PersonalKeys] = seniority.BAN

    def check(self, user: User) -> tuple[str, ...]:
        allowed_by = super().check(user)
        if user.banned_at is not None:
            raise ActionRefused(f"{user} is banned already.")
        seniority.require_not_last_holder(user, allowed_by[0])
        return allowed_by

    def lock(self, user: User) -> None:
        seniority.lock_fellow_holders(user)

    def perform(self, user: User) -> dict[str, Any]:
        reason = required_reason(self.reason)
        user.banned_at = timezone.now()
        user.is_active = False
        user.save(update_fields=["banned_at", "is_active"])
        return {"reason": reason, "sessions": _end_sessions(user)}


@dataclass(frozen=True)
class UnbanUser(UserAction):
    """Let a banned person in again, with the roles they have kept. They sign in anew."""

    operation: ClassVar[str] = "unban_user"
    keys: ClassVar[PersonalKeys] = seniority.UNBAN

    def check(self, user: User) -> tuple[str, ...]:
        allowed_by = super().check(user)
        if user.banned_at is None:
            raise ActionRefused(f"{user} is not banned.")
        return allowed_by

    def perform(self, user: User) -> dict[str, Any]:
        user.banned_at = None
        user.is_active = True
        user.save(update_fields=["banned_at", "is_active"])
        return {}


@dataclass(frozen=True)
class EndSessions(UserAction):
    """End every session of a person: each browser signs in anew. Tokens stay."""

    operation: ClassVar[str] = "end_sessions"
    keys: ClassVar[PersonalKeys] = seniority.END_SESSIONS

    def check(self, user: User) -> tuple[str, ...]:
        allowed_by = super().check(user)
        seniority.require_person(user)
        return allowed_by

    def perform(self, user: User) -> dict[str, Any]:
        return {"sessions": _end_sessions(user)}


@dataclass(frozen=True)
class SendPasswordReset(UserAction):
    """Send a person a link that sets a new password, once. The old password works until then."""

    operation: ClassVar[str] = "send_password_reset"
    keys: ClassVar[PersonalKeys] = seniority.RESET_PASSWORD

    def check(self, user: User) -> tuple[str, ...]:
        allowed_by = super().check(user)
        seniority.require_person(user)
        if not user.is_active:
            raise ActionRefused(f"{user}'s account is not active, so a new password would not let them in.")
        return allowed_by

    def perform(self, user: User) -> dict[str, Any]:
        send_after_commit([password_message(user)])
        return {}


@dataclass(frozen=True)
class RemoveSecondFactors(UserAction):
    """Remove a person's authenticator app, passkeys and recovery codes, for one who has lost them."""

    operation: ClassVar[str] = "remove_second_factors"
    keys: ClassVar[PersonalKeys] = seniority.MANAGE_SECOND_FACTORS

    def check(self, user: User) -> tuple[str, ...]:
        allowed_by = super().check(user)
        seniority.require_person(user)
        if not Authenticator.objects.filter(user=user).exists():
            raise ActionRefused(f"{user} has no second factor.")
        return allowed_by

    def perform(self, user: User) -> dict[str, Any]:
        factors = Authenticator.objects.filter(user=user)
        removed = sorted(factors.values_list("type", flat=True))
        factors.delete()
        return {"removed": removed}


def _end_sessions(user: User) -> int:
    """End the user's sessions and return how many there were."""
    sessions = list(UserSession.objects.filter(user=user))
    for session in sessions:
        session.end()
    return len(sessions)
