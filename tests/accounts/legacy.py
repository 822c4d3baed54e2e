"""What the tests of legacy administrators share."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from audit.models import ModelChange
from roles.actors import RoleActor, resolve
from roles.models import Membership
from tests.factories import UserFactory, on_platform


def legacy_admin(legacy_role: str, **fields: Any) -> User:
    """Return a new account that an earlier system left with that role."""
    return UserFactory(legacy_role=legacy_role, **fields)


def actor_of(user: User) -> RoleActor:
    actor = resolve(user.pk)
    assert isinstance(actor, RoleActor), actor
    return actor


def stored(user: User) -> User:
    with on_platform():
        return User.objects.get(pk=user.pk)


def role_of(email: str) -> str | None:
    """Return the name of the role that a membership gives them on the platform."""
    with on_platform():
        held = Membership.objects.filter(user__email=email, organization=None).select_related("role").first()
    return held.role.name if held else None


def legacy_changes(user: User) -> list[list[str]]:
    """Return what the history tells of the user's legacy role after the account was made: before and after."""
    with on_platform():
        changes = ModelChange.objects.filter(object_pk=str(user.pk), action=ModelChange.Action.UPDATE)
        return [change.changes["legacy_role"] for change in changes if "legacy_role" in change.changes]
