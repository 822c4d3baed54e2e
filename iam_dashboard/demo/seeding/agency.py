"""The clients of an agency with their workspaces, and who is assigned to which."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission
from django.core.files.base import ContentFile
from django.utils import timezone

from clients import models
from iam_dashboard.demo.generators import records
from iam_dashboard.demo.seeding.history import date_back
from roles.models import Membership
from tenancy.context import undo_on_rollback

BATCH = 1000
CLIENTS_SINCE, CLIENTS_UNTIL = timedelta(days=700), timedelta(days=300)
ITEMS_SINCE, ITEMS_UNTIL = timedelta(days=300), timedelta(days=10)


def fill_agency(agency: records.Organization, organization_id: UUID, memberships: Sequence[Membership]) -> None:
    """Write an agency's clients, workspaces and assignments. Call it within the organization's context.

    `memberships` stand in the order of `agency.people`.
    """
    clients = [
        models.Client(
            organization_id=organization_id,
            created_by_id=_keeper(agency, memberships, place),
            **_values(client.company, leaving_out="currency"),
        )
        for place, client in enumerate(agency.clients)
    ]
    models.Client.objects.bulk_create(clients, batch_size=BATCH)
    _assign(agency, organization_id, memberships, clients)
    items = [
        item
        for client, content in zip(clients, agency.clients, strict=True)
        for item in _workspace(client, content, memberships)
    ]
    undo_on_rollback(partial(_remove_files, [item for item in items if isinstance(item, models.Document)]))
    for model in models.WORKSPACE_MODELS:
        model.objects.bulk_create([item for item in items if isinstance(item, model)], batch_size=BATCH)  # type: ignore[attr-defined]
        date_back(model.objects.filter(organization_id=organization_id), ITEMS_SINCE, ITEMS_UNTIL)  # type: ignore[attr-defined]
    date_back(models.Client.objects.filter(organization_id=organization_id), CLIENTS_SINCE, CLIENTS_UNTIL)


def _keeper(agency: records.Organization, memberships: Sequence[Membership], place: int) -> UUID:
    """Return who entered the client at that place: the managers take turns."""
    managers = [index for index, person in enumerate(agency.people) if person.role is records.TenantRole.MANAGER]
    return memberships[managers[place % len(managers)]].user_id


def _assign(
    agency: records.Organization,
    organization_id: UUID,
    memberships: Sequence[Membership],
    clients: Sequence[models.Client],
) -> None:
    permissions = dict(
        Permission.objects.filter(
            content_type__app_label="clients",
            content_type__model="client",
            codename__in=("view_client", "change_client"),
        ).values_list("codename", "pk")
    )
    models.ClientGrant.objects.bulk_create(
        [
            models.ClientGrant(
                organization_id=organization_id,
                user_id=memberships[assignment.person_index].user_id,
                content_object=clients[assignment.client_index],
                permission_id=permissions["change_client" if assignment.writes else "view_client"],
            )
            for assignment in agency.assignments
        ],
        batch_size=BATCH,
    )


def _workspace(
    client: models.Client, content: records.Client, memberships: Sequence[Membership]
) -> Iterator[models.WorkspaceItem]:
    place: dict[str, Any] = {"organization_id": client.organization_id, "client": client}
    kept: dict[str, Any] = {**place, "created_by_id": client.created_by_id}
    for contact in content.contacts:
        yield models.Contact(**kept, **_values(contact))
    for campaign in content.campaigns:
        yield models.Campaign(**kept, **_values(campaign))
    for document in content.documents:
        yield _document(document, kept)
    for task in content.tasks:
        assignee = memberships[task.assignee_index]
        yield models.Task(**kept, assignee=assignee, **_values(task, leaving_out="assignee_index"))
    for note in content.notes:
        author = memberships[note.author_index].user_id
        yield models.Note(**place, created_by_id=author, **_values(note, leaving_out="author_index"))
    for invoice in content.invoices:
        yield models.Invoice(**kept, **_values(invoice))
    for connection in content.connections:
        connected = connection.status is records.ConnectionStatus.CONNECTED
        synced_at = timezone.now() if connected else None
        yield models.Connection(**kept, last_synced_at=synced_at, **_values(connection))


def _document(document: records.Document, kept: dict[str, Any]) -> models.Document:
    """Return a document whose file is stored as the row is written."""
    return models.Document(
        **kept,
        file=ContentFile(document.content, document.filename),
        size=len(document.content),
        sha256=hashlib.sha256(document.content).hexdigest(),
        **_values(document, leaving_out="content"),
    )


def _values(record: Any, *, leaving_out: str | None = None) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record) if field.name != leaving_out}


def _remove_files(documents: Sequence[models.Document]) -> None:
    for document in documents:
        document.file.storage.delete(models.document_path(document, document.filename))
