"""The values of the demo world: what a seed makes and the database is filled from.

People are referred to by their place in `Organization.people`, clients by their place in `Organization.clients`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum


class TenantRole(StrEnum):
    OWNER = "org-owner"
    ADMIN = "org-admin"
    MANAGER = "org-manager"
    MEMBER = "org-member"
    VIEWER = "org-viewer"

    @property
    def reaches_all_clients(self) -> bool:
        """Whether people of this role see every client without an assignment."""
        return self in (TenantRole.OWNER, TenantRole.ADMIN, TenantRole.MANAGER)


class PlatformRole(StrEnum):
    SUPER_ADMIN = "super-admin"
    PLATFORM_ADMIN = "platform-admin"
    SUPPORT_AGENT = "support-agent"
    ANALYST = "analyst"


class ClientStatus(StrEnum):
    LEAD = "lead"
    ACTIVE = "active"
    PAUSED = "paused"
    ARCHIVED = "archived"


class Channel(StrEnum):
    SEARCH = "search"
    SOCIAL = "social"
    EMAIL = "email"
    DISPLAY = "display"
    VIDEO = "video"
    EVENTS = "events"


class CampaignStatus(StrEnum):
    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"


class TaskStatus(StrEnum):
    OPEN = "open"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CANCELLED = "cancelled"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class InvoiceStatus(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    PAID = "paid"
    OVERDUE = "overdue"
    VOID = "void"


class Provider(StrEnum):
    GOOGLE_ADS = "google_ads"
    META_ADS = "meta_ads"
    LINKEDIN_ADS = "linkedin_ads"
    GOOGLE_ANALYTICS = "google_analytics"
    MAILCHIMP = "mailchimp"
    HUBSPOT = "hubspot"
    SHOPIFY = "shopify"
    STRIPE = "stripe"


class ConnectionStatus(StrEnum):
    CONNECTED = "connected"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who works at an agency. `last_sign_in` is a moment in UTC, None for who has yet to sign in."""

    first_name: str
    last_name: str
    email: str
    role: TenantRole
    last_sign_in: datetime | None = None


@dataclass(frozen=True, slots=True)
class PlatformPerson:
    """Someone who runs the installation. `last_sign_in` is a moment in UTC, None for who has yet to sign in."""

    first_name: str
    last_name: str
    email: str
    role: PlatformRole
    last_sign_in: datetime | None = None


@dataclass(frozen=True, slots=True)
class Contact:
    first_name: str
    last_name: str
    email: str
    phone: str
    title: str
    is_primary: bool


@dataclass(frozen=True, slots=True)
class Campaign:
    name: str
    channel: Channel
    status: CampaignStatus
    budget: Decimal
    currency: str
    starts_on: date
    ends_on: date


@dataclass(frozen=True, slots=True)
class Document:
    title: str
    filename: str
    content: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Task:
    title: str
    description: str
    status: TaskStatus
    priority: Priority
    due_on: date
    assignee_index: int


@dataclass(frozen=True, slots=True)
class Note:
    body: str
    pinned: bool
    author_index: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """`paid_on` is there exactly when the invoice is paid."""

    number: str
    status: InvoiceStatus
    currency: str
    amount: Decimal
    issued_on: date
    due_on: date
    paid_on: date | None


@dataclass(frozen=True, slots=True)
class Connection:
    """A client's account in an outside service."""

    provider: Provider
    account_name: str
    external_account_id: str
    status: ConnectionStatus


@dataclass(frozen=True, slots=True)
class Company:
    """What a client is: the fields of its own record."""

    name: str
    status: ClientStatus
    industry: str
    website: str
    email: str
    phone: str
    street: str
    city: str
    region: str
    postal_code: str
    country: str
    currency: str
    employees: int
    annual_revenue: Decimal
    description: str


@dataclass(frozen=True, slots=True)
class Client:
    """A client with its workspace."""

    company: Company
    contacts: tuple[Contact, ...]
    campaigns: tuple[Campaign, ...]
    documents: tuple[Document, ...]
    tasks: tuple[Task, ...]
    notes: tuple[Note, ...]
    invoices: tuple[Invoice, ...]
    connections: tuple[Connection, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """One person may see one client, and with `writes` also change what is in it."""

    person_index: int
    client_index: int
    writes: bool


@dataclass(frozen=True, slots=True)
class Organization:
    """An agency with its people, its clients and who is assigned to which."""

    slug: str
    name: str
    suspended: bool
    people: tuple[Person, ...]
    clients: tuple[Client, ...]
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True, slots=True)
class World:
    """Everything the demo shows."""

    platform_people: tuple[PlatformPerson, ...]
    organizations: tuple[Organization, ...]
