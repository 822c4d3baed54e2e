"""The people of an organization and their roles."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from roles.access import member_policy
from roles.actions import AssignRole, RemoveMembership
from roles.api.references import RoleField, RoleSummary
from roles.models import Membership
from tenancy.api.filtering import Ordering
from tenancy.api.serializers import PersonSummary, StrictInput
from tenancy.api.views import ActorViewSet, needing
from tenancy.policies import Verb
from tenancy.routes import declares, permission


class Member(serializers.ModelSerializer[Membership]):
    """A person's one role in the organization. Its id is the membership's."""

    user = PersonSummary(read_only=True)
    role = RoleSummary(read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "user", "role", "created_at"]
        read_only_fields = fields


class RoleChange(StrictInput):
    role = RoleField(help_text="The id or slug of the role to give.")


class MemberFilter(django_filters.FilterSet):
    role = django_filters.CharFilter("role__name", label="The slug of a role.")
    is_service = django_filters.BooleanFilter("user__is_service", label="Service accounts only, or people only.")
    ordering = Ordering(fields={"user__name": "name", "user__email": "email", "created_at": "created_at"})

    class Meta:
        model = Membership
        fields: list[str] = []


@declares(
    needing(
        permission("team:list"),
        retrieve=permission("team:list", "team:read"),
        partial_update=permission("team:list", "team:roles:assign"),
        destroy=permission("team:list", "team:remove"),
    )
)
class MemberViewSet(ActorViewSet):
    """Members: list, read, give another role, remove."""

    policy = member_policy
    queryset = Membership.objects.none()
    serializer_class = Member
    filterset_class = MemberFilter

    def get_queryset(self) -> QuerySet[Membership]:
        return super().get_queryset().select_related("user", "role").order_by("user__name", "pk")

    @extend_schema(request=RoleChange, responses=Member)
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Give the member another role: one of no higher rank and no more permissions than your own."""
        held = member_policy.get(self.actor, pk, Verb.CHANGE)
        change = RoleChange(data=request.data, context=self.get_serializer_context())
        change.is_valid(raise_exception=True)
        membership = AssignRole(self.actor, held.user, change.validated_data["role"]).execute()
        return Response(Member(self.shown(membership.pk)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Remove the member. Their assignments and tokens here end with it."""
        RemoveMembership(self.actor, member_policy.get(self.actor, pk, Verb.DELETE, lock=True)).execute()
        return Response(status=204)
