"""The two faces of the API of roles, so that one test tells of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rest_framework.test import APIClient

from accounts.models import User
from roles.actors import RoleActor, resolve
from roles.models import Membership, Role
from tests.factories import MembershipFactory, RoleFactory, UserFactory, on_platform
from tests.world import Agency, make_staff


@dataclass(frozen=True)
class Face:
    """One face, with callers by what they may do with roles: everything, see them, or nothing.

    The roles are the agency's on either face. `slash` is what the described addresses of the face end with.
    """

    base: str
    slash: str
    agency: Agency
    chief: APIClient
    reader: APIClient
    other: APIClient

    @property
    def is_platform(self) -> bool:
        return self.base == "/api/admin/"

    @property
    def acting_chief(self) -> RoleActor:
        """The actor that the chief is."""
        if not self.is_platform:
            return self.agency.actor("owner")
        with on_platform():
            staff = Membership.objects.get(organization=None, role__name="super-admin")
        actor = resolve(staff.user_id)
        assert isinstance(actor, RoleActor), actor
        return actor

    def url(self, *parts: Any) -> str:
        """Return the address of a list, of a role, or of what belongs to a role."""
        return self.base + "/".join(str(getattr(part, "pk", part)) for part in parts) + self.slash

    def new(self, name: str, *keys: str, **more: Any) -> dict[str, Any]:
        """Return the body of a new role of the agency."""
        place = {"scope": "TENANT", "organization": str(self.agency.organization.pk)} if self.is_platform else {}
        return {"name": name, "display_name": name.title(), "permissions": list(keys), **place, **more}

    def role(self, *keys: str, **values: Any) -> Role:
        """Return a stored custom role of the agency."""
        made: Role = RoleFactory(organization=self.agency.organization, keys=keys, **{"priority": 30, **values})
        return made

    def person(self, role: Role) -> User:
        """Return a new person of the agency with that role."""
        user: User = UserFactory()
        MembershipFactory(user=user, organization=self.agency.organization, role=role)
        return user

    def in_agency(self) -> dict[str, str]:
        """Return what a body says of the place of an assignment."""
        return {"organization": str(self.agency.organization.pk)} if self.is_platform else {}


def stored(role: Role) -> Role:
    """Return the role as it is stored now."""
    with on_platform():
        return Role.objects.get(pk=role.pk)


def role_of(user: User) -> str | None:
    """Return the slug of the role that the person has in the one place where they have one."""
    with on_platform():
        return Membership.objects.filter(user=user).values_list("role__name", flat=True).first()


def platform_face(agency: Agency, by_token: Callable[..., APIClient]) -> Face:
    """Return the platform's face: a super admin, someone who may see roles, and an analyst."""
    seeing = RoleFactory(
        organization=None,
        scope="PLATFORM",
        reach=None,
        priority=10,
        keys=("roles:list", "roles:read", "audit:read"),
    )
    reader = UserFactory()
    MembershipFactory(user=reader, organization=None, role=seeing)
    callers = [by_token(user, None) for user in (make_staff("super-admin"), reader, make_staff("analyst"))]
    return Face("/api/admin/", "", agency, *callers)


def organization_face(agency: Agency, by_token: Callable[..., APIClient]) -> Face:
    """Return the agency's face: its owner, a viewer, and someone who may not even list the team."""
    nothing = RoleFactory(organization=agency.organization, priority=1, keys=("clients:read",))
    other = UserFactory()
    MembershipFactory(user=other, organization=agency.organization, role=nothing)
    callers = [by_token(user) for user in (agency.owner, agency.viewer, other)]
    return Face(f"/api/orgs/{agency.slug}/", "/", agency, *callers)
