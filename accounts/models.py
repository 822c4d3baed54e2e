"""Who: users, organizations and their brand, invitations, tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone

from roles.legacy import LegacyRole
from tenancy import context
from tenancy.actors import Scope
from tenancy.ids import new_id

INVITATION_LIFETIME = timedelta(days=7)
#: Words that stand first in a path of the installation, so that no organization can be called by them.
SLUG = RegexValidator(r"^[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?$", "Use small letters, digits and hyphens.")
HEX_COLOR = RegexValidator(r"^#[0-9A-Fa-f]{6}$", "Write the color as # and six hexadecimal digits.")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create and return a user; without a password they cannot sign in with one."""
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        """Return the address as it is stored: trimmed and in small letters, for people do not tell the cases apart."""
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=self.normalize_email(username))


class User(AbstractBaseUser, PermissionsMixin):
    """A person, or a service account, known by e-mail address.

    What they may do follows from the current actor alone; `is_superuser` and groups grant nothing.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField("e-mail address", unique=True)
    name = models.CharField(max_length=150, blank=True)
    is_active = models.BooleanField("active", default=True)
    is_service = models.BooleanField(
        "service account", default=False, help_text="Works through tokens and cannot open a session."
    )
    banned_at = models.DateTimeField(null=True, blank=True, editable=False)
    # What an earlier system made of them, until they are mapped. No form has it, and only the platform may write it.
    legacy_role = models.CharField(max_length=11, choices=LegacyRole.choices, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["email"]
        constraints = [
            models.CheckConstraint(condition=Q(email=Lower(F("email"))), name="accounts_user_email_in_small_letters"),
            models.CheckConstraint(
                condition=Q(banned_at=None) | Q(is_active=False), name="accounts_user_banned_is_inactive"
            ),
            models.CheckConstraint(
                condition=Q(legacy_role="") | Q(legacy_role__in=LegacyRole.values, is_service=False),
                name="accounts_user_legacy_role_is_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email

    @property
    def is_staff(self) -> bool:
        """Whether this user acts on the platform now: derived from the context, never stored."""
        actor = context.current_actor()
        return actor is not None and actor.user_id == self.pk and actor.scope is Scope.PLATFORM

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        """Ask the roles' backend, whatever `is_superuser` says."""
        from django.contrib.auth.models import _user_has_perm  # type: ignore[attr-defined]

        return bool(self.is_active and _user_has_perm(self, perm, obj))

    def has_module_perms(self, app_label: str) -> bool:
        """Ask the roles' backend, whatever `is_superuser` says."""
        from django.contrib.auth.models import _user_has_module_perms  # type: ignore[attr-defined]

        return bool(self.is_active and _user_has_module_perms(self, app_label))


class Organization(models.Model):
    """A tenant: an agency whose people work for its clients."""

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        SUSPENDED = "suspended", "Suspended"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    slug = models.CharField(max_length=60, unique=True, validators=[SLUG])
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.ACTIVE, editable=False)
    suspended_at = models.DateTimeField(null=True, blank=True, editable=False)
    suspension_reason = models.CharField(max_length=500, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def organization_id(self) -> Any:
        """Itself: an organization belongs to the organization it is."""
        return self.pk


class Branding(models.Model):
    """How an organization's pages look to those who have not signed in yet, too."""

    organization = models.OneToOneField(
        Organization, primary_key=True, on_delete=models.CASCADE, related_name="branding"
    )
    accent = models.CharField(max_length=7, default="#3B5BDB", validators=[HEX_COLOR])
    sign_in_text = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"Brand of {self.organization_id}"


class CustomDomain(models.Model):
    """A host name that shows an organization's pages without the path, once it is verified."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="domains")
    host = models.CharField(max_length=253)
    verification_token = models.CharField(max_length=64, editable=False)
    verified_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "host"], name="accounts_customdomain_once"),
            # Two organizations may claim a host; only one can prove it.
            models.UniqueConstraint(
                fields=["host"], condition=Q(verified_at__isnull=False), name="accounts_customdomain_one_verified"
            ),
            models.CheckConstraint(condition=Q(host=Lower(F("host"))), name="accounts_customdomain_small_letters"),
        ]

    def __str__(self) -> str:
        return self.host


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def pending(self, now: datetime | None = None) -> InvitationQuerySet:
        """Return the invitations that can still be accepted."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=now or timezone.now())

    def visible_to(self, actor: Any) -> InvitationQuerySet:
        """Return the invitations of the actor's own organization."""
        return self.filter(organization_id=actor.organization_id)


class Invitation(models.Model):
    """An offer of one role to one e-mail address. Its link is kept as a digest and works once (ORG-3)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail address")
    role = models.ForeignKey("roles.Role", null=True, on_delete=models.DO_NOTHING, related_name="+")
    client_ids = ArrayField(models.UUIDField(), default=list, blank=True)
    invited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    token_digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    first_access_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "token_digest"], name="accounts_invitation_digest"),
            models.UniqueConstraint(
                fields=["organization", "email"],
                condition=Q(accepted_at=None, revoked_at=None),
                name="accounts_invitation_one_open",
            ),
            models.CheckConstraint(condition=Q(email=Lower(F("email"))), name="accounts_invitation_small_letters"),
            models.CheckConstraint(
                condition=Q(role__isnull=False) | Q(accepted_at__isnull=False) | Q(revoked_at__isnull=False),
                name="accounts_invitation_open_offers_a_role",
            ),
        ]

    def __str__(self) -> str:
        return self.email


class ApiToken(models.Model):
    """What a token may do: its organization (none: the platform), and optionally fewer permissions than its role.

    The credential itself is knox's: a digest, shown once, expiring. Without this row it opens nothing (ORG-6).
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    credential = models.OneToOneField(settings.KNOX_TOKEN_MODEL, on_delete=models.CASCADE, related_name="api_token")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    organization = models.ForeignKey(
        Organization, null=True, blank=True, on_delete=models.CASCADE, related_name="api_tokens"
    )
    name = models.CharField(max_length=100)
    permissions = ArrayField(
        models.CharField(max_length=100), null=True, blank=True, help_text="Empty: all of the role's."
    )
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name
