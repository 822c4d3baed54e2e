"""API tokens, and the service accounts that work through them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import platform_token_policy, service_account_policy, token_policy
from accounts.actions import CreateServiceAccount, IssueToken, RevokeToken
from accounts.actions.tokens import DEFAULT_LIFETIME, LONGEST_LIFETIME
from accounts.api.members import Member
from accounts.models import ApiToken, User
from roles.api.references import RoleField
from roles.models import Membership
from tenancy.api.filtering import Ordering
from tenancy.api.idempotency import once
from tenancy.api.serializers import PersonSummary, StrictInput
from tenancy.api.views import ActorViewSet, needing
from tenancy.routes import declares, permission


class Token(serializers.ModelSerializer[ApiToken]):
    """A token, without its secret."""

    user = PersonSummary(read_only=True)
    permissions = serializers.ListField(
        child=serializers.CharField(), read_only=True, allow_null=True, help_text="Null: all of the role's."
    )
    expires_at = serializers.DateTimeField(source="credential.expiry", read_only=True, allow_null=True)

    class Meta:
        model = ApiToken
        fields = ["id", "name", "user", "permissions", "expires_at", "last_used_at", "created_at"]
        read_only_fields = fields


class IssuedToken(Token):
    """A new token with its secret, which is told this once."""

    secret = serializers.CharField(read_only=True, help_text="Send it as “Authorization: Bearer …”.")

    class Meta(Token.Meta):
        fields = [*Token.Meta.fields, "secret"]
        read_only_fields = fields


class NewToken(StrictInput):
    name = serializers.CharField(max_length=100)
    user = serializers.UUIDField(required=False, help_text="A service account; without it the token is your own.")
    permissions = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        allow_null=True,
        default=None,
        max_length=300,
        help_text="Fewer permissions than the role's; leave it out for all.",
    )
    expires_in_days = serializers.IntegerField(
        min_value=1, max_value=LONGEST_LIFETIME.days, default=DEFAULT_LIFETIME.days
    )


class TokenFilter(django_filters.FilterSet):
    user = django_filters.UUIDFilter("user_id", label="Whose token it is.")
    ordering = Ordering(fields=["created_at", "name", "last_used_at"])

    class Meta:
        model = ApiToken
        fields: list[str] = []


class TokenViews(ActorViewSet):
    """Tokens: list, issue, revoke."""

    queryset = ApiToken.objects.none()
    serializer_class = Token
    filterset_class = TokenFilter

    def get_queryset(self) -> QuerySet[ApiToken]:
        return super().get_queryset().select_related("user", "credential").order_by("-created_at", "pk")

    @extend_schema(request=NewToken, responses={201: IssuedToken})
    def create(self, request: Request) -> Response:
        """Issue a token for yourself or a service account. Its secret is told in this answer only."""
        given = NewToken(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        token, secret = IssueToken(
            self.actor,
            values["name"],
            user=User(pk=values["user"]) if "user" in values else None,
            permissions=values["permissions"],
            expires_in=timedelta(days=values["expires_in_days"]),
        ).execute()
        token.secret = secret  # type: ignore[attr-defined]
        return Response(IssuedToken(token).data, status=201)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Revoke the token: the next request that carries it is refused."""
        RevokeToken(self.actor, pk).execute()
        return Response(status=204)


@declares(
    needing(
        permission("org:api-keys:read"),
        create=permission("org:api-keys:write"),
        destroy=permission("org:api-keys:read", "org:api-keys:write"),
    )
)
class TokenViewSet(TokenViews):
    """The organization's tokens: list, issue, revoke."""

    policy = token_policy


@declares(
    needing(
        permission("integrations:api-clients:read"),
        create=permission("integrations:api-clients:write"),
        destroy=permission("integrations:api-clients:read", "integrations:api-clients:write"),
    )
)
class PlatformTokenViewSet(TokenViews):
    """The platform's tokens: list, issue, revoke."""

    policy = platform_token_policy


class NewServiceAccount(StrictInput):
    name = serializers.CharField(max_length=150)
    role = RoleField(help_text="The id or slug of its role.")


class ServiceAccountFilter(django_filters.FilterSet):
    ordering = Ordering(fields={"user__name": "name", "created_at": "created_at"})

    class Meta:
        model = Membership
        fields: list[str] = []


@declares(needing(permission("org:api-keys:read"), create=permission("org:api-keys:write")))
class ServiceAccountViewSet(ActorViewSet):
    """Service accounts: list, create. One is removed like any member."""

    policy = service_account_policy
    queryset = Membership.objects.none()
    serializer_class = Member
    filterset_class = ServiceAccountFilter

    def get_queryset(self) -> QuerySet[Membership]:
        return super().get_queryset().select_related("user", "role").order_by("user__name", "pk")

    @extend_schema(request=NewServiceAccount, responses={201: Member})
    @once
    def create(self, request: Request) -> Response:
        """Create a service account with a role of no more than your own rank and permissions."""
        given = NewServiceAccount(data=request.data, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        membership = CreateServiceAccount(self.actor, **given.validated_data).execute()
        return Response(Member(membership).data, status=201)
