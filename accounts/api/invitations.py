"""Invitations: sending many at once, sending again, withdrawing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import invitation_policy
from accounts.actions import Invite, ResendInvitation, RevokeInvitation
from accounts.actions.invitations import MOST_AT_ONCE, visible_clients
from accounts.models import Invitation
from roles.api.references import RoleField, RoleSummary
from tenancy.api.filtering import Ordering
from tenancy.api.idempotency import once
from tenancy.api.serializers import StrictInput
from tenancy.api.views import ActorViewSet, needing
from tenancy.routes import declares, permission


class Sent(serializers.ModelSerializer[Invitation]):
    """An invitation. Its link is in the e-mail only."""

    role = RoleSummary(read_only=True)
    clients = serializers.SerializerMethodField(help_text="Those of the offered clients that the caller may see.")
    state = serializers.SerializerMethodField()
    invited_by = serializers.StringRelatedField(read_only=True)
    seconds_to_first_access = serializers.SerializerMethodField(help_text="From the invitation to the first access.")

    class Meta:
        model = Invitation
        fields = [
            "id",
            "email",
            "role",
            "clients",
            "state",
            "invited_by",
            "created_at",
            "sent_at",
            "expires_at",
            "accepted_at",
            "first_access_at",
            "seconds_to_first_access",
            "revoked_at",
        ]
        read_only_fields = fields

    def get_clients(self, invitation: Invitation) -> list[UUID]:
        return [client for client in invitation.client_ids if client in self.context["visible_clients"]]

    def get_state(self, invitation: Invitation) -> str:
        if invitation.accepted_at:
            return "accepted"
        if invitation.revoked_at:
            return "revoked"
        return "expired" if invitation.expires_at <= timezone.now() else "open"

    def get_seconds_to_first_access(self, invitation: Invitation) -> int | None:
        if invitation.first_access_at is None:
            return None
        return round((invitation.first_access_at - invitation.created_at).total_seconds())


class NewInvitations(StrictInput):
    emails = serializers.ListField(
        child=serializers.CharField(max_length=254), allow_empty=False, max_length=MOST_AT_ONCE
    )
    role = RoleField(help_text="The id or slug of the role offered.")
    clients = serializers.ListField(
        child=serializers.UUIDField(),
        default=list,
        max_length=1000,
        help_text="What a newcomer with assigned reach works for.",
    )


class InvitationFilter(django_filters.FilterSet):
    email = django_filters.CharFilter(max_length=254)
    accepted = django_filters.BooleanFilter("accepted_at", lookup_expr="isnull", exclude=True)
    revoked = django_filters.BooleanFilter("revoked_at", lookup_expr="isnull", exclude=True)
    ordering = Ordering(fields=["created_at", "sent_at", "expires_at", "email"])

    class Meta:
        model = Invitation
        fields: list[str] = []


INVITING = permission("team:list", "team:invite")


@declares(needing(permission("team:list"), create=INVITING, resend=INVITING, revoke=INVITING))
class InvitationViewSet(ActorViewSet):
    """Invitations: list, read, send, send again, withdraw."""

    policy = invitation_policy
    queryset = Invitation.objects.none()
    serializer_class = Sent
    filterset_class = InvitationFilter

    def get_queryset(self) -> QuerySet[Invitation]:
        return super().get_queryset().select_related("role", "invited_by").order_by("-created_at", "pk")

    def get_serializer(self, *args: Any, **kwargs: Any) -> Any:
        """Serialize with the clients that the caller may see, asked once for all invitations of the answer."""
        if args:
            invitations = args[0] if isinstance(args[0], list) else [args[0]]
            offered = {client for invitation in invitations for client in invitation.client_ids}
            seen = visible_clients(self.actor, offered) if offered else frozenset()
            kwargs["context"] = self.get_serializer_context() | {"visible_clients": seen}
        return super().get_serializer(*args, **kwargs)

    @extend_schema(request=NewInvitations, responses={201: Sent(many=True)}, filters=False)
    @once
    def create(self, request: Request) -> Response:
        """Invite everyone listed, or nobody: each address that is not right gets its own sentence."""
        given = NewInvitations(data=request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        values = given.validated_data
        invitations = Invite(self.actor, values["emails"], values["role"], values["clients"]).execute()
        return Response(self.get_serializer(invitations, many=True).data, status=201)

    @extend_schema(request=None, responses=Sent)
    def resend(self, request: Request, pk: UUID) -> Response:
        """Send a new link; the old one dies."""
        ResendInvitation(self.actor, pk).execute()
        return Response(self.get_serializer(self.shown(pk)).data)

    @extend_schema(request=None, responses=Sent)
    def revoke(self, request: Request, pk: UUID) -> Response:
        """Withdraw the invitation: its link dies."""
        RevokeInvitation(self.actor, pk).execute()
        return Response(self.get_serializer(self.shown(pk)).data)
