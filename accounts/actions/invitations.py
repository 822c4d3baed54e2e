"""Inviting people: an offer of one role to one e-mail address, by a link that works once (ORG-3)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import access
from accounts.emails import invitation_message, send_after_commit
from accounts.models import INVITATION_LIFETIME, Invitation, User
from audit.recording import record_allowed
from roles.models import Membership, Role
from tenancy.actors import Actor, Reach
from tenancy.errors import ActionRefused
from tenancy.policies import Verb

MOST_AT_ONCE = 100
SEPARATORS = str.maketrans(",;<>", "    ")


class ClientAssigner(Protocol):
    """How the clients room takes part in inviting: it registers one in `client_assigners` as it gets ready."""

    def visible(self, actor: Actor, client_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return those of the clients that the actor may see."""
        ...

    def assign(self, organization_id: UUID, user: User, client_ids: Collection[UUID]) -> None:
        """Assign the user to the clients of the organization in whose context this is called."""
        ...


#: Rooms above, asked in turn.
client_assigners: list[ClientAssigner] = []


def split_addresses(text: str) -> list[str]:
    """Return the e-mail addresses that a person wrote into one field, between spaces, lines, commas or semicolons."""
    return [word for word in text.translate(SEPARATORS).split() if word]


def new_link_token() -> str:
    """Return a secret for a link, of 256 random bits."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return what is stored of a link's secret."""
    return hashlib.sha256(token.encode()).hexdigest()


def visible_clients(actor: Actor, client_ids: Collection[UUID]) -> frozenset[UUID]:
    """Return those of the clients that the actor may see: none while no room tells."""
    return frozenset().union(*(assigner.visible(actor, client_ids) for assigner in client_assigners))


@dataclass(frozen=True)
class Invite:
    """Offer `role` to every address of `emails`, and with a role of assigned reach the clients: all of it or nothing.

    Raises AccessDenied without the right or above the ceiling, ActionRefused for an inactive role, and
    ValidationError with one sentence for each address, or for the clients, that is not right.
    """

    actor: Actor
    emails: Iterable[str]
    role: Role
    client_ids: Collection[UUID] = ()

    def check(self) -> None:
        access.require_offerable(self.actor, self.role, access.INVITE)
        self._check_clients()

    def _check_clients(self) -> None:
        if not self.client_ids:
            return
        if self.role.reach != Reach.ASSIGNED:
            raise ValidationError({"clients": f"“{self.role}” reaches all clients: leave the clients out."})
        if set(self.client_ids) - visible_clients(self.actor, self.client_ids):
            raise ValidationError({"clients": "Some of these clients do not exist."})

    def execute(self) -> list[Invitation]:
        """Return the invitations. The e-mails leave once the transaction has committed."""
        self.check()
        addresses = self._addresses()
        self._withdraw_expired(addresses)
        try:
            with transaction.atomic():
                offers = [self._offer(address) for address in addresses]
        except IntegrityError as error:
            raise ActionRefused("Somebody else is inviting the same people now. Look at the list again.") from error
        send_after_commit([invitation_message(invitation, token) for invitation, token in offers])
        return [invitation for invitation, _ in offers]

    def _addresses(self) -> list[str]:
        """Return the addresses as they are stored, each once and in order. Raises ValidationError."""
        addresses = list(dict.fromkeys(User.objects.normalize_email(email) for email in self.emails))
        if not addresses:
            raise ValidationError({"emails": "Write at least one e-mail address."})
        if len(addresses) > MOST_AT_ONCE:
            raise ValidationError({"emails": f"Invite at most {MOST_AT_ONCE} people at once."})
        organization_id = self.actor.organization_id
        members = set(
            Membership.objects.filter(organization_id=organization_id, user__email__in=addresses).values_list(
                "user__email", flat=True
            )
        )
        pending = Invitation.objects.visible_to(self.actor).pending()
        invited = set(pending.filter(email__in=addresses).values_list("email", flat=True))
        wrong = [sentence for address in addresses if (sentence := _wrong(address, members, invited))]
        if wrong:
            raise ValidationError({"emails": wrong})
        return addresses

    def _withdraw_expired(self, addresses: list[str]) -> None:
        """Make room: an address has at most one invitation that is neither accepted nor withdrawn."""
        for expired in Invitation.objects.visible_to(self.actor).filter(
            email__in=addresses, accepted_at=None, revoked_at=None, expires_at__lte=timezone.now()
        ):
            expired.revoked_at = timezone.now()
            expired.save(update_fields=["revoked_at"])

    def _offer(self, address: str) -> tuple[Invitation, str]:
        token = new_link_token()
        now = timezone.now()
        invitation = Invitation.objects.create(
            organization_id=self.actor.organization_id,
            email=address,
            role=self.role,
            client_ids=sorted(set(self.client_ids)),
            invited_by_id=self.actor.user_id,
            token_digest=digest_of(token),
            sent_at=now,
            expires_at=now + INVITATION_LIFETIME,
        )
        record_allowed(access.INVITE, invitation, operation="invite", role=self.role.name)
        return invitation, token


def _wrong(address: str, members: set[str], invited: set[str]) -> str | None:
    """Return the sentence that says why the address cannot be invited, or None."""
    try:
        validate_email(address)
    except ValidationError:
        return f"“{address[:254]}” is not an e-mail address."
    if address.endswith(".invalid"):
        return f"{address} cannot receive e-mail."
    if address in members:
        return f"{address} belongs to the organization already."
    if address in invited:
        return f"{address} has an open invitation already: resend that one."
    return None


@dataclass(frozen=True)
class ResendInvitation:
    """Send an open or expired invitation again, in the actor's name: a new link, which the old one dies by."""

    actor: Actor
    pk: UUID

    def check(self, invitation: Invitation) -> None:
        _require_open(invitation)
        access.require_offerable(self.actor, invitation.role, access.INVITE)

    def execute(self) -> Invitation:
        """Return the invitation as it is now."""
        invitation = access.invitation_policy.get(self.actor, self.pk, Verb.CHANGE, lock=True)
        self.check(invitation)
        token = new_link_token()
        invitation.token_digest = digest_of(token)
        invitation.invited_by_id = self.actor.user_id
        invitation.sent_at = timezone.now()
        invitation.expires_at = invitation.sent_at + INVITATION_LIFETIME
        invitation.save(update_fields=["token_digest", "invited_by", "sent_at", "expires_at"])
        record_allowed(access.INVITE, invitation, operation="resend_invitation")
        send_after_commit([invitation_message(invitation, token)])
        return invitation


@dataclass(frozen=True)
class RevokeInvitation:
    """Withdraw an open invitation: its link dies at once."""

    actor: Actor
    pk: UUID

    def check(self, invitation: Invitation) -> None:
        _require_open(invitation)
        access.require_not_outranked(self.actor, invitation.role, access.INVITE, invitation)

    def execute(self) -> Invitation:
        """Return the invitation as it is now."""
        invitation = access.invitation_policy.get(self.actor, self.pk, Verb.DELETE, lock=True)
        self.check(invitation)
        invitation.revoked_at = timezone.now()
        invitation.save(update_fields=["revoked_at"])
        record_allowed(access.INVITE, invitation, operation="revoke_invitation")
        return invitation


def _require_open(invitation: Invitation) -> None:
    if invitation.accepted_at is not None:
        raise ActionRefused(f"{invitation.email} has accepted this invitation already.")
    if invitation.revoked_at is not None:
        raise ActionRefused(f"The invitation of {invitation.email} was withdrawn. Invite them anew.")
