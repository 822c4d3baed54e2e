"""Who may do what to organizations, users, invitations and tokens: each rule is one function here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.db import models

from accounts.models import ApiToken, Invitation, Organization, User
from roles.access import INVITE, LIST_TEAM, priority_of, require_for_oneself, require_within_ceiling
from roles.family import read_family
from roles.models import Membership, Role
from tenancy.actors import Actor, Scope
from tenancy.errors import AccessDenied, ActionRefused, Denial, Reason
from tenancy.policies import AccessPolicy, Verb, decide, guard, require

READ_TOKENS, WRITE_TOKENS = "org:api-keys:read", "org:api-keys:write"
READ_PLATFORM_TOKENS, WRITE_PLATFORM_TOKENS = "integrations:api-clients:read", "integrations:api-clients:write"
SUSPEND, RESTORE = "organizations:suspend", "organizations:restore"
LIST_ORGANIZATIONS, LIST_USERS = "organizations:list", "users:list"
#: What it takes, beyond the key on users, to do the same to people who hold a platform role.
ADMIN_KEYS = {
    Verb.VIEW: "admins:read",
    Verb.ADD: "admins:create",
    Verb.CHANGE: "admins:update",
    Verb.DELETE: "admins:delete",
}

M = TypeVar("M", bound=models.Model)


def _on_platform(actor: Actor, rows: models.QuerySet[M]) -> models.QuerySet[M]:
    return rows if actor.scope is Scope.PLATFORM else rows.none()


def _organizations(actor: Actor, verb: Verb) -> models.QuerySet[Organization]:
    return _on_platform(actor, Organization.objects.all())


def _users(actor: Actor, verb: Verb) -> models.QuerySet[User]:
    """Return the users that the actor may do this to: platform staff among them with the key on admins only."""
    users = _on_platform(actor, User.objects.all())
    if decide(actor, ADMIN_KEYS[verb]) is None:
        return users
    return users.filter(legacy_role="").exclude(pk__in=Membership.objects.filter(organization=None).values("user_id"))


def _invitations(actor: Actor, verb: Verb) -> models.QuerySet[Invitation]:
    return Invitation.objects.visible_to(actor)


def _tokens(actor: Actor, verb: Verb) -> models.QuerySet[ApiToken]:
    return ApiToken.objects.filter(organization_id=actor.organization_id)


def _service_accounts(actor: Actor, verb: Verb) -> models.QuerySet[Membership]:
    return Membership.objects.visible_to(actor).filter(user__is_service=True)


organization_policy = guard(
    AccessPolicy(
        Organization,
        {
            Verb.VIEW: "organizations:read",
            Verb.ADD: "organizations:create",
            Verb.CHANGE: "organizations:update",
            Verb.DELETE: "organizations:delete",
        },
        _organizations,
    )
)
user_policy = guard(
    AccessPolicy(
        User,
        {
            Verb.VIEW: "users:read",
            Verb.ADD: "users:create",
            Verb.CHANGE: "users:update",
            Verb.DELETE: "users:delete",
        },
        _users,
    )
)
invitation_policy = guard(
    AccessPolicy(
        Invitation,
        {Verb.VIEW: LIST_TEAM, Verb.ADD: INVITE, Verb.CHANGE: INVITE, Verb.DELETE: INVITE},
        _invitations,
    )
)

token_policy = AccessPolicy(
    ApiToken,
    {Verb.VIEW: READ_TOKENS, Verb.ADD: WRITE_TOKENS, Verb.CHANGE: WRITE_TOKENS, Verb.DELETE: WRITE_TOKENS},
    _tokens,
)
platform_token_policy = guard(
    AccessPolicy(
        ApiToken,
        {
            Verb.VIEW: READ_PLATFORM_TOKENS,
            Verb.ADD: WRITE_PLATFORM_TOKENS,
            Verb.CHANGE: WRITE_PLATFORM_TOKENS,
            Verb.DELETE: WRITE_PLATFORM_TOKENS,
        },
        _tokens,
    )
)
service_account_policy = AccessPolicy(
    Membership,
    {Verb.VIEW: READ_TOKENS, Verb.ADD: WRITE_TOKENS},
    _service_accounts,
)


def tokens_policy(actor: Actor) -> AccessPolicy[ApiToken]:
    """Return the policy of tokens in the actor's scope: the platform's, or the organization's."""
    return platform_token_policy if actor.scope is Scope.PLATFORM else token_policy


def write_tokens_key(actor: Actor) -> str:
    """Return the permission that issuing and revoking tokens needs in the actor's scope."""
    return WRITE_PLATFORM_TOKENS if actor.scope is Scope.PLATFORM else WRITE_TOKENS


def require_offerable(actor: Actor, role: Role, key: str) -> None:
    """Raise unless the actor may hand the role to a newcomer with `key`: in place, active, within the ceiling.

    A newcomer is an invited person or a service account (ASSIGN-2).
    """
    require(actor, key)
    require_for_oneself(actor, key)
    if role.scope != actor.scope or role.organization_id not in (None, actor.organization_id):
        raise AccessDenied(Denial(Reason.OUT_OF_REACH, key, "roles.role", str(role.pk), "There is no such role."))
    if not role.is_active:
        raise ActionRefused(f"“{role}” is inactive: reactivate it first, or choose another role.")
    require_within_ceiling(actor, role)


def require_not_outranked(actor: Actor, role: Role, key: str, resource: models.Model) -> None:
    """Raise when `role`, which goes with `resource`, ranks above the actor's own (ASSIGN-4)."""
    if role.priority > priority_of(actor):
        about = (resource._meta.label_lower, str(resource.pk))
        raise AccessDenied(Denial(Reason.OUTRANKED, key, *about, f"“{role}” ranks above your own role."))


def require_token_within_ceiling(actor: Actor, holder: Membership, permissions: frozenset[str] | None) -> None:
    """Raise unless the actor may issue the holder a token of these permissions (None: all of the holder's role).

    A token never holds more than the role of its holder, nor more than the actor who issues it: one who acts through
    a narrowed token cannot issue a wider one (ASSIGN-2). Raises ValidationError for keys that the role does not hold.
    """
    role = holder.role
    if permissions is None or holder.user_id != actor.user_id:
        require_within_ceiling(actor, role)
    if permissions is None:
        return
    if excess := permissions - read_family(above=[role.pk]).effective(role.pk):
        raise ValidationError({"permissions": f"“{role}” does not hold {_listed(excess)}, so its token cannot."})
    if lacking := [key for key in permissions if not actor.has(key)]:
        raise AccessDenied(
            Denial(
                Reason.ABOVE_CEILING,
                write_tokens_key(actor),
                "roles.membership",
                str(holder.pk),
                f"You lack {_listed(lacking)}, so you cannot hand it on.",
            )
        )


def _listed(keys: Iterable[str]) -> str:
    ordered = sorted(keys)
    return ", ".join(ordered[:5]) + (" …" if len(ordered) > 5 else "")
