"""Who has which role where."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from roles.models.role import Role
from tenancy.actors import Actor, Scope
from tenancy.ids import new_id


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
