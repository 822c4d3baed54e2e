"""The organization pages of this room."""

from django.urls import URLPattern, URLResolver, path

from clients.pages import assignment, clients, documents, home, inviting, workspace
from clients.pages.kinds import KINDS

org_patterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("clients/", clients.clients, name="clients"),
    path("clients/new/", clients.client_create, name="client-create"),
    path("clients/<uuid:pk>/", clients.client, name="client"),
    path("clients/<uuid:pk>/edit/", clients.client_edit, name="client-edit"),
    path("clients/<uuid:pk>/delete/", clients.client_delete, name="client-delete"),
    path("documents/<uuid:pk>/file/", documents.document_file, name="document-file"),
    path("members/invite/", inviting.invite, name="invite"),
    path("assignments/", assignment.assignments, name="assignments"),
    path("assignments/change/", assignment.assign, name="assign"),
    *(route for kind in KINDS for route in workspace.routes(kind)),
]
