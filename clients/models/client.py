from __future__ import annotations

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from guardian.models import UserObjectPermissionBase

from accounts.models import Organization
from tenancy.ids import new_id


class Client(models.Model):
    """A customer of an agency: the unit by which people inside it are kept apart.

    Names and external ids are not unique, for a refused duplicate would tell of a client outside the person's reach.
    """

    class Status(models.TextChoices):
        LEAD = "lead", "Lead"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        ARCHIVED = "archived", "Archived"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="clients", editable=False)
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.ACTIVE)
    industry = models.CharField(max_length=100, blank=True)
    website = models.CharField(max_length=200, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    street = models.CharField(max_length=200, blank=True)
    city = models.CharField(max_length=100, blank=True)
    region = models.CharField(max_length=100, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=100, blank=True)
    employees = models.PositiveIntegerField(null=True, blank=True)
    annual_revenue = models.DecimalField(
        max_digits=14, decimal_places=2, null=True, blank=True, validators=[MinValueValidator(0)]
    )
    description = models.TextField(max_length=10_000, blank=True)
    source = models.CharField(max_length=20, blank=True, editable=False)
    external_id = models.CharField(max_length=100, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "id"], name="clients_client_org_id")]
        indexes = [
            models.Index(fields=["organization", "name", "id"], name="clients_client_org_name"),
            models.Index(fields=["organization", "status", "name"], name="clients_client_org_status"),
            models.Index(fields=["organization", "-created_at", "id"], name="clients_client_org_created"),
            models.Index(fields=["organization", "source", "external_id"], name="clients_client_org_ext"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def client_id(self) -> object:
        """Itself: a client is reached through the client it is."""
        return self.pk


class ClientGrant(UserObjectPermissionBase):
    """An assignment: one person, one client, `view_client` to read or `change_client` to work with it (CLI-2).

    A person has at most one on a client. It ends in the database with the person's membership, so that none comes
    back when the person does.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", editable=False, db_constraint=False
    )
    # The database ends it with the client: someone with assigned reach who deletes a client sees their own only.
    content_object = models.ForeignKey(
        Client, on_delete=models.DO_NOTHING, related_name="grants", db_constraint=False, db_column="client_id"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["content_object", "user"], name="clients_grant_one_a_person")]
        indexes = [models.Index(fields=["organization", "user", "content_object"], name="clients_grant_by_person")]

    def __str__(self) -> str:
        return f"{self.user_id} on {self.content_object_id}"


class ClientWord(models.Model):
    """One normalized word of a client, kept by a database trigger so that search reads an index range.

    Row-level security lets PostgreSQL use an index for leakproof operators only; a pattern match is none.
    """

    organization = models.ForeignKey(Organization, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    client = models.ForeignKey(Client, on_delete=models.DO_NOTHING, related_name="words", db_constraint=False)
    word = models.CharField(max_length=60, db_collation="C")
    pk = models.CompositePrimaryKey("organization_id", "word", "client_id")

    def __str__(self) -> str:
        return self.word
