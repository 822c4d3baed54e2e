"""What people may do: the catalogue, roles with inheritance, memberships, and the versions that caches go by."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from tenancy.actors import Actor, Reach, Scope
from tenancy.ids import new_id

SCOPES = [(Scope.PLATFORM.value, "Platform"), (Scope.TENANT.value, "Tenant")]
REACHES = [(Reach.ALL.value, "All clients"), (Reach.ASSIGNED.value, "Assigned clients")]


class Permission(models.Model):
    """One key of the catalogue, seeded from the release's data. Nobody edits it."""

    key = models.CharField(max_length=100, primary_key=True)
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=8, choices=SCOPES)
    category = models.CharField(max_length=50)
    position = models.PositiveSmallIntegerField()

    class Meta:
        ordering = ["position"]

    def __str__(self) -> str:
        return self.key


class RoleQuerySet(models.QuerySet["Role"]):
    def built_in(self) -> RoleQuerySet:
        """Return the roles that the release ships."""
        return self.filter(is_system=True)

    def of_scope(self, scope: Scope) -> RoleQuerySet:
        """Return the roles of one scope."""
        return self.filter(scope=scope)

    def visible_to(self, actor: Actor) -> RoleQuerySet:
        """Return every role for the platform, and for an organization its own and those it shares with all others."""
        if actor.scope is Scope.PLATFORM:
            return self
        own = Q(organization_id=actor.organization_id) | Q(organization_id=None)
        return self.filter(own, scope=Scope.TENANT)

    def of_organization(self, organization_id: UUID | None) -> RoleQuerySet:
        """Return the roles that belong to the organization, or with None to none of them."""
        return self.filter(organization_id=organization_id)  # type: ignore[misc]  # None is a place too

    def custom(self) -> RoleQuerySet:
        """Return the roles that people made."""
        return self.filter(is_system=False)

    def usable_in(self, organization_id: object) -> RoleQuerySet:
        """Return the active roles that a membership of the organization (None: the platform) may have."""
        if organization_id is None:
            return self.filter(scope=Scope.PLATFORM, is_active=True)
        own = Q(organization_id=organization_id) | Q(organization_id=None)
        return self.filter(own, scope=Scope.TENANT, is_active=True)


class Role(models.Model):
    """A named set of permissions with a priority, a reach, and at most one parent whose permissions it has too."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(
        settings.TENANCY_ORGANIZATION_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="roles"
    )
    name = models.SlugField("slug", max_length=60)
    display_name = models.CharField(max_length=100)
    description = models.CharField(max_length=500, blank=True)
    scope = models.CharField(max_length=8, choices=SCOPES)
    priority = models.PositiveSmallIntegerField(validators=[MaxValueValidator(100)])
    parent = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="children")
    color = models.CharField(max_length=7, default="#6B7280", validators=[RegexValidator(r"^#[0-9A-Fa-f]{6}$")])
    icon = models.CharField(max_length=40, default="user")
    reach = models.CharField(max_length=8, choices=REACHES, null=True, blank=True)
    is_system = models.BooleanField("built in", default=False, editable=False)
    is_active = models.BooleanField("active", default=True)
    requires_second_factor = models.BooleanField(
        default=False, help_text="People with this role sign in with a second factor."
    )
    permissions = models.ManyToManyField(Permission, through="RolePermission", related_name="roles")
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = RoleQuerySet.as_manager()

    class Meta:
        ordering = ["scope", "-priority", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "scope", "name"], name="roles_role_name_unique", nulls_distinct=False
            ),
            models.CheckConstraint(condition=Q(priority__lte=100), name="roles_role_priority_at_most_100"),
            models.CheckConstraint(
                condition=Q(scope=Scope.TENANT) | Q(organization=None), name="roles_role_platform_has_no_organization"
            ),
            models.CheckConstraint(
                condition=Q(scope=Scope.PLATFORM, reach=None) | Q(scope=Scope.TENANT, reach__isnull=False),
                name="roles_role_tenant_has_reach",
            ),
            models.CheckConstraint(
                condition=Q(is_system=False) | Q(organization=None), name="roles_role_built_in_has_no_organization"
            ),
        ]

    def __str__(self) -> str:
        return self.display_name


class RolePermission(models.Model):
    """A role's own permission. Its scope is the role's; the database refuses any other (PERM-4)."""

    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="grants")
    permission = models.ForeignKey(Permission, on_delete=models.PROTECT, related_name="grants")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["role", "permission"], name="roles_rolepermission_unique")]

    def __str__(self) -> str:
        return f"{self.role_id}: {self.permission_id}"


class MembershipQuerySet(models.QuerySet["Membership"]):
    def visible_to(self, actor: Actor) -> MembershipQuerySet:
        """Return the memberships of the actor's own organization, or on the platform all of them."""
        if actor.scope is Scope.PLATFORM:
            return self
        return self.filter(organization_id=actor.organization_id)

    def with_people(self) -> MembershipQuerySet:
        """Fetch each membership's user and role along with it."""
        return self.select_related("user", "role")


