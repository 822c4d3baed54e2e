"""The CSV files we know: which heading holds which of our fields.

The headings are those of the real exports in English: companies exported from HubSpot, contacts exported from Google
Contacts ("Google CSV", in its present and its earlier form), and a plain file under our own field names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from agents.imports.reading import normalised


class Field(StrEnum):
    """What a column of a file can be imported as."""

    NAME = "name"
    STATUS = "status"
    INDUSTRY = "industry"
    WEBSITE = "website"
    EMAIL = "email"
    PHONE = "phone"
    STREET = "street"
    CITY = "city"
    REGION = "region"
    POSTAL_CODE = "postal_code"
    COUNTRY = "country"
    EMPLOYEES = "employees"
    ANNUAL_REVENUE = "annual_revenue"
    DESCRIPTION = "description"
    EXTERNAL_ID = "external_id"
    CONTACT_FIRST_NAME = "contact_first_name"
    CONTACT_LAST_NAME = "contact_last_name"
    CONTACT_EMAIL = "contact_email"
    CONTACT_PHONE = "contact_phone"
    CONTACT_TITLE = "contact_title"


class Source(StrEnum):
    """Where a client was imported from."""

    HUBSPOT = "hubspot"
    GOOGLE = "google"
    CSV = "csv"


class Status(StrEnum):
    """The state of a client."""

    LEAD = "lead"
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Origin:
    """The headings that a field comes from: the first with a value, or all of them joined by a space."""

    headings: tuple[str, ...]
    joined: bool = False


@dataclass(frozen=True, slots=True)
class Format:
    """A known kind of file.

    `signature` are the headings by which it is recognised: all must be there, and none of `foreign`. `separator` stands
    between several values in one cell, of which the first is used. With `person_as_client` the person of a row without
    an organization is the client.
    """

    source: Source
    title: str
    signature: frozenset[str]
    foreign: frozenset[str]
    origins: Mapping[Field, Origin]
    separator: str | None = None
    person_as_client: bool = False

    def fits(self, headings: frozenset[str]) -> bool:
        """Whether the normalised headings of a file are those of this format."""
        return self.signature <= headings and not self.foreign & headings


def _format(
    source: Source,
    title: str,
    signature: tuple[str, ...],
    origins: Mapping[Field, str | Origin],
    *,
    foreign: tuple[str, ...] = (),
    separator: str | None = None,
    person_as_client: bool = False,
) -> Format:
    return Format(
        source,
        title,
        frozenset(map(normalised, signature)),
        frozenset(map(normalised, foreign)),
        MappingProxyType({f: o if isinstance(o, Origin) else Origin((o,)) for f, o in origins.items()}),
        separator,
        person_as_client,
    )


HUBSPOT: Final = _format(
    Source.HUBSPOT,
    "HubSpot companies",
    ("Record ID", "Company name"),
    {
        Field.EXTERNAL_ID: "Record ID",
        Field.NAME: "Company name",
        Field.WEBSITE: Origin(("Website URL", "Company Domain Name")),
        Field.PHONE: "Phone Number",
        Field.STREET: Origin(("Street Address", "Street Address 2"), joined=True),
        Field.CITY: "City",
        Field.REGION: "State/Region",
        Field.POSTAL_CODE: "Postal Code",
        Field.COUNTRY: Origin(("Country/Region", "Country")),
        Field.INDUSTRY: "Industry",
        Field.EMPLOYEES: "Number of Employees",
        Field.ANNUAL_REVENUE: "Annual Revenue",
        Field.STATUS: "Lifecycle Stage",
        Field.DESCRIPTION: Origin(("Description", "About Us")),
    },
    # HubSpot's export of contacts carries both signature headings too, one row a person.
    foreign=("First Name", "Last Name", "Email"),
)

_GOOGLE_SHARED: Final = {
    Field.EMAIL: "E-mail 1 - Value",
    Field.PHONE: "Phone 1 - Value",
    Field.STREET: "Address 1 - Street",
    Field.CITY: "Address 1 - City",
    Field.REGION: "Address 1 - Region",
    Field.POSTAL_CODE: "Address 1 - Postal Code",
    Field.COUNTRY: "Address 1 - Country",
    Field.WEBSITE: "Website 1 - Value",
    Field.DESCRIPTION: "Notes",
}

GOOGLE: Final = _format(
    Source.GOOGLE,
    "Google Contacts",
    ("First Name", "Last Name", "Organization Name"),
    {
        **_GOOGLE_SHARED,
        Field.NAME: "Organization Name",
        Field.CONTACT_FIRST_NAME: Origin(("First Name", "Middle Name"), joined=True),
        Field.CONTACT_LAST_NAME: "Last Name",
        Field.CONTACT_TITLE: "Organization Title",
    },
    separator=" ::: ",
    person_as_client=True,
)

GOOGLE_EARLIER: Final = _format(
    Source.GOOGLE,
    "Google Contacts (earlier form)",
    ("Given Name", "Family Name"),
    {
        **_GOOGLE_SHARED,
        Field.NAME: "Organization 1 - Name",
        Field.CONTACT_FIRST_NAME: Origin(("Given Name", "Additional Name"), joined=True),
        Field.CONTACT_LAST_NAME: "Family Name",
        Field.CONTACT_TITLE: "Organization 1 - Title",
    },
    separator=" ::: ",
    person_as_client=True,
)

PLAIN: Final = _format(
    Source.CSV,
    "CSV with our field names",
    (),
    {field: field.value for field in Field},
)

FORMATS: Final = (HUBSPOT, GOOGLE, GOOGLE_EARLIER, PLAIN)

# HubSpot exports the label or, on older accounts, the internal name; both lose their spaces before they are looked up.
LIFECYCLE_STAGES: Final[Mapping[str, Status]] = MappingProxyType(
    {
        "subscriber": Status.LEAD,
        "lead": Status.LEAD,
        "marketingqualifiedlead": Status.LEAD,
        "salesqualifiedlead": Status.LEAD,
        "opportunity": Status.LEAD,
        "customer": Status.ACTIVE,
        "evangelist": Status.ACTIVE,
        "other": Status.ACTIVE,
    }
)


def detect(headings: tuple[str, ...]) -> Format:
    """Return the first known format whose signature the headings carry; the plain one when none does."""
    present = frozenset(normalised(heading) for heading in headings)
    return next(known for known in FORMATS if known.fits(present))
