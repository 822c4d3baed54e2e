from __future__ import annotations

from pathlib import PurePosixPath

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q

from accounts.models import Organization
from clients.models.client import Client
from tenancy.ids import new_id

CURRENCIES = [(code, code) for code in ("EUR", "USD", "GBP", "CHF", "BRL", "JPY", "CAD", "AUD", "SEK", "PLN")]


class WorkspaceItem(models.Model):
    """Anything that belongs to one client. Its organization is the client's, held so by the database."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(
        Organization, on_delete=models.PROTECT, related_name="+", editable=False, db_constraint=False
    )
    client = models.ForeignKey(Client, on_delete=models.CASCADE, related_name="%(class)ss", db_constraint=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["organization", "client", "-created_at"], name="clients_%(class)s_by_client")]


class Contact(WorkspaceItem):
    """A person at a client."""

    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=40, blank=True)
    title = models.CharField(max_length=100, blank=True)
    is_primary = models.BooleanField("primary contact", default=False)

    class Meta(WorkspaceItem.Meta):
        constraints = [
            models.CheckConstraint(
                condition=~Q(first_name="", last_name="", email=""),
                name="clients_contact_is_someone",
                violation_error_message="Give the contact a name or an e-mail address.",
            )
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email


class Campaign(WorkspaceItem):
    """A marketing campaign run for a client."""

    class Channel(models.TextChoices):
        SEARCH = "search", "Search"
        SOCIAL = "social", "Social"
        EMAIL = "email", "E-mail"
        DISPLAY = "display", "Display"
        VIDEO = "video", "Video"
        EVENTS = "events", "Events"

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        COMPLETED = "completed", "Completed"

    name = models.CharField(max_length=200)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    budget = models.DecimalField(max_digits=12, decimal_places=2, default=0, validators=[MinValueValidator(0)])
    currency = models.CharField(max_length=3, choices=CURRENCIES, default="EUR")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)

    class Meta(WorkspaceItem.Meta):
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(starts_on=None) | Q(ends_on__gte=F("starts_on")),
                name="clients_campaign_ends_after_start",
                violation_error_message="A campaign ends on or after the day it starts.",
            )
        ]

    def __str__(self) -> str:
        return self.name


def document_path(document: Document, filename: str) -> str:
    """Return where an upload is stored: by organization and id, never by the name that its sender chose."""
    suffix = PurePosixPath(filename).suffix.lower()[:10]
    return f"documents/{document.organization_id}/{document.pk}{suffix if suffix.isascii() else ''}"


class Document(WorkspaceItem):
    """A file kept for a client. `filename` is shown and offered for download; the path in storage is ours."""

    title = models.CharField(max_length=200)
    file = models.FileField(upload_to=document_path, max_length=200)
    filename = models.CharField(max_length=200, editable=False)
    content_type = models.CharField(max_length=100, editable=False)
    size = models.PositiveBigIntegerField(editable=False)
    sha256 = models.CharField(max_length=64, editable=False)

    def __str__(self) -> str:
        return self.title


class Task(WorkspaceItem):
    """Something to do for a client."""

    class Status(models.TextChoices):
        OPEN = "open", "Open"
        IN_PROGRESS = "in_progress", "In progress"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"

    class Priority(models.TextChoices):
        LOW = "low", "Low"
        NORMAL = "normal", "Normal"
        HIGH = "high", "High"
        URGENT = "urgent", "Urgent"

    title = models.CharField(max_length=200)
    description = models.TextField(max_length=10_000, blank=True)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.OPEN)
    priority = models.CharField(max_length=8, choices=Priority.choices, default=Priority.NORMAL)
    due_on = models.DateField(null=True, blank=True)
    # The database sets it to NULL when the membership ends; see the migration.
    assignee = models.ForeignKey(
        "roles.Membership", null=True, blank=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False
    )

    def __str__(self) -> str:
        return self.title


class Note(WorkspaceItem):
    """Something worth remembering about a client."""

    body = models.TextField(max_length=10_000)
    pinned = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.body[:60]


class Invoice(WorkspaceItem):
    """What the agency bills a client. Its number is the agency's own and may repeat."""

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        SENT = "sent", "Sent"
        PAID = "paid", "Paid"
        OVERDUE = "overdue", "Overdue"
        VOID = "void", "Void"

    number = models.CharField(max_length=40)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.DRAFT)
    currency = models.CharField(max_length=3, choices=CURRENCIES, default="EUR")
    amount = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(0)])
    issued_on = models.DateField()
    due_on = models.DateField(null=True, blank=True)
    paid_on = models.DateField(null=True, blank=True)

    class Meta(WorkspaceItem.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["client", "number"],
                name="clients_invoice_number_once_a_client",
                violation_error_message="This client already has an invoice of that number.",
            ),
            models.CheckConstraint(
                condition=Q(due_on=None) | Q(due_on__gte=F("issued_on")),
                name="clients_invoice_due_after_issue",
                violation_error_message="An invoice is due on or after the day it is issued.",
            ),
            models.CheckConstraint(
                condition=(Q(status="paid") & Q(paid_on__isnull=False)) | (~Q(status="paid") & Q(paid_on=None)),
                name="clients_invoice_paid_has_day",
                violation_error_message="A paid invoice has a day of payment, and only a paid one.",
            ),
        ]

    def __str__(self) -> str:
        return self.number


class Connection(WorkspaceItem):
    """A client's account in an outside service."""

    class Provider(models.TextChoices):
        GOOGLE_ADS = "google_ads", "Google Ads"
        META_ADS = "meta_ads", "Meta Ads"
        LINKEDIN_ADS = "linkedin_ads", "LinkedIn Ads"
        GOOGLE_ANALYTICS = "google_analytics", "Google Analytics"
        MAILCHIMP = "mailchimp", "Mailchimp"
        HUBSPOT = "hubspot", "HubSpot"
        SHOPIFY = "shopify", "Shopify"
        STRIPE = "stripe", "Stripe"

    class Status(models.TextChoices):
        CONNECTED = "connected", "Connected"
        EXPIRED = "expired", "Expired"
        REVOKED = "revoked", "Revoked"
        ERROR = "error", "Error"

    provider = models.CharField(max_length=20, choices=Provider.choices)
    account_name = models.CharField(max_length=200)
    external_account_id = models.CharField(max_length=100, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.CONNECTED)
    last_synced_at = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.get_provider_display()}: {self.account_name}"


WORKSPACE_MODELS: tuple[type[WorkspaceItem], ...] = (Contact, Campaign, Document, Task, Note, Invoice, Connection)
