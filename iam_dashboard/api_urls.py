"""The REST API: /api/orgs/<slug>/… for organizations, /api/admin/… for the platform, and its description."""

urlpatterns: list[object] = []