class Membership(models.Model):
    """A user's one role in one organization, or on the platform when it has none (ASSIGN-1)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(
        settings.TENANCY_ORGANIZATION_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="memberships",
    )
    role = models.ForeignKey(Role, on_delete=models.PROTECT, related_name="memberships")
    assigned_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    assigned_at = models.DateTimeField("since", default=timezone.now)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "user"], name="roles_membership_one_per_scope", nulls_distinct=False
            ),
            models.UniqueConstraint(fields=["organization", "id"], name="roles_membership_org_id"),
        ]
        indexes = [models.Index(fields=["role"], name="roles_membership_role")]

    def __str__(self) -> str:
        return f"{self.user} as {self.role}"


class RoleEventKind(models.TextChoices):
    """What can happen to a role (AUD-1)."""

    CREATED = "CREATED", "Created"
    UPDATED = "UPDATED", "Updated"
    DELETED = "DELETED", "Deleted"
    PERMISSIONS_CHANGED = "PERMISSIONS_CHANGED", "Permissions changed"
    ADMIN_ASSIGNED = "ADMIN_ASSIGNED", "Assigned"
    ADMIN_UNASSIGNED = "ADMIN_UNASSIGNED", "Unassigned"
    ACTIVATED = "ACTIVATED", "Activated"
    DEACTIVATED = "DEACTIVATED", "Deactivated"


class RoleEventQuerySet(models.QuerySet["RoleEvent"]):
    def visible_to(self, actor: Actor) -> RoleEventQuerySet:
        """Return what happened in the actor's own organization, or for the platform everywhere."""
        return self if actor.scope is Scope.PLATFORM else self.filter(organization_id=actor.organization_id)

    def of_definition(self) -> RoleEventQuerySet:
        """Return the events that tell how the role itself became what it is, without those of its people."""
        return self.exclude(kind__in=[RoleEventKind.ADMIN_ASSIGNED, RoleEventKind.ADMIN_UNASSIGNED])


class RoleEvent(models.Model):
    """One thing that happened to a role: its state before and after, who did it, from where (AUD-1).

    Roles and people are kept by id and label, not by foreign key: the history outlives what it tells of. `organization`
    is where it happened, so that the history of a built-in role shows each organization its own people only.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    at = models.DateTimeField(default=timezone.now, editable=False)
    organization_id = models.UUIDField(null=True)
    role_id = models.UUIDField()
    role_name = models.CharField(max_length=100)
    role_version = models.PositiveIntegerField(help_text="The role's version after it.")
    kind = models.CharField(max_length=20, choices=RoleEventKind.choices)
    previous_state = models.JSONField(null=True)
    new_state = models.JSONField(null=True)
    changed_fields = models.JSONField(default=list)
    sentence = models.CharField(max_length=1000)
    subject_id = models.UUIDField(null=True, help_text="The person assigned or unassigned.")
    subject_label = models.CharField(max_length=254, blank=True)
    performer_id = models.UUIDField(null=True)
    performer_label = models.CharField(max_length=254)
    on_behalf_of_id = models.UUIDField(null=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=400, blank=True)
    interface = models.CharField(max_length=20)
    request_id = models.CharField(max_length=128, blank=True)

    objects = RoleEventQuerySet.as_manager()

    class Meta:
        verbose_name = "role event"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["role_id", "-id"], name="roles_event_role"),
            models.Index(fields=["organization_id", "-id"], name="roles_event_org"),
        ]

    def __str__(self) -> str:
        return self.sentence


class RoleUse(models.Model):
    """The last day on which somebody acted with a role in an organization, or on the platform."""

    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="uses")
    organization = models.ForeignKey(settings.TENANCY_ORGANIZATION_MODEL, null=True, on_delete=models.CASCADE)
    last_used_on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["role", "organization"], name="roles_roleuse_one_per_place", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.role_id} on {self.last_used_on}"


class PermissionUse(models.Model):
    """The last day on which somebody with a role used a permission in an organization, or on the platform."""

    # The database deletes what tells of a role along with it.
    role = models.ForeignKey(Role, on_delete=models.DO_NOTHING, db_constraint=False, related_name="permission_uses")
    permission = models.ForeignKey(Permission, on_delete=models.CASCADE, related_name="uses")
    organization = models.ForeignKey(settings.TENANCY_ORGANIZATION_MODEL, null=True, on_delete=models.CASCADE)
    last_used_on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["role", "permission", "organization"],
                name="roles_permissionuse_one_per_place",
                nulls_distinct=False,
            )
        ]

    def __str__(self) -> str:
        return f"{self.role_id}: {self.permission_id} on {self.last_used_on}"


class PolicyVersion(models.Model):
    """Counts the changes that decisions of one organization (or, without one, of everybody) depend on.

    Database triggers bump it, so that a bulk update or raw SQL cannot leave a stale cache. `forgotten` is the newest
    change that is not kept any more.
    """

    organization = models.OneToOneField(
        settings.TENANCY_ORGANIZATION_MODEL, null=True, on_delete=models.CASCADE, related_name="policy_version"
    )
    version = models.BigIntegerField(default=1)
    forgotten = models.BigIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization"], name="roles_policyversion_one", nulls_distinct=False)
        ]

    def __str__(self) -> str:
        return f"{self.organization_id}: {self.version}"


class PolicyChange(models.Model):
    """One change that moved the policy version of an organization (or, without one, of everybody).

    `kind` is what changed: role, rolepermission, membership, user, secondfactor, organization, clientgrant, client,
    apitoken. `subjects` are the roles, people or clients concerned; None: so many that all may be. Written by the
    triggers that count the versions.
    """

    version = models.BigIntegerField(primary_key=True)
    organization_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=30)
    subjects = ArrayField(models.UUIDField(), null=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["version"]
        indexes = [models.Index(fields=["organization_id", "version"], name="roles_policychange_feed")]

    def __str__(self) -> str:
        return f"{self.version}: {self.kind}"
