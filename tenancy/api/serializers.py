"""What the API's serializers share: they read types and shapes; the rules are the actions'."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers


class KeyField(serializers.UUIDField):
    """A reference by id, not looked up here: whether it exists for the actor, the action says."""

    def get_attribute(self, instance: Any) -> Any:
        return getattr(instance, f"{self.source}_id")


def refuse_unknown(serializer: serializers.Serializer[Any], sent: Any) -> None:
    """Raise ValidationError for every name of `sent` that the serializer has no field for."""
    unknown = sent.keys() - serializer.fields.keys() if isinstance(sent, Mapping) else set()
    if unknown:
        told = serializers.ErrorDetail("There is no such field.", "unknown")
        raise serializers.ValidationError({str(name): told for name in sorted(unknown)})


class StrictInput(serializers.Serializer[Any]):
    """What a caller sends; a name that is not known is refused."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the values sent. Raises ValidationError by field."""
        refuse_unknown(self, data)
        return super().to_internal_value(data)


class PersonSummary(serializers.Serializer[Any]):
    """A user as others refer to them."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    email = serializers.EmailField(read_only=True)
    is_service = serializers.BooleanField(read_only=True)


class StrictSerializer(serializers.ModelSerializer):
    """A model serializer that refuses names it does not know and leaves uniqueness to the action."""

    def get_validators(self) -> list[Any]:
        return []

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the values sent. Raises ValidationError by field; names that are only read are let pass unread."""
        refuse_unknown(self, data)
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
