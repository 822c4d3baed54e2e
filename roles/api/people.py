"""Who has a role: seeing them, giving it to many at once, taking it away (ASSIGN-5)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from roles import access
from roles.actions import AssignMany, UnassignMany
from roles.api.filters import HolderFilter
from roles.api.references import in_body, in_query
from roles.api.serializers import People
from roles.api.views import NO_PERSON, RoleViews
from roles.models import Membership
from tenancy.actors import Actor, Scope
from tenancy.api.filtering import read_query
from tenancy.api.idempotency import once
from tenancy.api.schema import also_answers
from tenancy.api.serializers import PersonSummary, StrictInput

NO_HOLDER = "Nobody of this id has the role here."
NO_ORGANIZATION = "There is no such organization."


class Place(serializers.Serializer[Any]):
    """An organization in which somebody has a role."""

    id = serializers.UUIDField()
    name = serializers.CharField()


class Holder(serializers.ModelSerializer[Membership]):
    """Someone who has the role: where (null: on the platform), since when, and who gave it to them."""

    user = PersonSummary(read_only=True)
    organization = serializers.SerializerMethodField()
    since = serializers.DateTimeField(source="assigned_at", read_only=True)
    assigned_by = PersonSummary(read_only=True, allow_null=True)

    class Meta:
        model = Membership
        fields = ["id", "user", "organization", "since", "assigned_by"]
        read_only_fields = fields

    @extend_schema_field(Place(allow_null=True))
    def get_organization(self, membership: Membership) -> Any:
        return place_told(self.context["request"].actor, membership)


class Assignment(StrictInput):
    """People by the ids of their users. Platform staff say the organization for a role that many share."""

    users = People(min_length=1)
    organization = serializers.UUIDField(required=False, allow_null=True, default=None)


class Unassignment(StrictInput):
    """The query of taking a role away."""

    user = People(required=False, default=list)
    organization = serializers.UUIDField(required=False, default=None)


class HolderViewSet(RoleViews):
    """The people who have a role."""

    versioned = False
    serializer_class = Holder
    queryset = Membership.objects.none()
    filterset_class = HolderFilter

    def get_queryset(self) -> QuerySet[Membership]:
        """Return the memberships with the role that the actor may know of."""
        if getattr(self, "swagger_fake_view", False):
            return Membership.objects.none()
        held = access.memberships_policy(self.actor).visible(self.actor).filter(role=self.role())
        return with_places(self.actor, held).select_related("user", "assigned_by").order_by("user__name", "pk")

    @extend_schema(request=Assignment, responses={200: Holder(many=True)}, filters=False)
    @once
    def create(self, request: Request, pk: UUID) -> Response:  # type: ignore[override]
        """Give the role to everyone named, in place of the one they have there, or to nobody."""
        role, given = self.role(), Assignment(data=request.data)
        given.is_valid(raise_exception=True)
        users, place = given.validated_data["users"], given.validated_data["organization"]
        people = in_body(request, "users", users, NO_PERSON)
        with people, in_body(request, "organization", place, NO_ORGANIZATION):
            made = AssignMany(self.actor, users, role, place).execute()
        now = with_places(self.actor, Membership.objects.filter(pk__in=[one.pk for one in made]))
        told = now.select_related("user", "assigned_by").order_by("user__name", "pk")
        return Response(self.get_serializer(told, many=True).data)

    @extend_schema(parameters=[Unassignment], filters=False)
    @also_answers("413", "415")
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Take the role from everyone named in the query, or in a body like the one that gives it; or from nobody.

        In an organization they leave it along with their role.
        """
        role = self.role()
        if request.data:
            given = Assignment(data=request.data)
            given.is_valid(raise_exception=True)
            users, place = given.validated_data["users"], given.validated_data["organization"]
            people = in_body(request, "users", users, NO_HOLDER)
            where = in_body(request, "organization", place, NO_ORGANIZATION)
        else:
            asked = read_query(Unassignment, request)
            users, place = asked["user"], asked["organization"]
            people = in_query(request, "user", users, NO_HOLDER)
            where = in_query(request, "organization", place, NO_ORGANIZATION)
        with people, where:
            UnassignMany(self.actor, users, role, place).execute()
        return Response(status=204)


def with_places(actor: Actor, rows: QuerySet[Membership]) -> QuerySet[Membership]:
    """Fetch each membership's organization along with it for the platform: in an organization it is the actor's."""
    return rows.select_related("organization") if actor.scope is Scope.PLATFORM else rows


def place_told(actor: Actor, membership: Membership) -> dict[str, Any] | None:
    """Return the id and the name of the organization in which somebody has a role, or None for the platform."""
    if membership.organization_id is None:
        return None
    place: Any = membership.organization if actor.scope is Scope.PLATFORM else None
    name = place.name if place is not None else getattr(actor, "organization_name", "")
    return {"id": str(membership.organization_id), "name": name}
