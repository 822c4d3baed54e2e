"""The permissions that there are, and roles that hold them."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from tenancy.actors import Actor, Reach, Scope
from tenancy.ids import new_id

SCOPES = [(Scope.PLATFORM.value, "Platform"), (Scope.TENANT.value, "Tenant")]
REACHES = [(Reach.ALL.value, "All clients"), (Reach.ASSIGNED.value, "Assigned clients")]


class PermissionQuerySet(models.QuerySet["Permission"]):
    def shipped(self) -> PermissionQuerySet:
        """Return the catalogue of the release, without the permissions of anybody's applications."""
        return self.filter(organization=None)

    def usable_in(self, organization_id: UUID | None) -> PermissionQuerySet:
        """Return what a role of the organization may hold: the tenant keys, and those of its own applications."""
        own = (
            Q(organization=None) if organization_id is None else Q(organization=None) | Q(organization=organization_id)
        )
        return self.filter(own, scope=Scope.TENANT)


class Permission(models.Model):
    """One key of the catalogue, seeded from the release's data, or one of an organization's applications.

    Nobody edits it: one of an application comes and goes with the action that it is of.
    """

    key = models.CharField(max_length=100, primary_key=True)
    organization = models.ForeignKey(
        settings.TENANCY_ORGANIZATION_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
    )
    name = models.CharField(max_length=100)
    scope = models.CharField(max_length=8, choices=SCOPES)
    category = models.CharField(max_length=50)
    position = models.PositiveSmallIntegerField()

    objects = PermissionQuerySet.as_manager()

    class Meta:
        ordering = ["position", "category", "key"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "key"], name="roles_permission_org_key"),
            models.CheckConstraint(
                condition=(Q(organization=None) & ~Q(key__startswith="app-"))
                | Q(organization__isnull=False, key__startswith="app-", scope=Scope.TENANT),
                name="roles_permission_application_is_of_organization",
            ),
        ]

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
