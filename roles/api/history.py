"""The history of a role: its typed events, latest first (AUD-1)."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from roles import access
from roles.api.filters import EventFilter
from roles.api.views import RoleViews
from roles.models import RoleEvent


class SomeoneNamed(serializers.Serializer[Any]):
    """Someone as the record names them: they may have gone since."""

    id = serializers.UUIDField(allow_null=True)
    label = serializers.CharField()  # type: ignore[assignment]


@extend_schema_field({"type": ["object", "null"], "additionalProperties": True})
class StateField(serializers.JSONField):
    """A role's definition, or for an assignment the role that somebody had or has."""


class EventShown(serializers.ModelSerializer[RoleEvent]):
    """One thing that happened to the role."""

    changed_fields = serializers.ListField(child=serializers.CharField(), read_only=True)
    previous_state = StateField(read_only=True)
    new_state = StateField(read_only=True)
    performer = serializers.SerializerMethodField()
    subject = serializers.SerializerMethodField(help_text="Who was given the role, or had it taken.")

    class Meta:
        model = RoleEvent
        fields = [
            "id",
            "at",
            "kind",
            "sentence",
            "role_version",
            "changed_fields",
            "previous_state",
            "new_state",
            "performer",
            "on_behalf_of_id",
            "subject",
            "organization_id",
            "address",
            "user_agent",
            "interface",
            "request_id",
        ]
        read_only_fields = fields

    @extend_schema_field(SomeoneNamed)
    def get_performer(self, event: RoleEvent) -> Any:
        return {"id": event.performer_id, "label": event.performer_label}

    @extend_schema_field(SomeoneNamed(allow_null=True))
    def get_subject(self, event: RoleEvent) -> Any:
        return {"id": event.subject_id, "label": event.subject_label} if event.subject_id else None


class HistoryViewSet(RoleViews):
    """The events of a role. Those of a role that was deleted stay."""

    versioned = False
    serializer_class = EventShown
    queryset = RoleEvent.objects.none()
    filterset_class = EventFilter

    def get_queryset(self) -> QuerySet[RoleEvent]:
        """Return the events that the actor may know of. Raises NotVisible and AccessDenied."""
        if getattr(self, "swagger_fake_view", False):
            return RoleEvent.objects.none()
        return access.require_history(self.actor, self.kwargs["pk"])
