"""The routes of roles and permissions: one set for the platform and one for organizations, by the same view sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, path

from roles import access
from roles.api.applications import ApplicationViewSet, GrantViewSet, RemovalViewSet
from roles.api.filters import PermissionFilter, TeamPermissionFilter
from roles.api.history import HistoryViewSet
from roles.api.people import HolderViewSet
from roles.api.policy_tests import PolicyTestViewSet
from roles.api.previews import AssignmentPreviewViewSet, PreviewViewSet
from roles.api.serializers import NewRole, NewTeamRole
from roles.api.views import PermissionViewSet, RoleViewSet
from roles.api.watch import WatchViewSet
from roles.engine.policy_tests import ASK
from tenancy.api.views import GuardedViewSet, by_verb, needing
from tenancy.policies import Verb
from tenancy.routes import declares, permission


@dataclass(frozen=True)
class Face:
    """The keys under which one scope works with roles, what a new role is made of, what permissions are filtered
    by, and how its addresses end."""

    name: str
    roles: Mapping[Verb, str]
    listing: str
    assigning: str
    unassigning: str
    history: str
    new_role: type[NewTeamRole]
    permission_filter: type[PermissionFilter]
    ends_with_slash: bool


PLATFORM = Face(
    "api-admin",
    access.PLATFORM_ROLE_KEYS,
    access.LIST_ROLES,
    access.ASSIGN_PLATFORM,
    access.ASSIGN_PLATFORM,
    access.PLATFORM_HISTORY,
    NewRole,
    PermissionFilter,
    ends_with_slash=False,
)
ORGANIZATION = Face(
    "api",
    access.TENANT_ROLE_KEYS,
    access.LIST_TEAM,
    access.ASSIGN_TENANT,
    access.REMOVE_MEMBER,
    access.TENANT_HISTORY,
    NewTeamRole,
    TeamPermissionFilter,
    ends_with_slash=True,
)


def patterns(face: Face) -> Iterator[URLPattern]:
    """Yield the routes of one face. Each is there with and without a slash at its end; one of them is described.

    Cloning and restoring share a method of the role's own address: it needs what reading needs, and the verbs the rest.
    """
    read = face.roles[Verb.VIEW]
    roles = needing(
        permission(face.listing),
        retrieve=permission(read),
        create=permission(face.roles[Verb.ADD], read),
        update=permission(face.roles[Verb.CHANGE], read),
        partial_update=permission(face.roles[Verb.CHANGE], read),
        destroy=permission(face.roles[Verb.DELETE], read),
        act=permission(read),
    )
    people = needing(
        permission(face.listing, read),
        create=permission(face.assigning, read),
        destroy=permission(face.unassigning, read),
    )
    one = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy", "post": "act"}
    yield from _both(face, "roles", RoleViewSet, {"get": "list", "post": "create"}, roles, new_role=face.new_role)
    yield from _both(face, "roles/<uuid:pk>", RoleViewSet, one, roles)
    yield from _both(
        face,
        "roles/<uuid:pk>/assign",
        HolderViewSet,
        {"get": "list", "post": "create", "delete": "destroy"},
        people,
    )
    yield from _both(
        face,
        "roles/<uuid:pk>/assign/preview",
        AssignmentPreviewViewSet,
        {"post": "preview"},
        needing(permission(face.assigning, face.listing, read)),
    )
    yield from _both(
        face, "roles/<uuid:pk>/preview", PreviewViewSet, {"post": "preview"}, needing(permission(face.listing, read))
    )
    yield from _both(face, "roles/<uuid:pk>/audit", HistoryViewSet, {"get": "list"}, needing(permission(face.history)))
    yield from _both(
        face,
        "permissions",
        PermissionViewSet,
        {"get": "list"},
        needing(permission(face.listing)),
        filterset_class=face.permission_filter,
    )
    yield from _both(face, "policy-changes", WatchViewSet, {"get": "watch"}, needing(permission(read)))


def application_patterns(face: Face) -> Iterator[URLPattern]:
    """Yield the routes of an organization's applications and of what is granted in them."""
    needs = by_verb(access.application_policy)
    one = {"get": "retrieve", "put": "update", "patch": "partial_update", "delete": "destroy"}
    granting = permission(access.GRANT_RESOURCES)
    grants = needing(permission(access.SEE_GRANTS), create=granting, destroy=granting)
    yield from _both(face, "applications", ApplicationViewSet, {"get": "list", "post": "create"}, needs)
    yield from _both(face, "applications/<uuid:pk>", ApplicationViewSet, one, needs)
    yield from _both(
        face,
        "applications/<uuid:pk>/preview",
        RemovalViewSet,
        {"post": "preview"},
        needing(permission(access.WRITE_APPLICATIONS, access.READ_APPLICATIONS)),
    )
    yield from _both(
        face,
        "applications/<uuid:pk>/grants",
        GrantViewSet,
        {"get": "list", "post": "create", "delete": "destroy"},
        grants,
    )


def _both(
    face: Face, route: str, views: type[GuardedViewSet], actions: dict[str, Any], needs: Any, **options: Any
) -> Iterator[URLPattern]:
    name = "-".join((face.name, *(part for part in route.split("/") if not part.startswith("<"))))
    name += "-one" if route.endswith(">") else ""
    for slash in (False, True):
        described = {} if slash == face.ends_with_slash else {"schema": None}
        view = declares(needs)(views.as_view(actions, **options, **described))
        yield path(route + "/" * slash, view, name=name if not described else f"{name}-alias")


platform_patterns = list(patterns(PLATFORM))
org_patterns = [
    *patterns(ORGANIZATION),
    *application_patterns(ORGANIZATION),
    *_both(ORGANIZATION, "policy-tests", PolicyTestViewSet, {"post": "run"}, needing(permission(*ASK))),
]
