"""What platform staff do to organizations: create with a first owner, rename, suspend, restore (ORG-1)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts import access
from accounts.actions.users import required_reason
from accounts.emails import send_after_commit
from accounts.models import Branding, Organization, User
from accounts.naming import cleaned_name
from accounts.password_links import owner_message, password_message
from audit.recording import record_allowed
from roles.actions.assign import bring_in
from roles.models import Role
from tenancy.actors import Actor
from tenancy.errors import AccessDenied, ActionRefused, Denial, Reason
from tenancy.policies import Verb, require

_RESERVED = """
account accounts admin api app assets auth billing console dashboard docs domain domains email ftp healthz help home
iam imap internal login logout mail media new ns1 ns2 o org organization organizations owner platform postmaster root
security settings sign-in signup smtp sso start static status support system test webmaster www
"""
#: Names that would read as the installation's own in an address: no organization is called by them.
RESERVED_SLUGS = frozenset(_RESERVED.split())
FIRST_OWNER = "org-owner"


@dataclass(frozen=True)
class CreateOrganization:
    """Set up an organization with its brand and its first owner.

    A person with an account owns it at once and is told so; anyone else gets an account and the link that sets its
    password. Raises ValidationError for `name`, `slug` and `owner_email`, AccessDenied for oneself as the owner.
    """

    actor: Actor
    name: str
    slug: str
    owner_email: str

    def check(self) -> None:
        access.organization_policy.require(self.actor, Verb.ADD)
        if User.objects.filter(pk=self.actor.user_id, email=self._address()).exists():
            raise AccessDenied(
                Denial(
                    Reason.SELF,
                    access.organization_policy.keys[Verb.ADD],
                    sentence="Name someone else as the owner: nobody gives a role to themselves.",
                )
            )

    def execute(self) -> Organization:
        """Return the organization. The e-mail to its owner leaves once the transaction has committed."""
        self.check()
        organization = self._create()
        owner, is_new = self._owner()
        bring_in([owner], Role.objects.built_in().get(name=FIRST_OWNER), organization.pk, self.actor.user_id)
        record_allowed(
            access.organization_policy.keys[Verb.ADD],
            organization,
            operation="create_organization",
            slug=organization.slug,
            owner=str(owner.pk),
        )
        message = password_message if is_new else owner_message
        send_after_commit([message(owner, organization)])
        return organization

    def _create(self) -> Organization:
        organization = Organization(name=cleaned_name(self.name), slug=self.slug.strip())
        if organization.slug in RESERVED_SLUGS:
            raise ValidationError({"slug": f"“{organization.slug}” is kept for the installation. Choose another name."})
        organization.full_clean()
        try:
            with transaction.atomic():
                organization.save(force_insert=True)
        except IntegrityError as error:
            raise ValidationError({"slug": "Somebody has just taken this name. Choose another one."}) from error
        Branding.objects.create(organization=organization)
        return organization

    def _owner(self) -> tuple[User, bool]:
        """Return the account of the owner's address, and whether it was made for them."""
        address = self._address()
        known = User.objects.filter(email=address).first() or _by_verified_address(address)
        if known is not None:
            if known.is_service or not known.is_active:
                raise ValidationError({"owner_email": f"{address} belongs to an account that cannot sign in."})
            return known, False
        owner = User.objects.create_user(address)
        # Only who reads this mailbox can set the password, so nothing is left to verify.
        EmailAddress.objects.create(user=owner, email=address, verified=True, primary=True)
        return owner, True

    def _address(self) -> str:
        address = User.objects.normalize_email(self.owner_email)
        try:
            validate_email(address)
        except ValidationError as error:
            raise ValidationError({"owner_email": "Write the e-mail address of the first owner."}) from error
        if address.endswith(".invalid"):
            raise ValidationError({"owner_email": f"{address} cannot receive e-mail."})
        return address


def _by_verified_address(address: str) -> User | None:
    verified = EmailAddress.objects.select_related("user").filter(email=address, verified=True).first()
    return verified.user if verified else None


@dataclass(frozen=True)
class UpdateOrganization:
    """Rename an organization. Its short name stays, for its addresses are made of it."""

    actor: Actor
    pk: UUID
    name: str

    def check(self) -> None:
        access.organization_policy.require(self.actor, Verb.CHANGE)

    def execute(self) -> Organization:
        """Return the organization as it is now."""
        self.check()
        organization = access.organization_policy.get(self.actor, self.pk, Verb.CHANGE, lock=True)
        organization.name = cleaned_name(self.name)
        organization.full_clean()
        organization.save(update_fields=["name", "updated_at"])
        record_allowed(access.organization_policy.keys[Verb.CHANGE], organization, operation="update_organization")
        return organization


@dataclass(frozen=True)
class SuspendOrganization:
    """Refuse every access of an organization's people and tokens from the next request on, and show them why."""

    actor: Actor
    pk: UUID
    reason: str

    def check(self, organization: Organization) -> None:
        require(self.actor, access.SUSPEND)
        if organization.status == Organization.Status.SUSPENDED:
            raise ActionRefused(f"{organization} is suspended already.")

    def execute(self) -> Organization:
        """Return the organization as it is now."""
        organization = access.organization_policy.get(self.actor, self.pk, Verb.VIEW, lock=True)
        self.check(organization)
        organization.status = Organization.Status.SUSPENDED
        organization.suspended_at = timezone.now()
        organization.suspension_reason = required_reason(self.reason)
        organization.save(update_fields=["status", "suspended_at", "suspension_reason", "updated_at"])
        record_allowed(
            access.SUSPEND, organization, operation="suspend_organization", reason=organization.suspension_reason
        )
        return organization


@dataclass(frozen=True)
class RestoreOrganization:
    """Let a suspended organization's people and tokens in again."""

    actor: Actor
    pk: UUID

    def check(self, organization: Organization) -> None:
        require(self.actor, access.RESTORE)
        if organization.status != Organization.Status.SUSPENDED:
            raise ActionRefused(f"{organization} is not suspended.")

    def execute(self) -> Organization:
        """Return the organization as it is now."""
        organization = access.organization_policy.get(self.actor, self.pk, Verb.VIEW, lock=True)
        self.check(organization)
        organization.status = Organization.Status.ACTIVE
        organization.suspended_at = None
        organization.suspension_reason = ""
        organization.save(update_fields=["status", "suspended_at", "suspension_reason", "updated_at"])
        record_allowed(access.RESTORE, organization, operation="restore_organization")
        return organization
