"""The nouns of a test. Each row is made in the context it belongs to, for the database shows nothing outside of one."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import date
from typing import Any

import factory
from django.core.files.base import ContentFile

from accounts.models import Branding, Organization, User
from clients import models as clients
from roles.models import Membership, Permission, Role
from tenancy.actors import SystemActor
from tenancy.context import acting


@contextmanager
def on_platform() -> Any:
    """Act as the installation on the platform."""
    with acting(SystemActor("test")) as entered:
        yield entered


@contextmanager
def inside(organization: Organization) -> Any:
    """Act as the installation within an organization."""
    with acting(SystemActor("test", organization.pk)) as entered:
        yield entered


class PlatformFactory(factory.django.DjangoModelFactory):
    """Makes rows of people and organizations, which platform staff keep."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        with on_platform():
            return super()._create(model_class, *args, **kwargs)


class UserFactory(PlatformFactory):
    class Meta:
        model = User

    name = factory.Sequence(lambda n: f"Person {n}")
    email = factory.Sequence(lambda n: f"person{n}@people.example")


class OrganizationFactory(PlatformFactory):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Agency {n}")
    slug = factory.Sequence(lambda n: f"agency-{n}")

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        organization = super()._create(model_class, *args, **kwargs)
        with on_platform():
            Branding.objects.create(organization=organization)
        return organization


class RoleFactory(PlatformFactory):
    """A custom role of an organization; `keys` are its own permissions."""

    class Meta:
        model = Role

    name = factory.Sequence(lambda n: f"role-{n}")
    display_name = factory.Sequence(lambda n: f"Role {n}")
    scope = "TENANT"
    priority = 50
    reach = "all"

    @classmethod
    def _create(cls, model_class: Any, *args: Any, keys: tuple[str, ...] = (), **kwargs: Any) -> Any:
        role = super()._create(model_class, *args, **kwargs)
        with on_platform():
            role.permissions.set(Permission.objects.filter(key__in=keys))
        return role


class MembershipFactory(PlatformFactory):
    class Meta:
        model = Membership

    user = factory.SubFactory(UserFactory)
    organization = factory.SubFactory(OrganizationFactory)


def built_in(slug: str) -> Role:
    """Return a built-in role."""
    with on_platform():
        return Role.objects.get(name=slug, is_system=True)


class InsideFactory(factory.django.DjangoModelFactory):
    """Makes rows of one organization, within it."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> Any:
        with inside(kwargs["organization"]):
            return super()._create(model_class, *args, **kwargs)


class ClientFactory(InsideFactory):
    class Meta:
        model = clients.Client

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Client {n}")
    city = "Utrecht"


class WorkspaceFactory(InsideFactory):
    class Meta:
        abstract = True

    client = factory.SubFactory(ClientFactory)
    organization = factory.SelfAttribute("client.organization")


class ContactFactory(WorkspaceFactory):
    class Meta:
        model = clients.Contact

    first_name = "Ada"
    last_name = factory.Sequence(lambda n: f"Contact{n}")
    email = factory.Sequence(lambda n: f"contact{n}@client.example")


class CampaignFactory(WorkspaceFactory):
    class Meta:
        model = clients.Campaign

    name = factory.Sequence(lambda n: f"Campaign {n}")
    channel = "search"


class DocumentFactory(WorkspaceFactory):
    class Meta:
        model = clients.Document

    title = factory.Sequence(lambda n: f"Document {n}")
    file = factory.LazyFunction(lambda: ContentFile(b"Plan of the quarter.", "plan.txt"))
    filename = "plan.txt"
    content_type = "text/plain"
    size = 20
    sha256 = "0" * 64


class TaskFactory(WorkspaceFactory):
    class Meta:
        model = clients.Task

    title = factory.Sequence(lambda n: f"Task {n}")


class NoteFactory(WorkspaceFactory):
    class Meta:
        model = clients.Note

    body = factory.Sequence(lambda n: f"Note {n}")


class InvoiceFactory(WorkspaceFactory):
    class Meta:
        model = clients.Invoice

    number = factory.Sequence(lambda n: f"INV-{n:04}")
    amount = 100
    issued_on = date(2026, 11, 1)


class ConnectionFactory(WorkspaceFactory):
    class Meta:
        model = clients.Connection

    provider = "google_ads"
    account_name = factory.Sequence(lambda n: f"Account {n}")


WORKSPACE_FACTORIES: tuple[type[WorkspaceFactory], ...] = (
    ContactFactory,
    CampaignFactory,
    DocumentFactory,
    TaskFactory,
    NoteFactory,
    InvoiceFactory,
    ConnectionFactory,
)


def assign(user: User, client: clients.Client, access: str = "change_client") -> clients.ClientGrant:
    """Assign a person to a client: `change_client` to work with it, `view_client` to read."""
    with inside(client.organization):
        return clients.ClientGrant.objects.assign_perm(access, user, client)
