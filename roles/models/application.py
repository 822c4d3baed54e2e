"""Applications of an organization outside of this one, whose access is decided here, and grants on what is in them."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast, Lower, Right

from roles.models.role import Permission
from tenancy.actors import Actor, Reach, Scope
from tenancy.ids import new_id

#: What names a resource type or an action: as outside services write it, without what separates the parts of a key.
NAME = r"[A-Za-z][A-Za-z0-9_.-]{0,39}"
_is_name = RegexValidator(
    rf"^{NAME}\Z", "Use 1 to 40 letters, digits, dots, dashes and underscores, beginning with a letter."
)
LONGEST_RESOURCE_ID = 200


class ApplicationQuerySet(models.QuerySet["Application"]):
    def visible_to(self, actor: Actor) -> ApplicationQuerySet:
        """Return the applications of the actor's own organization; the platform has none."""
        if actor.scope is Scope.PLATFORM:
            return self.none()
        return self.filter(organization_id=actor.organization_id)


class Application(models.Model):
    """A service that asks here what people may do in it. Its slug is for life: that is what the service asks by."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(
        settings.TENANCY_ORGANIZATION_MODEL, on_delete=models.PROTECT, related_name="applications", editable=False
    )
    slug = models.CharField(
        max_length=40,
        validators=[
            RegexValidator(
                r"^[a-z][a-z0-9-]{0,39}\Z",
                "Use 1 to 40 small letters, digits and dashes, beginning with a letter.",
            )
        ],
    )
    name = models.CharField(max_length=50)
    description = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "slug"], name="roles_application_slug_unique"),
            models.UniqueConstraint("organization", Lower("name"), name="roles_application_name_unique"),
            models.UniqueConstraint(fields=["organization", "id"], name="roles_application_org_id"),
            models.UniqueConstraint(Right(Cast("id", models.CharField()), 8), name="roles_application_key_unique"),
        ]

    def __str__(self) -> str:
        return self.name


class ActionReach(models.TextChoices):
    """On which resources whoever holds an action's permission may do it."""

    ALL = "all", "All of them"
    ASSIGNED = "assigned", "Those granted to the person"
    OWN = "own", "The person's own"


class ApplicationAction(models.Model):
    """What can be done to one type of resource of an application, under a permission of its own.

    `owner_property` names the property of a resource by which the person whose own it is is told, by id or e-mail.
    Constraints begin with the organization, so that the database confirms nobody else's rows.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(
        settings.TENANCY_ORGANIZATION_MODEL, on_delete=models.PROTECT, related_name="+", editable=False
    )
    # The database ends it with its application.
    application = models.ForeignKey(
        Application, on_delete=models.DO_NOTHING, related_name="actions", db_constraint=False
    )
    resource_type = models.CharField(max_length=40, validators=[_is_name])
    action = models.CharField(max_length=40, validators=[_is_name])
    name = models.CharField(max_length=100)
    reach = models.CharField(max_length=8, choices=ActionReach.choices)
    owner_property = models.CharField(max_length=40, blank=True, validators=[_is_name])
    permission = models.ForeignKey(
        Permission, on_delete=models.DO_NOTHING, related_name="application_actions", db_constraint=False
    )

    class Meta:
        ordering = ["resource_type", "action"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "application", "resource_type", "action"], name="roles_applicationaction_unique"
            ),
            models.UniqueConstraint(
                fields=["organization", "permission"], name="roles_applicationaction_one_per_permission"
            ),
            models.CheckConstraint(
                condition=(Q(reach=ActionReach.OWN) & ~Q(owner_property=""))
                | (~Q(reach=ActionReach.OWN) & Q(owner_property="")),
                name="roles_applicationaction_own_has_owner",
            ),
        ]

    def __str__(self) -> str:
        return self.permission_id


class ResourceGrantQuerySet(models.QuerySet["ResourceGrant"]):
    def visible_to(self, actor: Actor) -> ResourceGrantQuerySet:
        """Return the grants of the actor's organization: all with reach to everything in it, else their own."""
        if actor.organization_id is None or actor.reach is None:
            return self.none()
        own = self.filter(organization_id=actor.organization_id)
        if actor.reach is Reach.ALL:
            return own
        return own.none() if actor.user_id is None else own.filter(user_id=actor.user_id)


class ResourceGrant(models.Model):
    """One resource of an application granted to one person: what they may do to it is said by their role.

    It ends in the database with the person's membership and with the application, so that none comes back.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(
        settings.TENANCY_ORGANIZATION_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        editable=False,
        db_constraint=False,
    )
    application = models.ForeignKey(
        Application, on_delete=models.DO_NOTHING, related_name="grants", db_constraint=False
    )
    resource_type = models.CharField(max_length=40)
    resource_id = models.CharField(max_length=LONGEST_RESOURCE_ID)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, related_name="resource_grants", db_constraint=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ResourceGrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "application", "resource_type", "resource_id", "user"],
                name="roles_resourcegrant_unique",
            )
        ]
        indexes = [models.Index(fields=["organization", "user"], name="roles_resourcegrant_by_person")]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.resource_type} {self.resource_id}"
