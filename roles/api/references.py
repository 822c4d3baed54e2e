"""Roles and people as the rest of the API refers to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.core.validators import slug_re
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from roles.models import Role
from tenancy.api.problems import QueryRefused
from tenancy.errors import NotVisible


@extend_schema_field(OpenApiTypes.STR)
class RoleField(serializers.Field):
    """An active role that a membership of the actor's scope may have, by its id or its slug."""

    default_error_messages = {
        "none": "There is no active role of this id or slug here.",
        "several": "Several roles have this slug: send the id.",
    }

    def to_internal_value(self, value: Any) -> Role:
        """Return the role. Raises ValidationError when there is none, or more than one."""
        usable = Role.objects.usable_in(self.context["request"].actor.organization_id)
        text = str(value)
        try:
            found = list(usable.filter(pk=UUID(text)))
        except ValueError:
            found = list(usable.filter(name=text)) if slug_re.fullmatch(text) else []
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


Sent = UUID | Sequence[UUID] | None


@contextmanager
def in_body(request: Request, field: str, sent: Sent, sentence: str) -> Iterator[None]:
    """Answer a NotVisible about an id that the body names as an error of that field; the denial is recorded."""
    try:
        yield
    except NotVisible as missing:
        told = _told(request, missing, sent, sentence)
        raise serializers.ValidationError({field: told}) from missing


@contextmanager
def in_query(request: Request, parameter: str, sent: Sent, sentence: str) -> Iterator[None]:
    """Answer a NotVisible about an id that the query names as an error of that parameter; the denial is recorded."""
    try:
        yield
    except NotVisible as missing:
        _told(request, missing, sent, sentence)
        raise QueryRefused({parameter: [serializers.ErrorDetail(sentence, "none")]}) from missing


def _told(request: Request, missing: NotVisible, sent: Sent, sentence: str) -> Any:
    """Return the error, by the place of the id if several were sent. Raises the NotVisible of any other id again."""
    ids = [] if sent is None else [sent] if isinstance(sent, UUID) else list(sent)
    place = next((place for place, one in enumerate(ids) if str(one) == missing.denial.resource_id), None)
    if place is None:
        raise missing
    request._request.denial = missing.denial  # type: ignore[attr-defined]
    told = [serializers.ErrorDetail(sentence, "none")]
    return told if isinstance(sent, UUID) else {place: told}
