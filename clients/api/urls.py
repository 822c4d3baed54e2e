"""The API routes of this room, under /api/orgs/<slug>/."""

from __future__ import annotations

from typing import Any

from django.urls import URLPattern, path

from clients.api import views
from tenancy.api.views import GuardedViewSet

COLLECTION: dict[str, Any] = {"get": "list", "post": "create"}
MEMBER: dict[str, Any] = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
VIEW_SETS: dict[str, type[GuardedViewSet]] = {
    "clients": views.ClientViewSet,
    "contacts": views.ContactViewSet,
    "campaigns": views.CampaignViewSet,
    "documents": views.DocumentViewSet,
    "tasks": views.TaskViewSet,
    "notes": views.NoteViewSet,
    "invoices": views.InvoiceViewSet,
    "connections": views.ConnectionViewSet,
}

org_patterns: list[URLPattern] = [
    *(path(f"{name}/", view.as_view(COLLECTION), name=f"api-{name}") for name, view in VIEW_SETS.items()),
    *(path(f"{name}/<uuid:pk>/", view.as_view(MEMBER), name=f"api-{name}-one") for name, view in VIEW_SETS.items()),
    path(
        "documents/<uuid:pk>/file/",
        views.DocumentViewSet.as_view({"get": "file"}, **views.DocumentViewSet.file.kwargs),  # type: ignore[attr-defined]
        name="api-document-file",
    ),
]
