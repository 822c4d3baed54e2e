"""What happened to roles, and when they and their permissions were used."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from roles.models.role import Permission, Role
from tenancy.actors import Actor, Scope
from tenancy.ids import new_id


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
