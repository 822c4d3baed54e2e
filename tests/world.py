"""Small worlds that many tests share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from accounts.models import Organization, User
from clients.models import Client
from roles.actors import RoleActor, resolve
from tests.factories import ClientFactory, MembershipFactory, OrganizationFactory, UserFactory, assign, built_in

TENANT_ROLES = ("owner", "admin", "manager", "member", "viewer")
PLATFORM_ROLES = ("super-admin", "platform-admin", "support-agent", "analyst")


@dataclass(frozen=True)
class Agency:
    """One organization: a person of each role by the role's short name, and clients.

    The member works for the first client and the viewer reads it; nobody is assigned to the third.
    """

    organization: Organization
    people: dict[str, User]
    clients: list[Client]

    def __getattr__(self, name: str) -> Any:
        people: dict[str, User] = self.__dict__["people"]
        if name in people:
            return people[name]
        raise AttributeError(name)

    @property
    def slug(self) -> str:
        return self.organization.slug

    def actor(self, name: str) -> RoleActor:
        """Return the actor of that person here, with the role they have now."""
        resolved = resolve(self.people[name].pk, organization_id=self.organization.pk)
        assert isinstance(resolved, RoleActor), resolved
        return resolved


def make_agency(name: str, *, clients: int = 3) -> Agency:
    """Return a new agency with one person of each tenant role and that many clients."""
    slug = name.lower()
    organization = OrganizationFactory(name=name, slug=slug)
    people = {}
    for role in TENANT_ROLES:
        user = UserFactory(name=f"{name} {role}", email=f"{role}@{slug}.example")
        MembershipFactory(user=user, organization=organization, role=built_in(f"org-{role}"))
        people[role] = user
    made = [ClientFactory(organization=organization, name=f"{name} client {number}") for number in range(1, clients + 1)]
    if made:
        assign(people["member"], made[0])
        assign(people["viewer"], made[0], "view_client")
    return Agency(organization, people, made)


def make_staff(role: str) -> User:
    """Return a new user with that platform role."""
    user = UserFactory(name=role, email=f"{role}@iam.example")
    MembershipFactory(user=user, organization=None, role=built_in(role))
    return user
