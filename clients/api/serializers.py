"""Clients and the things of their workspaces as JSON."""

from __future__ import annotations

from rest_framework import serializers

from clients import models
from tenancy.api.serializers import KeyField, StrictSerializer

KEPT = ("created_by", "created_at", "updated_at", "version")


class ClientSerializer(StrictSerializer):
    class Meta:
        model = models.Client
        fields = (
            "id",
            "name",
            "status",
            "industry",
            "website",
            "email",
            "phone",
            "street",
            "city",
            "region",
            "postal_code",
            "country",
            "employees",
            "annual_revenue",
            "description",
            "source",
            "external_id",
            *KEPT,
        )
        read_only_fields = ("id", "source", *KEPT)


class ItemSerializer(StrictSerializer):
    """A thing of a workspace; its client is chosen once, as it is made."""

    client = KeyField(help_text="The client it belongs to; it stays there.")


def _fields(*own: str) -> tuple[str, ...]:
    return ("id", "client", *own, *KEPT)


class ContactSerializer(ItemSerializer):
    class Meta:
        model = models.Contact
        fields = _fields("first_name", "last_name", "email", "phone", "title", "is_primary")
        read_only_fields = ("id", *KEPT)


class CampaignSerializer(ItemSerializer):
    class Meta:
        model = models.Campaign
        fields = _fields("name", "channel", "status", "budget", "currency", "starts_on", "ends_on")
        read_only_fields = ("id", *KEPT)


class DocumentSerializer(ItemSerializer):
    file = serializers.FileField(
        write_only=True,
        required=False,
        allow_empty_file=True,
        help_text="Needed for a new document. What it is decides its content; download it under …/file/.",
    )

    class Meta:
        model = models.Document
        fields = _fields("title", "file", "filename", "content_type", "size", "sha256")
        read_only_fields = ("id", "filename", "content_type", "size", "sha256", *KEPT)


class TaskSerializer(ItemSerializer):
    assignee = KeyField(required=False, allow_null=True, help_text="The membership of a person of the organization.")

    class Meta:
        model = models.Task
        fields = _fields("title", "description", "status", "priority", "due_on", "assignee")
        read_only_fields = ("id", *KEPT)


class NoteSerializer(ItemSerializer):
    class Meta:
        model = models.Note
        fields = _fields("body", "pinned")
        read_only_fields = ("id", *KEPT)


class InvoiceSerializer(ItemSerializer):
    class Meta:
        model = models.Invoice
        fields = _fields("number", "status", "currency", "amount", "issued_on", "due_on", "paid_on")
        read_only_fields = ("id", *KEPT)


class ConnectionSerializer(ItemSerializer):
    class Meta:
        model = models.Connection
        fields = _fields("provider", "account_name", "external_account_id", "status", "last_synced_at")
        read_only_fields = ("id", "last_synced_at", *KEPT)
