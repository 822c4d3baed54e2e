"""The verbs on a client itself."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from audit.recording import record_allowed
from clients.access import client_policy, organization_of, workspace_policies
from clients.actions.saving import fill, require_version, store_changed, store_new
from clients.documents import remove_after_commit
from clients.models import Client, Document
from tenancy.actors import Actor
from tenancy.policies import Verb, require


@dataclass(frozen=True)
class CreateClient:
    """Make a client of the actor's organization. With assigned reach the actor is assigned to it by the database."""

    actor: Actor
    values: Mapping[str, Any]

    def check(self) -> None:
        """Raise AccessDenied unless the actor may make clients."""
        require(self.actor, client_policy.keys[Verb.ADD])

    def execute(self) -> Client:
        """Return the new client. Raises ValidationError by field."""
        self.check()
        client = Client(organization_id=organization_of(self.actor), created_by_id=self.actor.user_id)
        fill(client, self.values)
        store_new(client)
        record_allowed(client_policy.keys[Verb.ADD], client, operation="create_client")
        return client


@dataclass(frozen=True)
class UpdateClient:
    """Change a client's facts. Its organization never changes."""

    actor: Actor
    pk: UUID | str
    values: Mapping[str, Any]
    version: int | None = None

    def check(self) -> Client:
        """Return the client, locked. Raises NotVisible, AccessDenied, or StaleVersion with what is stored now."""
        client = client_policy.get(self.actor, self.pk, Verb.CHANGE, lock=True)
        require_version(client, self.version)
        return client

    def execute(self) -> Client:
        """Return the client as it is stored now. Raises ValidationError by field."""
        stored = self.check()
        client = copy(stored)
        fill(client, self.values)
        store_changed(client, stored)
        record_allowed(client_policy.keys[Verb.CHANGE], client, operation="update_client")
        return client


@dataclass(frozen=True)
class DeleteClient:
    """Delete a client with everything in its workspace, which needs the permission to delete each kind found there."""

    actor: Actor
    pk: UUID | str
    version: int | None = None

    def check(self) -> Client:
        """Return the client, locked. Raises NotVisible, AccessDenied or StaleVersion."""
        client = client_policy.get(self.actor, self.pk, Verb.DELETE, lock=True)
        require_version(client, self.version)
        for model, policy in workspace_policies.items():
            key = policy.keys[Verb.DELETE]
            if not self.actor.has(key) and model._default_manager.filter(client=client).exists():
                require(self.actor, key)
        return client

    def execute(self) -> None:
        """Delete it. Assignments and search words go with it in the database, files once that is committed."""
        client = self.check()
        record_allowed(client_policy.keys[Verb.DELETE], client, operation="delete_client", name=client.name)
        for document in Document.objects.filter(client=client):
            remove_after_commit(document.file)
        client.delete()
