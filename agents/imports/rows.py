"""Rows of a file become clients, or a list of everything that is wrong with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final, TypeVar

from agents.imports import cells
from agents.imports.errors import CellError, RowError
from agents.imports.formats import Field, Source, Status
from agents.imports.mapping import Plan
from agents.imports.reading import Record, Table

LIMITS: Final = {
    Field.NAME: 200,
    Field.INDUSTRY: 100,
    Field.WEBSITE: 200,
    Field.EMAIL: 254,
    Field.PHONE: 40,
    Field.STREET: 200,
    Field.CITY: 100,
    Field.REGION: 100,
    Field.POSTAL_CODE: 20,
    Field.COUNTRY: 100,
    Field.DESCRIPTION: 10_000,
    Field.EXTERNAL_ID: 100,
    Field.CONTACT_FIRST_NAME: 100,
    Field.CONTACT_LAST_NAME: 100,
    Field.CONTACT_EMAIL: 254,
    Field.CONTACT_PHONE: 40,
    Field.CONTACT_TITLE: 100,
}

Value = TypeVar("Value")
Identity = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ContactRow:
    """The person of a row. A first name, a last name or an e-mail address is there."""

    first_name: str
    last_name: str
    email: str
    phone: str
    title: str


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client as a row describes it, clean and within the limits of the database. Revenue has two decimals."""

    name: str
    status: Status
    source: Source
    industry: str = ""
    website: str = ""
    email: str = ""
    phone: str = ""
    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
    employees: int | None = None
    annual_revenue: Decimal | None = None
    description: str = ""
    external_id: str = ""
    contact: ContactRow | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A row that can be imported: the line it starts on, its cells as written, and the client."""

    row: int
    cells: Sequence[str]
    client: ClientRow


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that cannot be imported, with all its problems."""

    row: int
    cells: Sequence[str]
    errors: tuple[RowError, ...]


def read_clients(table: Table, plan: Plan) -> Iterator[Accepted | Refused]:
    """Read the rows of a table one after the other, in the order of the file.

    Two rows are the same client when their external ids are equal or, without one, when name, e-mail and person are;
    the later is refused and names the first. Only accepted rows count as first.
    """
    seen: dict[Identity, int] = {}
    for record in table.records():
        yield _RowReader(record, table, plan).read(seen)


