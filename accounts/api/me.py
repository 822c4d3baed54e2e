"""Who am I here: what a program asks first."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from roles import catalogue
from roles.models import REACHES
from tenancy.routes import declares, member


class OrganizationName(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()


class HeldRole(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    display_name = serializers.CharField()
    priority = serializers.IntegerField()


class Me(serializers.Serializer[Any]):
    """The caller in this organization."""

    user_id = serializers.UUIDField()
    email = serializers.CharField()
    organization = OrganizationName()
    role = HeldRole()
    reach = serializers.ChoiceField(choices=REACHES)
    permissions = serializers.ListField(child=serializers.CharField(), help_text="In catalogue order.")
    token_id = serializers.UUIDField(allow_null=True, help_text="The token that the request carried, if it did.")


@declares(member("tells a member what they may do here"))
class MeView(APIView):
    """The caller, the role they have here, and what it permits."""

    @extend_schema(operation_id="me", responses=Me)
    def get(self, request: Request) -> Response:
        actor: Any = request.actor  # type: ignore[attr-defined]
        return Response(
            {
                "user_id": str(actor.user_id),
                "email": actor.label,
                "organization": {"id": str(actor.organization_id), "name": actor.organization_name},
                "role": {
                    "id": str(actor.role_id),
                    "name": actor.role_name,
                    "display_name": actor.role_display_name,
                    "priority": actor.priority,
                },
                "reach": actor.reach,
                "permissions": catalogue.in_order(actor.permissions),
                "token_id": None if actor.token_id is None else str(actor.token_id),
            }
        )
