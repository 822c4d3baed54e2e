"""The platform's view of roles and of the permission catalogue, to read."""

from __future__ import annotations

from itertools import chain
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import Count, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import ActorViewSet, Ordering, RoleSummary, needing
from roles.access import permission_policy, role_list_policy, role_policy
from roles.inheritance import HeldPermission, held_permissions
from roles.models import SCOPES, Permission, Role
from tenancy.routes import declares, permission


class RoleListed(RoleSummary):
    """A role with its place and how many people have it."""

    parent = serializers.SlugRelatedField[Role](slug_field="name", read_only=True)
    people = serializers.IntegerField(read_only=True)

    class Meta(RoleSummary.Meta):
        fields = [
            *RoleSummary.Meta.fields,
            "description",
            "scope",
            "organization",
            "parent",
            "requires_second_factor",
            "people",
            "version",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class RoleSource(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    display_name = serializers.CharField()


class Held(serializers.Serializer[HeldPermission]):
    """A permission that a role has, and the role it comes from: itself, or one it inherits from."""

    key = serializers.CharField(source="permission.key")
    name = serializers.CharField(source="permission.name")
    category = serializers.CharField(source="permission.category")
    source = RoleSource()


class RoleDetail(RoleListed):
    """A role with its own and its inherited permissions, each naming the role it comes from."""

    own_permissions = serializers.SerializerMethodField()
    inherited_permissions = serializers.SerializerMethodField()

    class Meta(RoleListed.Meta):
        fields = [*RoleListed.Meta.fields, "own_permissions", "inherited_permissions"]
        read_only_fields = fields

    @extend_schema_field(Held(many=True))
    def get_own_permissions(self, role: Role) -> Any:
        return Held([held for held in self.context["held"] if not held.is_inherited], many=True).data

    @extend_schema_field(Held(many=True))
    def get_inherited_permissions(self, role: Role) -> Any:
        return Held([held for held in self.context["held"] if held.is_inherited], many=True).data


class RoleFilter(django_filters.FilterSet):
    q = django_filters.CharFilter("display_name", "icontains", label="Part of the display name.")
    name = django_filters.CharFilter("name", label="The slug.")
    scope = django_filters.ChoiceFilter(choices=SCOPES)
    organization = django_filters.UUIDFilter("organization_id")
    ordering = Ordering(fields=["name", "display_name", "scope", "priority", "people", "created_at"])

    class Meta:
        model = Role
        fields = ["is_active", "is_system"]


@declares(needing(permission("roles:list"), retrieve=permission("roles:read")))
class RoleViewSet(ActorViewSet):
    """Roles of every scope: list, read."""

    policy = role_policy
    queryset = Role.objects.none()
    serializer_class = RoleListed
    filterset_class = RoleFilter

    def get_queryset(self) -> QuerySet[Role]:
        rows = super().get_queryset().select_related("parent").annotate(people=Count("memberships"))
        return rows.order_by("scope", "-priority", "name", "pk")

    def list(self, request: Request) -> Response:
        """Answer a page of roles. Listing needs less than reading one."""
        self.policy = role_list_policy
        return super().list(request)

    @extend_schema(responses=RoleDetail)
    def retrieve(self, request: Request, pk: UUID) -> Response:
        role = self.shown(pk)
        held = list(chain.from_iterable(held_permissions(role).values()))
        context = self.get_serializer_context() | {"held": held}
        return Response(RoleDetail(role, context=context).data)


class CatalogueEntry(serializers.ModelSerializer[Permission]):
    """One key of the catalogue."""

    class Meta:
        model = Permission
        fields = ["key", "name", "scope", "category", "position"]
        read_only_fields = fields


class PermissionFilter(django_filters.FilterSet):
    scope = django_filters.ChoiceFilter(choices=SCOPES)
    category = django_filters.CharFilter("category")
    ordering = Ordering(fields=["position", "key"])

    class Meta:
        model = Permission
        fields: list[str] = []


@declares(needing(permission("roles:list")))
class PermissionViewSet(ActorViewSet):
    """The permission catalogue, in its own order."""

    policy = permission_policy
    queryset = Permission.objects.none()
    serializer_class = CatalogueEntry
    filterset_class = PermissionFilter
