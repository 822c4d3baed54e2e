"""API tokens and the service accounts that work through them (ORG-6)."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.text import slugify
from knox.models import AuthToken

from accounts import access
from accounts.models import ApiToken, Organization, User
from accounts.naming import cleaned_name
from audit.recording import record_allowed
from roles import catalogue
from roles.access import require_for_oneself
from roles.actions.assign import bring_in
from roles.models import Membership, Role
from tenancy.actors import Actor
from tenancy.errors import AccessDenied, Denial, Reason
from tenancy.policies import Verb, require

DEFAULT_LIFETIME = timedelta(days=90)
LONGEST_LIFETIME = timedelta(days=365)
SERVICE_DOMAIN = "service.{slug}.invalid"


@dataclass(frozen=True)
class IssueToken:
    """Issue a token in the actor's scope: for oneself, or for `user`, a service account of the organization.

    `permissions` narrows it to fewer than the holder's role has; None leaves all of them. A token expires after
    `expires_in`, of at most a year.

    Raises AccessDenied without the right, above the ceiling or for another person; ValidationError for the values.
    """

    actor: Actor
    name: str
    user: User | None = None
    permissions: Collection[str] | None = None
    expires_in: timedelta = DEFAULT_LIFETIME

    def check(self, holder: Membership) -> None:
        key = access.write_tokens_key(self.actor)
        require(self.actor, key)
        require_for_oneself(self.actor, key)
        if holder.user_id != self.actor.user_id and not holder.user.is_service:
            raise AccessDenied(
                Denial(
                    Reason.OUT_OF_REACH,
                    key,
                    "roles.membership",
                    str(holder.pk),
                    "A token is issued for oneself or for a service account, not for another person.",
                )
            )
        if not timedelta(0) < self.expires_in <= LONGEST_LIFETIME:
            raise ValidationError({"expires_in": f"A token lives for 1 to {LONGEST_LIFETIME.days} days."})
        access.require_token_within_ceiling(self.actor, holder, self._narrowed())

    def execute(self) -> tuple[ApiToken, str]:
        """Return the token and its secret, which is stored as a digest only and so is told this once."""
        holder = self._holder()
        self.check(holder)
        narrowed = self._narrowed()
        token = ApiToken(
            user_id=holder.user_id,
            organization_id=self.actor.organization_id,
            name=cleaned_name(self.name),
            permissions=None if narrowed is None else catalogue.in_order(narrowed),
            created_by_id=self.actor.user_id,
        )
        token.clean_fields(exclude=["credential", "user", "organization", "created_by"])
        token.credential, secret = AuthToken.objects.create(holder.user, expiry=self.expires_in)
        token.save(force_insert=True)
        _record(self.actor, token, "issue_token")
        return token, secret

    def _narrowed(self) -> frozenset[str] | None:
        if self.permissions is None:
            return None
        keys = frozenset(self.permissions)
        if not keys:
            raise ValidationError({"permissions": "Name at least one permission, or leave the field out for all."})
        wildcards = keys & {catalogue.SUPER, catalogue.ADMIN}
        if wildcards:
            raise ValidationError({"permissions": f"Name the permissions one by one instead of “{min(wildcards)}”."})
        return keys

    def _holder(self) -> Membership:
        user_id = self.user.pk if self.user else self.actor.user_id
        holders = Membership.objects.with_people().filter(organization_id=self.actor.organization_id)
        holder = holders.filter(user_id=user_id).first()
        if holder is None:
            raise ValidationError({"user": "There is no such person here."})
        return holder


@dataclass(frozen=True)
class RevokeToken:
    """Revoke a token: its credential is deleted with it, so the next request that carries it is refused."""

    actor: Actor
    pk: UUID

    def check(self, token: ApiToken) -> None:
        require_for_oneself(self.actor, access.write_tokens_key(self.actor))
        memberships = Membership.objects.with_people().filter(organization_id=token.organization_id)
        holder = memberships.filter(user_id=token.user_id).first()
        if holder is not None and holder.user_id != self.actor.user_id:
            access.require_not_outranked(self.actor, holder.role, access.write_tokens_key(self.actor), token)

    def execute(self) -> None:
        """Delete the token. A trigger deletes its credential in the same statement."""
        token = access.tokens_policy(self.actor).get(self.actor, self.pk, Verb.DELETE, lock=True)
        self.check(token)
        _record(self.actor, token, "revoke_token")
        token.delete()


@dataclass(frozen=True)
class CreateServiceAccount:
    """Make an account that works through tokens only, with one role in the actor's organization.

    Raises AccessDenied without the right or above the ceiling, ActionRefused for an inactive role, ValidationError
    for the name.
    """

    actor: Actor
    name: str
    role: Role

    def check(self) -> None:
        access.require_offerable(self.actor, self.role, access.WRITE_TOKENS)

    def execute(self) -> Membership:
        """Return its membership, with its user."""
        self.check()
        user = User(name=cleaned_name(self.name), is_service=True)
        user.email = self._address(user.name)
        user.set_unusable_password()
        user.clean_fields(exclude=["password"])
        user.save(force_insert=True)
        [membership] = bring_in([user], self.role, self.actor.organization_id, self.actor.user_id)
        record_allowed(access.WRITE_TOKENS, membership, operation="create_service_account", role=self.role.name)
        return membership

    def _address(self, name: str) -> str:
        """Return an address that no mail reaches (RFC 2606, section 2), of its own although names may repeat."""
        organization = Organization.objects.get(pk=self.actor.organization_id)
        local = f"{slugify(name)[:40] or 'service'}-{secrets.token_hex(3)}"
        return f"{local}@{SERVICE_DOMAIN.format(slug=organization.slug)}"


def _record(actor: Actor, token: ApiToken, operation: str) -> None:
    key = access.write_tokens_key(actor)
    record_allowed(key, token, operation=operation, holder=str(token.user_id), name=token.name)
