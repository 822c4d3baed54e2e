"""What the views and serializers of this room share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from roles.models import Role
from tenancy.actors import Actor
from tenancy.api.views import GuardedViewSet
from tenancy.routes import METHODS, Requirement


class ActorViewSet(GuardedViewSet):
    """A view set of things that are not edited field by field, so without versions."""

    versioned = False

    @property
    def actor(self) -> Actor:
        return self.request.actor  # type: ignore[no-any-return,attr-defined]

    def shown(self, pk: UUID) -> Any:
        """Return the visible object of that key with what its serializer reads. Raises NotVisible or AccessDenied."""
        self.policy.get(self.actor, pk)
        return self.get_queryset().get(pk=pk)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Answer one object."""
        return Response(self.get_serializer(self.shown(pk)).data)


def needing(read: Requirement, **actions: Requirement) -> Mapping[str, Requirement]:
    """Return what each action of a view set needs. A method that a route does not answer needs what reading needs."""
    return {**dict.fromkeys((*METHODS, "trace", "list", "retrieve"), read), **actions}


class Ordering(django_filters.OrderingFilter):
    """Orders by one of a few named fields, ties by the key, so that pages do not overlap."""

    def filter(self, qs: QuerySet[Any], value: Any) -> QuerySet[Any]:
        if not value:
            return qs
        ordered = super().filter(qs, value)
        return ordered.order_by(*ordered.query.order_by, "pk")


class StrictInput(serializers.Serializer[Any]):
    """What a caller sends; a name that is not known is refused."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = data.keys() - self.fields.keys() if isinstance(data, Mapping) else set()
        if unknown:
            told = serializers.ErrorDetail("There is no such field.", "unknown")
            raise serializers.ValidationError({str(name): told for name in sorted(unknown)})
        return super().to_internal_value(data)


@extend_schema_field(OpenApiTypes.STR)
class RoleField(serializers.Field):
    """An active role that a membership of the actor's scope may have, by its id or its slug."""

    default_error_messages = {
        "none": "There is no active role of this id or slug here.",
        "several": "Several roles have this slug: send the id.",
    }

    def to_internal_value(self, value: Any) -> Role:
        usable = Role.objects.usable_in(self.context["request"].actor.organization_id)
        text = str(value)
        try:
            found = list(usable.filter(pk=UUID(text)))
        except ValueError:
            found = list(usable.filter(name=text[:60]))
        if not found:
            self.fail("none")
        if len(found) > 1:
            self.fail("several")
        return found[0]

    def to_representation(self, role: Role) -> str:
        return role.name


class RoleSummary(serializers.ModelSerializer[Role]):
    """A role as others refer to it."""

    class Meta:
        model = Role
        fields = ["id", "name", "display_name", "priority", "reach", "color", "icon", "is_system", "is_active"]
        read_only_fields = fields


class PersonSummary(serializers.Serializer[Any]):
    """A user as others refer to them."""

    id = serializers.UUIDField(read_only=True)
    name = serializers.CharField(read_only=True)
    email = serializers.EmailField(read_only=True)
    is_service = serializers.BooleanField(read_only=True)
