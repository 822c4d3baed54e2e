"""Roles and the permission catalogue, on the platform and in organizations: the actor's scope decides which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from roles import access, catalogue
from roles.actions import CloneRole, CreateRole, DeleteRole, RestoreRole, UpdateRole
from roles.api.filters import PermissionFilter, RoleFilter
from roles.api.references import in_body, in_query
from roles.api.serializers import (
    NewTeamRole,
    RoleClone,
    RoleDetail,
    RoleListed,
    RoleRestoration,
)
from roles.models import Membership, Permission, Role
from tenancy.actors import Actor, Scope
from tenancy.api.filtering import read_query
from tenancy.api.idempotency import once
from tenancy.api.preconditions import expected_version
from tenancy.api.schema import IF_MATCH, also_answers, optional
from tenancy.api.serializers import StrictInput
from tenancy.api.views import ActorViewSet, GuardedViewSet

NO_ROLE = "There is no such role here."
NO_PERSON = "There is no such person here."


class RoleViews(GuardedViewSet):
    """What the view sets below share: which roles are there is said by the policy of the actor's scope."""

    queryset: QuerySet[Any] = Role.objects.none()

    def role(self) -> Role:
        """Return the role of the URL. Raises NotVisible or AccessDenied."""
        return access.roles_policy(self.actor).get(self.actor, self.kwargs["pk"])


class Replacement(StrictInput):
    """The query of a deletion."""

    replacement = serializers.UUIDField(required=False, help_text="The role that its people get instead, by id.")


class RoleViewSet(RoleViews):
    """Roles: list, read, create, change, clone, restore, delete."""

    serializer_class = RoleDetail
    filterset_class = RoleFilter
    new_role: type[NewTeamRole] = NewTeamRole

    def get_serializer_class(self) -> Any:
        """Return what reads and writes the role in this action."""
        return {"list": RoleListed, "create": self.new_role}.get(self.action or "", RoleDetail)

    def get_queryset(self) -> QuerySet[Role]:
        """Return the roles that the actor may list, with the number of their people."""
        if getattr(self, "swagger_fake_view", False):
            return Role.objects.none()
        rows = access.roles_list_policy(self.actor).visible(self.actor).select_related("parent")
        return rows.annotate(people=people_of_each(self.actor)).order_by("scope", "-priority", "name", "pk")

    def get_object(self) -> Role:
        """Return the role of the URL. Raises NotVisible or AccessDenied."""
        return self.role()

    def creating(self, values: dict[str, Any]) -> CreateRole:
        """Return the verb that creates a role where the caller says, or in their organization."""
        scope, place = Scope(values.pop("scope", Scope.TENANT)), values.pop("organization", None)
        return CreateRole(self.actor, values, scope, place, people=values.pop("users", ()))

    def updating(self, values: dict[str, Any], version: int | None) -> UpdateRole:
        """Return the verb that changes the role of the URL."""
        return UpdateRole(self.actor, self.kwargs["pk"], values, version)

    @extend_schema(responses={201: RoleDetail})
    @once
    def create(self, request: Request) -> Response:
        """Create a role with its permissions, and give it to people if any are named: all of it or nothing."""
        given = self.get_serializer(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        with in_body(request, "users", values.get("users", ()), NO_PERSON):
            role = self.creating(values).execute()
        return self._made(role, request.path)

    @extend_schema(parameters=[Replacement])
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Delete the role. Whoever has it, or is invited to it, gets the replacement."""
        version = expected_version(request._request)
        replacement = read_query(Replacement, request).get("replacement")
        with in_query(request, "replacement", replacement if replacement != pk else None, NO_ROLE):
            DeleteRole(self.actor, pk, replacement, version).execute()
        return Response(status=204)

    @extend_schema(
        request=PolymorphicProxySerializer(
            "RoleAction", {"clone": RoleClone, "restore": RoleRestoration}, resource_type_field_name="action"
        ),
        responses={200: RoleDetail, 201: RoleDetail},
        parameters=[optional(IF_MATCH, "Needed to restore: the ETag of the role as it is now, or `*`.")],
    )
    @also_answers("412", "428")
    @once
    def act(self, request: Request, pk: UUID) -> Response:
        """Clone the role into a new one (201), or restore what it was after an event of its history (200)."""
        acts = {"clone": self._clone, "restore": self._restore}
        named = request.data.get("action") if isinstance(request.data, Mapping) else None
        if not isinstance(named, str) or named not in acts:
            raise serializers.ValidationError({"action": f"Say what to do with the role: {' or '.join(acts)}."})
        return acts[named](request, pk)

    def _clone(self, request: Request, pk: UUID) -> Response:
        given = RoleClone(data=request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        values = {name: value for name, value in given.validated_data.items() if name != "action"}
        return self._made(CloneRole(self.actor, pk, values).execute(), request.path.replace(f"/{pk}", ""))

    def _restore(self, request: Request, pk: UUID) -> Response:
        version = expected_version(request._request)
        given = RoleRestoration(data=request.data)
        given.is_valid(raise_exception=True)
        event = given.validated_data["event"]
        with in_body(request, "event", event, "The history of the role has no such event."):
            role = RestoreRole(self.actor, pk, event, version).execute()
        return self._answer(role)


def people_of_each(actor: Actor) -> Coalesce:
    """Return the number of people who have a role, as far as the actor may know of them, for a list of roles."""
    held = Membership.objects.visible_to(actor).filter(role=OuterRef("pk")).order_by()
    return Coalesce(Subquery(held.values("role").annotate(people=Count("pk")).values("people")), 0)


class CatalogueEntry(serializers.ModelSerializer[Permission]):
    """One key of the catalogue, or of an application of the organization."""

    is_dangerous = serializers.SerializerMethodField(
        help_text="Whether its use can hardly be undone, or opens the way to other permissions."
    )
    needs = serializers.SerializerMethodField(help_text="The keys without which it is of no use.")

    class Meta:
        model = Permission
        fields = ["key", "name", "scope", "category", "position", "is_dangerous", "needs"]
        read_only_fields = fields

    def get_is_dangerous(self, permission: Permission) -> bool:
        return catalogue.is_dangerous(permission.key)

    def get_needs(self, permission: Permission) -> list[str]:
        return catalogue.in_order(catalogue.companions(permission.key))


class PermissionViewSet(ActorViewSet):
    """The permission catalogue of the actor's scope, in its own order. The platform sees both scopes.

    An organization sees the permissions of its applications too.
    """

    queryset = Permission.objects.none()
    serializer_class = CatalogueEntry
    filterset_class = PermissionFilter

    def get_queryset(self) -> QuerySet[Permission]:
        """Return the permissions that roles made by the actor could hold."""
        if getattr(self, "swagger_fake_view", False):
            return Permission.objects.none()
        return access.permissions_policy(self.actor).visible(self.actor)
