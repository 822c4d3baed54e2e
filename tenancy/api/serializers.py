"""What the API's serializers share: they read types and shapes; the rules are the actions'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class KeyField(serializers.UUIDField):
    """A reference by id, not looked up here: whether it exists for the actor, the action says."""

    def get_attribute(self, instance: Any) -> Any:
        return getattr(instance, f"{self.source}_id")


class StrictSerializer(serializers.ModelSerializer):
    """A model serializer that refuses names it does not know and leaves uniqueness to the action."""

    def get_validators(self) -> list[Any]:
        return []

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the values sent. Raises ValidationError by field; names that are only read are let pass unread."""
        unknown = data.keys() - self.fields.keys() if isinstance(data, Mapping) else set()
        if unknown:
            raise serializers.ValidationError(
                {str(name): serializers.ErrorDetail("There is no such field.", "unknown") for name in sorted(unknown)}
            )
        values: dict[str, Any] = super().to_internal_value(data)
        return values

    def left_out(self) -> dict[str, Any]:
        """Return what a new object has in the fields that were not sent."""
        model_fields = {field.name: field for field in self.Meta.model._meta.concrete_fields}  # type: ignore[attr-defined]
        return {
            name: model_fields[name].get_default()
            for name, field in self.fields.items()
            if not field.read_only and not field.required and name in model_fields
        }
