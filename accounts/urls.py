"""The organization pages of this room."""

from django.urls import URLPattern, URLResolver, path

from accounts.pages import entrance, joining, members

org_patterns: list[URLPattern | URLResolver] = [
    path("brand.css", entrance.brand, name="brand"),
    path("sign-in/", entrance.SignIn.as_view(), name="sign-in"),
    path("join/<str:token>/", joining.join, name="join"),
    path("members/", members.members, name="members"),
    path("members/<uuid:pk>/role/", members.member_role, name="member-role"),
    path("members/<uuid:pk>/remove/", members.member_remove, name="member-remove"),
    path("invitations/<uuid:pk>/resend/", members.invitation_resend, name="invitation-resend"),
    path("invitations/<uuid:pk>/revoke/", members.invitation_revoke, name="invitation-revoke"),
]
