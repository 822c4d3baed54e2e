"""Small worlds that many tests share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.files.base import ContentFile
from django.utils import timezone
from knox.models import AuthToken

from accounts.models import Organization, User
from clients.models import Client
from roles.actors import RoleActor, resolve
from tenancy.context import acting
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
    names = [f"{name} client {number}" for number in range(1, clients + 1)]
    made = [ClientFactory(organization=organization, name=client) for client in names]
    if made:
        assign(people["member"], made[0])
        assign(people["viewer"], made[0], "view_client")
    return Agency(organization, people, made)


def make_staff(role: str) -> User:
    """Return a new user with that platform role."""
    user = UserFactory(name=role, email=f"{role}@iam.example")
    MembershipFactory(user=user, organization=None, role=built_in(role))
    return user


def furnish(agency: Agency) -> None:
    """Put at least one row of the agency into every table that has an organization."""
    from accounts.models import ApiToken, CustomDomain, Invitation
    from agents.models import ImportRun, RefusedRow
    from audit.recording import record_allowed
    from roles.actions import GrantResources, RegisterApplication, UpdateRole
    from tenancy.models import IdempotentAnswer
    from tests.factories import WORKSPACE_FACTORIES, RoleFactory, inside

    organization, owner = agency.organization, agency.people["owner"]
    role = RoleFactory(organization=organization, name="planner", keys=("clients:read",))
    for client in agency.clients:
        for make in WORKSPACE_FACTORIES:
            make(client=client, created_by=owner)
    with inside(organization):
        record_allowed("clients:read", agency.clients[0])
        CustomDomain.objects.create(organization=organization, host=f"{agency.slug}.example")
        Invitation.objects.create(
            organization=organization,
            email=f"new@{agency.slug}.example",
            role=role,
            invited_by=owner,
            token_digest="0" * 64,
            expires_at=timezone.now() + timedelta(days=7),
        )
        run = ImportRun.objects.create(
            organization=organization,
            started_by=owner,
            filename="clients.csv",
            file=ContentFile(b"Name\nHarbor\n", "clients.csv"),
            refused_file=ContentFile(b"Row,Problem,Name\n", "refused.csv"),
            state=ImportRun.State.SUCCEEDED,
        )
        RefusedRow.objects.create(organization=organization, run=run, row=2, errors=[["name", "The name is missing."]])
        credential, _secret = AuthToken.objects.create(user=owner)
        ApiToken.objects.create(credential=credential, user=owner, organization=organization, name="Reporting")
    with acting(agency.actor("owner")) as entered:
        UpdateRole(entered.actor, role.pk, {"description": "Plans the work of a week."}).execute()
        action = {"resource_type": "invoice", "action": "read", "reach": "assigned"}
        application = RegisterApplication(
            entered.actor, {"slug": "billing", "name": "Billing desk", "actions": [action]}
        ).execute()
        GrantResources(
            entered.actor, application.pk, "invoice", [f"{agency.slug}-1"], [agency.people["member"].pk]
        ).execute()
        IdempotentAnswer.objects.create(
            organization_id=organization.pk,
            user_id=owner.pk,
            key="once",
            fingerprint="0",
            status=201,
            body={},
            headers={},
        )
