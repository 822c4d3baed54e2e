"""Some rows of a file become clients and contacts, in the transaction of whoever acts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from hashlib import blake2b
from uuid import UUID

from django.db import connection

from agents.imports import Accepted, ClientRow, ContactRow, Field, Plan, Refused, RowError, Source
from agents.imports.grouping import is_organization
from agents.models import ImportRun, RefusedRow
from audit.history import record_bulk_created
from clients.access import client_policy
from clients.models import Client, Contact
from tenancy.actors import Actor
from tenancy.policies import Verb

CLIENT_FIELDS = tuple(field.name for field in fields(ClientRow) if field.name not in {"status", "source", "contact"})
CONTACT_FIELDS = tuple(field.name for field in fields(ContactRow))


@dataclass(frozen=True, slots=True)
class Row:
    """A row as read, and the first row of its client: itself, unless the row adds a person to an earlier one."""

    outcome: Accepted | Refused
    first_row: int


@dataclass(frozen=True, slots=True)
class Written:
    """How many clients, contacts and refused rows a chunk came to."""

    clients: int
    contacts: int
    refused: int


def client_id(run_id: UUID, row: int) -> UUID:
    """Return the key of the client that a row becomes: the same however often the row is read.

    A UUIDv7 (RFC 9562, section 5.7) with the run's time, and a digest of run and row in place of chance.
    """
    digest = int.from_bytes(blake2b(row.to_bytes(8), digest_size=10, key=run_id.bytes).digest())
    return UUID(int=run_id.int >> 80 << 80 | 7 << 76 | (digest >> 62 & 0xFFF) << 64 | 2 << 62 | digest & (1 << 62) - 1)


class ChunkWriter:
    """Writes the chunks of one run, one after the other; between them it remembers which clients are the run's own."""

    def __init__(self, run_id: UUID, plan: Plan) -> None:
        self.run_id = run_id
        self.plan = plan
        self._own: set[UUID] = set()

    def note(self, row: Row) -> None:
        """Remember a row that an earlier worker has dealt with."""
        self._own.add(client_id(self.run_id, row.first_row))

    def write(self, actor: Actor, run: ImportRun, rows: Sequence[Row]) -> Written:
        """Create what the rows describe, refuse what the actor can see to be there already, and record both."""
        _prepare_database(actor)
        refused = {row.outcome.row: row.outcome.errors for row in rows if isinstance(row.outcome, Refused)}
        accepted = [(row.outcome, row.first_row) for row in rows if isinstance(row.outcome, Accepted)]
        first = [row for row, first_row in accepted if row.row == first_row]
        self._own.update(client_id(self.run_id, row.row) for row in first)
        refused |= self._present(actor, first)
        clients = {row.row: self._client(actor, row) for row in first if row.row not in refused}
        refused |= self._unaddable(actor, accepted, clients)
        contacts = [
            self._contact(actor, row.client.contact, first_row, primary=row.row == first_row)
            for row, first_row in accepted
            if row.client.contact is not None and row.row not in refused
        ]
        self._insert(run, list(clients.values()), contacts, refused)
        return Written(len(clients), len(contacts), len(refused))

    def _insert(
        self,
        run: ImportRun,
        clients: list[Client],
        contacts: list[Contact],
        refused: dict[int, tuple[RowError, ...]],
    ) -> None:
        Client.objects.bulk_create(clients)
        Contact.objects.bulk_create(contacts)
        if clients or contacts:
            record_bulk_created([*clients, *contacts])
        RefusedRow.objects.bulk_create(
            RefusedRow(
                organization_id=run.organization_id,
                run_id=run.pk,
                row=row,
                errors=[[error.column, error.message] for error in errors],
            )
            for row, errors in refused.items()
        )

    def _client(self, actor: Actor, row: Accepted) -> Client:
        return Client(
            pk=client_id(self.run_id, row.row),
            organization_id=actor.organization_id,
            created_by_id=actor.user_id,
            status=row.client.status.value,
            source=row.client.source.value,
            **{name: getattr(row.client, name) for name in CLIENT_FIELDS},
        )

    def _contact(self, actor: Actor, contact: ContactRow, first_row: int, *, primary: bool) -> Contact:
        return Contact(
            client_id=client_id(self.run_id, first_row),
            organization_id=actor.organization_id,
            created_by_id=actor.user_id,
            is_primary=primary,
            **{name: getattr(contact, name) for name in CONTACT_FIELDS},
        )

    def _present(self, actor: Actor, rows: Iterable[Accepted]) -> dict[int, tuple[RowError, ...]]:
        """Return why rows cannot become clients: the actor sees one already. Of others they learn nothing (CLI-3)."""
        rows = list(rows)
        by_id = self._names_by_external_id(actor, [row.client for row in rows if row.client.external_id])
        by_name = self._names(actor, [row.client for row in rows if not row.client.external_id])
        found: dict[int, tuple[RowError, ...]] = {}
        for row in rows:
            client = row.client
            if name := by_id.get(client.external_id):
                found[row.row] = self._error(
                    row, Field.EXTERNAL_ID, f"A client with this record id is there already: {name}."
                )
            elif not client.external_id and _key(client) in by_name:
                found[row.row] = self._error(row, Field.NAME, _same_client(client))
        return found

    def _names_by_external_id(self, actor: Actor, clients: Sequence[ClientRow]) -> dict[str, str]:
        if not clients:
            return {}
        wanted = {client.external_id for client in clients}
        visible = client_policy.visible(actor).filter(source=clients[0].source.value, external_id__in=wanted)
        return {
            external_id: name
            for pk, external_id, name in visible.order_by().values_list("pk", "external_id", "name")
            if pk not in self._own
        }

    def _names(self, actor: Actor, clients: Sequence[ClientRow]) -> set[tuple[str, str]]:
        """Return the keys of visible clients that have one of the names: by e-mail address, and as organization."""
        if not clients:
            return set()
        visible = client_policy.visible(actor).filter(name__in={client.name for client in clients})
        keys: set[tuple[str, str]] = set()
        for pk, name, email, source in visible.order_by().values_list("pk", "name", "email", "source"):
            if pk not in self._own:
                keys.add((name, email.casefold()))
                if source == Source.GOOGLE:
                    keys.add((name, _ORGANIZATION))
        return keys

    def _unaddable(
        self, actor: Actor, accepted: Iterable[tuple[Accepted, int]], clients: dict[int, Client]
    ) -> dict[int, tuple[RowError, ...]]:
        """Return why rows cannot add a person to the client of an earlier row."""
        added = [(row, first_row) for row, first_row in accepted if row.row != first_row]
        earlier = {client_id(self.run_id, first_row) for _, first_row in added if first_row not in clients}
        there = {client.pk for client in clients.values()}
        if earlier:
            writable = client_policy.visible(actor, Verb.CHANGE).filter(pk__in=earlier)
            there |= set(writable.order_by().values_list("pk", flat=True))
        found: dict[int, tuple[RowError, ...]] = {}
        for row, first_row in added:
            if row.client.contact is None:
                found[row.row] = self._error(
                    row, Field.NAME, f"Row {first_row} is the same client, and this row adds no person."
                )
            elif client_id(self.run_id, first_row) not in there:
                message = f"Row {first_row}, the first of this client, was not imported, so its other people were not."
                found[row.row] = self._error(row, Field.NAME, message)
        return found

    def _error(self, row: Accepted, field: Field, message: str) -> tuple[RowError, ...]:
        column = self.plan.columns.get(field)
        return (RowError(row.row, column.headings[0] if column else "", message),)


def _prepare_database(actor: Actor) -> None:
    """Let one import of an organization write at a time, so that two of the same file find each other's clients.

    PostgreSQL keeps the plans of its foreign-key checks. One made while a table was small picks its index by chance,
    and would read all clients of the organization for every word of every row until the next ANALYZE.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"import:{actor.organization_id}"])
        cursor.execute("DISCARD PLANS")


_ORGANIZATION = "\0organization"


def _key(client: ClientRow) -> tuple[str, str]:
    return (client.name, _ORGANIZATION if is_organization(client) else client.email.casefold())


def _same_client(client: ClientRow) -> str:
    told = "name and e-mail address" if client.email and not is_organization(client) else "name"
    return f"A client with this {told} is there already: {client.name}."
