"""Accepting an invitation: from a link to a member, once (ORG-3, threat 17)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from accounts import access
from accounts.actions.invitations import client_assigners, digest_of, visible_clients
from accounts.directory import organization_by_slug
from accounts.models import Invitation, User
from accounts.naming import cleaned_name
from audit.recording import record_allowed
from roles.actions.assign import bring_in
from roles.actors import RoleActor, resolve
from roles.locking import still
from roles.models import Membership
from tenancy.actors import SystemActor
from tenancy.context import Origin, acting
from tenancy.errors import AccessDenied, ActionRefused, Denial, NotVisible, Reason

RESOURCE = "accounts.invitation"
#: The same for a link that never was, was used, has expired or was withdrawn: it tells a stranger nothing.
CLOSED = "This invitation does not work (any more). Ask the person who invited you for a new one."
HAS_ACCOUNT = "There is an account for this address already. Sign in to accept the invitation."
OTHER_PERSON = "This invitation is for another address than yours. Sign out, then open the link again."
NOT_OFFERED = "Whoever invited you may not offer this role any more. Ask the organization for a new invitation."


class InvitationClosed(NotVisible):
    """There is no open invitation behind the link. Answered with 404."""

    def __init__(self) -> None:
        super().__init__(Denial(Reason.OUT_OF_REACH, access.INVITE, RESOURCE, sentence=CLOSED))


@dataclass(frozen=True, slots=True)
class Offer:
    """What the holder of a link may know before accepting."""

    invitation_id: UUID
    organization_name: str
    email: str
    role_name: str
    inviter: str
    inviter_id: UUID | None
    expires_at: datetime
    has_account: bool


def open_offer(organization_slug: str, token: str, origin: Origin | None = None) -> Offer:
    """Return the offer behind the link of an organization. Raises InvitationClosed, recorded, when there is none.

    Called outside of any context, for nobody is known yet.
    """
    host = _host(organization_slug, origin)
    with acting(host, origin):
        invitation = _open(token, host)
        with acting(SystemActor("looking for the account of an invitation")):
            has_account = User.objects.filter(email=invitation.email).exists()
        return Offer(
            invitation_id=invitation.pk,
            organization_name=invitation.organization.name,
            email=invitation.email,
            role_name=invitation.role.display_name,
            inviter=str(invitation.invited_by or ""),
            inviter_id=invitation.invited_by_id,
            expires_at=invitation.expires_at,
            has_account=has_account,
        )


@dataclass(frozen=True)
class AcceptInvitation:
    """Make the holder of a link a member of its organization, with the role offered, at once.

    `user` is who is signed in, if anyone: a person with an account accepts as themselves; a new one gives a name and
    a password and has their account made, its e-mail address verified by the link. Called outside of any context.

    Raises InvitationClosed; AccessDenied for another person, or when whoever invited may not offer the role as it is
    now; ActionRefused for an inactive role or a member; ValidationError for `name` and `password`.
    """

    organization_slug: str
    token: str
    user: User | None = None
    name: str = ""
    password: str = ""
    origin: Origin | None = None

    def execute(self) -> Membership:
        """Return the new membership, with its user and role. Of two requests at once, one gets it."""
        offer = open_offer(self.organization_slug, self.token, self.origin)
        host = _host(self.organization_slug, self.origin)
        inviter = self._inviter(offer, host)
        with acting(host, self.origin):
            invitation = _open(self.token, host, lock=True)
            self.check(invitation, inviter, has_account=offer.has_account)
            user = self.user or self._new_person(invitation.email)
            return self._join(invitation, user, inviter)

    def check(self, invitation: Invitation, inviter: RoleActor | Denial, *, has_account: bool) -> None:
        if self.user is None and has_account:
            raise AccessDenied(_denial(Reason.NOT_SIGNED_IN, invitation, HAS_ACCOUNT))
        if self.user is not None and self.user.email != invitation.email:
            raise AccessDenied(_denial(Reason.NOT_A_MEMBER, invitation, OTHER_PERSON))
        if isinstance(inviter, Denial):
            # Their reason is not told: being banned, say, is between them and the platform.
            raise AccessDenied(_denial(Reason.MISSING_PERMISSION, invitation, NOT_OFFERED))
        try:
            access.require_offerable(still(inviter), invitation.role, access.INVITE)
        except AccessDenied as refused:
            raise AccessDenied(_denial(refused.denial.reason, invitation, NOT_OFFERED)) from refused
        except ActionRefused as inactive:
            raise ActionRefused(NOT_OFFERED) from inactive
        if Membership.objects.filter(user=self.user, organization_id=invitation.organization_id).exists():
            raise ActionRefused("You belong to this organization already.")

    def _inviter(self, offer: Offer, host: SystemActor) -> RoleActor | Denial:
        """Return whoever invited, with the role they have now, or why they may not act here any more."""
        if offer.inviter_id is None:
            return Denial(Reason.NOT_A_MEMBER)
        return resolve(offer.inviter_id, organization_id=host.organization_id)

    def _new_person(self, email: str) -> User:
        """Return the account made for the address. Raises AccessDenied when there is one: its person signs in first."""
        user = User(email=email, name=cleaned_name(self.name))
        user.clean_fields(exclude=["password"])
        try:
            validate_password(self.password, user)
        except ValidationError as error:
            raise ValidationError({"password": error.messages}) from error
        user.set_password(self.password)
        try:
            with acting(SystemActor("making the account of an invitation")):
                user.save(force_insert=True)
                EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
        except IntegrityError as error:
            raise AccessDenied(Denial(Reason.NOT_SIGNED_IN, access.INVITE, RESOURCE, sentence=HAS_ACCOUNT)) from error
        return user

    def _join(self, invitation: Invitation, user: User, inviter: RoleActor | Denial) -> Membership:
        assert isinstance(inviter, RoleActor)  # noqa: S101  (told by check)
        now = timezone.now()
        joining = SystemActor(f"{user.email} accepts an invitation", invitation.organization_id, user_id=user.pk)
        with acting(joining):
            [membership] = bring_in([user], invitation.role, invitation.organization_id, inviter.user_id)
            clients = visible_clients(inviter, invitation.client_ids) if invitation.client_ids else frozenset()
            for assigner in client_assigners if clients else ():
                assigner.assign(invitation.organization_id, user, clients)
            # Access begins with the membership, so the first access is now.
            invitation.accepted_at = invitation.first_access_at = now
            invitation.accepted_by = user
            invitation.save(update_fields=["accepted_at", "first_access_at", "accepted_by"])
            record_allowed(
                access.INVITE,
                membership,
                operation="accept_invitation",
                invitation=str(invitation.pk),
                role=invitation.role.name,
                clients=[str(client) for client in sorted(clients)],
                seconds_from_invitation=round((now - invitation.created_at).total_seconds()),
            )
        return membership


def _host(organization_slug: str, origin: Origin | None) -> SystemActor:
    """Return the organization's side of the door. Raises InvitationClosed, recorded, when nobody works behind it."""
    brand = organization_by_slug(organization_slug)
    host = SystemActor("opening an invitation", brand.organization_id if brand else None)
    if brand is None or not brand.is_active:
        with acting(host, origin):
            raise InvitationClosed
    return host


def _open(token: str, host: SystemActor, *, lock: bool = False) -> Invitation:
    invitations = Invitation.objects.visible_to(host).pending().filter(token_digest=digest_of(token))
    if lock:
        # Read after the wait, with the role that it offers by then.
        list(invitations.select_for_update(of=("self",)).values_list("pk"))
    found = invitations.select_related("organization", "role", "invited_by").first()
    if found is None:
        raise InvitationClosed
    return found


def _denial(reason: Reason, invitation: Invitation, sentence: str) -> Denial:
    return Denial(reason, access.INVITE, RESOURCE, str(invitation.pk), sentence)
