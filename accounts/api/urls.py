from django.urls import URLPattern, path

from accounts.api.invitations import InvitationViewSet
from accounts.api.me import MeView
from accounts.api.members import MemberViewSet
from accounts.api.tokens import PlatformTokenViewSet, ServiceAccountViewSet, TokenViewSet

LIST = {"get": "list"}
COLLECTION = {"get": "list", "post": "create"}

org_patterns: list[URLPattern] = [
    path("me/", MeView.as_view(), name="api-me"),
    path("members/", MemberViewSet.as_view(LIST), name="api-members"),
    path(
        "members/<uuid:pk>/",
        MemberViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="api-member",
    ),
    path("invitations/", InvitationViewSet.as_view(COLLECTION), name="api-invitations"),
    path("invitations/<uuid:pk>/", InvitationViewSet.as_view({"get": "retrieve"}), name="api-invitation"),
    path("invitations/<uuid:pk>/resend/", InvitationViewSet.as_view({"post": "resend"}), name="api-invitation-resend"),
    path("invitations/<uuid:pk>/revoke/", InvitationViewSet.as_view({"post": "revoke"}), name="api-invitation-revoke"),
    path("tokens/", TokenViewSet.as_view(COLLECTION), name="api-tokens"),
    path("tokens/<uuid:pk>/", TokenViewSet.as_view({"delete": "destroy"}), name="api-token"),
    path("service-accounts/", ServiceAccountViewSet.as_view(COLLECTION), name="api-service-accounts"),
]

platform_patterns: list[URLPattern] = [
    path("tokens/", PlatformTokenViewSet.as_view(COLLECTION), name="api-admin-tokens"),
    path("tokens/<uuid:pk>/", PlatformTokenViewSet.as_view({"delete": "destroy"}), name="api-admin-token"),
]
