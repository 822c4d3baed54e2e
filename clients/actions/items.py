"""The verbs on the things of a client's workspace: the same three for all seven kinds."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError

from audit.recording import record_allowed
from clients.access import assignable_members, client_to_work_with, workspace_policies
from clients.actions.saving import fill, require_version, store_changed, store_new
from clients.documents import receive, remove_after_commit
from clients.models import Document, Task, WorkspaceItem
from tenancy.actors import Actor
from tenancy.policies import AccessPolicy, Verb, require

Item = TypeVar("Item", bound=WorkspaceItem)


@dataclass(frozen=True)
class CreateItem:
    """Make a thing of one kind at a client that the actor works with."""

    actor: Actor
    model: type[WorkspaceItem]
    client_pk: UUID | str
    values: Mapping[str, Any]

    def check(self) -> None:
        """Raise AccessDenied unless the actor may make things of this kind."""
        require(self.actor, _policy(self.model).keys[Verb.ADD])

    def execute(self) -> Any:
        """Return the new thing. Raises ValidationError by field; a client out of reach is one that does not exist."""
        self.check()
        client = client_to_work_with(self.actor, self.client_pk)
        item = self.model(client_id=client.pk, organization_id=client.organization_id, created_by_id=self.actor.user_id)
        _fill(self.actor, item, self.values)
        store_new(item)
        _record(self.actor, Verb.ADD, item, "create")
        return item


@dataclass(frozen=True)
class UpdateItem:
    """Change a thing. It stays with the client it was made for."""

    actor: Actor
    model: type[WorkspaceItem]
    pk: UUID | str
    values: Mapping[str, Any]
    version: int | None = None

    def check(self) -> Any:
        """Return the thing, locked. Raises NotVisible, AccessDenied, or StaleVersion with what is stored now."""
        item = _policy(self.model).get(self.actor, self.pk, Verb.CHANGE, lock=True)
        require_version(item, self.version)
        return item

    def execute(self) -> Any:
        """Return the thing as it is stored now. Raises ValidationError by field."""
        stored = self.check()
        item = copy(stored)
        _fill(self.actor, item, self.values)
        store_changed(item, stored)
        if isinstance(item, Document) and item.file.name != stored.file.name:
            remove_after_commit(stored.file)
        _record(self.actor, Verb.CHANGE, item, "update")
        return item


@dataclass(frozen=True)
class DeleteItem:
    """Delete a thing; a document's file once the transaction is committed."""

    actor: Actor
    model: type[WorkspaceItem]
    pk: UUID | str
    version: int | None = None

    def check(self) -> Any:
        """Return the thing, locked. Raises NotVisible, AccessDenied or StaleVersion."""
        item = _policy(self.model).get(self.actor, self.pk, Verb.DELETE, lock=True)
        require_version(item, self.version)
        return item

    def execute(self) -> None:
        """Delete it."""
        item = self.check()
        _record(self.actor, Verb.DELETE, item, "delete")
        if isinstance(item, Document):
            remove_after_commit(item.file)
        item.delete()


def _policy(model: type[WorkspaceItem]) -> AccessPolicy[Any]:
    return workspace_policies[model]


def _record(actor: Actor, verb: Verb, item: WorkspaceItem, word: str) -> None:
    record_allowed(
        _policy(type(item)).keys[verb],
        item,
        operation=f"{word}_{item._meta.model_name}",
        client=str(item.client_id),
    )


def _fill(actor: Actor, item: WorkspaceItem, values: Mapping[str, Any]) -> None:
    wanted = dict(values)
    named = wanted.pop("client", item.client_id)
    if str(getattr(named, "pk", named)) != str(item.client_id):
        raise ValidationError({"client": ValidationError("This stays with its client.", code="fixed")})
    if isinstance(item, Task):
        _require_member(actor, item, wanted)
    if isinstance(item, Document):
        receive(item, wanted.pop("file", None))
    fill(item, wanted)


def _require_member(actor: Actor, task: Task, values: dict[str, Any]) -> None:
    """Raise ValidationError unless a newly named assignee is of the actor's organization."""
    named = values.get("assignee")
    pk = getattr(named, "pk", named)
    if pk is None or pk == task.assignee_id:
        return
    try:
        # Locked, so that it does not end before the task is stored.
        found = assignable_members(actor).select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
    except (ValueError, TypeError, ValidationError):
        found = None
    if found is None:
        raise ValidationError({"assignee": ValidationError("There is no such member.", code="does_not_exist")})
