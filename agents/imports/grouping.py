"""Which rows of a file are one client with several people."""

from __future__ import annotations

from agents.imports.formats import Source
from agents.imports.rows import Accepted, ClientRow, Identity


class Grouping:
    """Remembers the first row of every client while the accepted rows are read in their order.

    Rows of Google Contacts with the same organization are one client; elsewhere, rows without an external id of equal
    name and e-mail address. What tells such rows apart is their person.
    """

    def __init__(self) -> None:
        self._first: dict[Identity, int] = {}

    def first_row(self, accepted: Accepted) -> int:
        """Return the row that the client of this row is made from: the row itself when it is the first."""
        client = accepted.client
        if client.external_id:
            return accepted.row
        return self._first.setdefault(_identity(client), accepted.row)


def is_organization(client: ClientRow) -> bool:
    """Whether a row of Google Contacts names an organization, and is not a person standing for themselves."""
    if client.source is not Source.GOOGLE:
        return False
    person = client.contact
    return person is None or f"{person.first_name} {person.last_name}".strip() != client.name


def _identity(client: ClientRow) -> Identity:
    name = client.name.casefold()
    return (name,) if is_organization(client) else (name, client.email.casefold())