class _RowReader:
    """Reads one record and collects its problems."""

    __slots__ = ("cells", "columns", "errors", "format", "row", "table")

    def __init__(self, record: Record, table: Table, plan: Plan) -> None:
        self.row = record.row
        self.cells = record.cells
        self.table = table
        self.columns = plan.columns
        self.format = plan.format
        self.errors: list[RowError] = []

    def read(self, seen: dict[Identity, int]) -> Accepted | Refused:
        self._check_shape()
        if not self.errors:
            client = self._client()
            self._check_repetition(client, seen)
            if not self.errors:
                return Accepted(self.row, self.cells, client)
        return Refused(self.row, self.cells, tuple(self.errors))

    def _check_shape(self) -> None:
        found, expected = len(self.cells), len(self.table.headings)
        if found != expected:
            message = (
                f"The row has {found} cells, but there are {expected} headings. "
                "A separator or a quotation mark is missing or is one too many."
            )
            self.errors.append(RowError(self.row, "", message))
            return
        limit = self.table.limits.cell
        if max(map(len, self.cells)) <= limit:
            return
        for heading, cell in zip(self.table.headings, self.cells, strict=True):
            if len(cell) > limit:
                message = f"This has {len(cell):,} characters; at most {limit:,} are read. Shorten it."
                self.errors.append(RowError(self.row, heading, message))

    def _check_repetition(self, client: ClientRow, seen: dict[Identity, int]) -> None:
        if not client.name:
            return
        identity = _identity(client)
        first = seen.get(identity)
        if first is not None:
            field = Field.EXTERNAL_ID if client.external_id else Field.NAME
            self._refuse(field, f"Row {first} is the same client. Keep one of the two rows.")
        elif not self.errors:
            seen[identity] = self.row

    def _client(self) -> ClientRow:
        email = self._text(Field.EMAIL, cells.email)
        phone = self._text(Field.PHONE, cells.phone)
        contact = self._contact(email, phone)
        any_stage = self.format.source is Source.HUBSPOT
        return ClientRow(
            name=self._name(contact),
            status=self._value(Field.STATUS, partial(cells.status, any_stage=any_stage), Status.ACTIVE),
            source=self.format.source,
            industry=self._text(Field.INDUSTRY),
            website=self._text(Field.WEBSITE, cells.website),
            email=email,
            phone=phone,
            street=self._text(Field.STREET),
            city=self._text(Field.CITY),
            region=self._text(Field.REGION),
            postal_code=self._text(Field.POSTAL_CODE),
            country=self._text(Field.COUNTRY),
            employees=self._value(Field.EMPLOYEES, cells.count, None),
            annual_revenue=self._value(Field.ANNUAL_REVENUE, cells.amount, None),
            description=self._text(Field.DESCRIPTION, cells.paragraphs),
            external_id=self._text(Field.EXTERNAL_ID, cells.external_id),
            contact=contact,
        )

    def _contact(self, client_email: str, client_phone: str) -> ContactRow | None:
        """Return the person of the row; in a file of people the client's e-mail and telephone are the person's."""
        problems = len(self.errors)
        first = self._text(Field.CONTACT_FIRST_NAME, cells.name)
        last = self._text(Field.CONTACT_LAST_NAME, cells.name)
        email = self._text(Field.CONTACT_EMAIL, cells.email)
        phone = self._text(Field.CONTACT_PHONE, cells.phone)
        title = self._text(Field.CONTACT_TITLE)
        if self.format.person_as_client:
            if not first and not last:
                return None
            return ContactRow(first, last, email or client_email, phone or client_phone, title)
        if first or last or email:
            return ContactRow(first, last, email, phone, title)
        if (phone or title) and len(self.errors) == problems:
            message = "The contact has neither a name nor an e-mail address. Write one, or empty the contact's cells."
            self._refuse(Field.CONTACT_PHONE if phone else Field.CONTACT_TITLE, message)
        return None

    def _name(self, contact: ContactRow | None) -> str:
        problems = len(self.errors)
        name = self._text(Field.NAME, cells.name)
        if name or len(self.errors) > problems:
            return name
        if self.format.person_as_client and contact is not None:
            person = f"{contact.first_name} {contact.last_name}".strip()
            return self._parsed(Field.NAME, person, cells.name)
        self._refuse(Field.NAME, "The name of the client is missing. Write it.")
        return ""

    def _text(self, field: Field, parse: Callable[[str, int], str] = cells.text) -> str:
        return self._parsed(field, self._raw(field), parse)

    def _parsed(self, field: Field, raw: str, parse: Callable[[str, int], str]) -> str:
        if not raw:
            return ""
        try:
            return parse(raw, LIMITS[field])
        except CellError as error:
            self._refuse(field, str(error))
            return ""

    def _value(self, field: Field, parse: Callable[[str], Value], missing: Value) -> Value:
        raw = self._raw(field)
        if not raw:
            return missing
        try:
            return parse(raw)
        except CellError as error:
            self._refuse(field, str(error))
            return missing

    def _raw(self, field: Field) -> str:
        column = self.columns.get(field)
        if column is None:
            return ""
        parts = [part for place in column.positions if (part := self._single(place))]
        if not parts:
            return ""
        return " ".join(parts) if column.joined else parts[0]

    def _single(self, place: int) -> str:
        raw = self.cells[place].strip()
        if self.format.separator:
            return raw.split(self.format.separator, 1)[0]
        return raw

    def _refuse(self, field: Field, message: str) -> None:
        self.errors.append(RowError(self.row, self._heading(field), message))

    def _heading(self, field: Field) -> str:
        column = self.columns.get(field)
        if column is None:
            return ""
        filled = (place for place in column.positions if self.cells[place].strip())
        return self.table.headings[next(filled, column.positions[0])]


def _identity(client: ClientRow) -> Identity:
    if client.external_id:
        return (client.external_id,)
    person = client.contact
    names = (person.first_name, person.last_name) if person else ("", "")
    return tuple(part.casefold() for part in (client.name, client.email, *names))
