"""Callers of the API and the eight resources of an organization."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts.models import ApiToken
from clients.models import Client
from tests.api.roles import Face, organization_face, platform_face
from tests.factories import (
    CampaignFactory,
    ClientFactory,
    ConnectionFactory,
    ContactFactory,
    DocumentFactory,
    InvoiceFactory,
    NoteFactory,
    TaskFactory,
    on_platform,
)
from tests.world import Agency


@dataclass(frozen=True)
class Resource:
    """One resource of the API: what makes a new one, what changes it, and the factory of stored ones."""

    name: str
    factory: Any
    new: Mapping[str, Any]
    change: Mapping[str, Any] = field(default_factory=dict)
    wrong: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def url(self, agency: Agency, pk: Any = None) -> str:
        """Return the address of the list, or of one."""
        return f"/api/orgs/{agency.slug}/{self.name}/" + (f"{pk}/" if pk else "")

    def stored(self, client: Client) -> Any:
        """Return a stored one: of this client, or for clients the client itself."""
        return client if self.factory is ClientFactory else self.factory(client=client)

    def body(self, client: Client) -> dict[str, Any]:
        """Return what creates one at the client."""
        fresh = dict(self.new)
        if self.name == "documents":
            fresh["file"] = SimpleUploadedFile("plan.txt", b"Plan of the quarter.")
        if self.factory is not ClientFactory:
            fresh["client"] = str(client.pk)
        return fresh

    @property
    def format(self) -> str:
        """How a new one is sent."""
        return "multipart" if self.name == "documents" else "json"


RESOURCES = (
    Resource("clients", ClientFactory, {"name": "Fennel"}, {"city": "Ghent"}, {"status": "gone"}),
    Resource("contacts", ContactFactory, {"first_name": "Ada"}, {"title": "Director"}, {"email": "ada"}),
    Resource(
        "campaigns", CampaignFactory, {"name": "Spring", "channel": "email"}, {"budget": "12.50"}, {"budget": "-1"}
    ),
    Resource("documents", DocumentFactory, {"title": "Plan"}, {"title": "Plan B"}, {"title": ""}),
    Resource("tasks", TaskFactory, {"title": "Call"}, {"status": "done"}, {"due_on": "soon"}),
    Resource("notes", NoteFactory, {"body": "Likes tea."}, {"pinned": True}, {"body": "\u202e"}),
    Resource(
        "invoices",
        InvoiceFactory,
        {"number": "F-1", "amount": "99.90", "issued_on": "2026-11-02"},
        {"status": "sent"},
        {"due_on": "2020-01-01"},
    ),
    Resource(
        "connections",
        ConnectionFactory,
        {"provider": "stripe", "account_name": "Fennel"},
        {"status": "expired"},
        {"provider": "carrier-pigeon"},
    ),
)
EACH = pytest.mark.parametrize("resource", RESOURCES, ids=str)


@pytest.fixture
def by_token(agency: Agency) -> Callable[..., APIClient]:
    """Return an API client that calls with a token of the user, in the agency unless another organization is given."""

    def calling(user: Any, organization: Any = agency.organization, scheme: str = "Bearer") -> APIClient:
        with on_platform():
            credential, secret = AuthToken.objects.create(user=user)
            ApiToken.objects.create(credential=credential, user=user, organization=organization, name="Test")
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"{scheme} {secret}")
        return client

    return calling


@pytest.fixture(params=[platform_face, organization_face], ids=["platform", "organization"])
def face(request: pytest.FixtureRequest, agency: Agency, by_token: Callable[..., APIClient]) -> Face:
    """Each face of the API of roles, on the same agency."""
    made: Face = request.param(agency, by_token)
    return made
