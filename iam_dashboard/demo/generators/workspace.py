"""What is in a client's workspace. Statuses, dates and people fit each other and the client's own status."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Final

from iam_dashboard.demo.generators.companies import CURRENCY_SCALE, fill, website_domain
from iam_dashboard.demo.generators.documents import documents
from iam_dashboard.demo.generators.people import address, ascii_word, full_names
from iam_dashboard.demo.generators.records import (
    Campaign,
    CampaignStatus,
    Channel,
    Client,
    ClientStatus,
    Company,
    Connection,
    ConnectionStatus,
    Contact,
    Invoice,
    InvoiceStatus,
    Note,
    Priority,
    Provider,
    Task,
    TaskStatus,
)
from iam_dashboard.demo.generators.words import CAMPAIGNS, NOTES, PLACES, TASKS, TITLES

_PHONES: Final = {place.city: place.phone for place in PLACES}
_CAMPAIGN_STATUSES: Final = {
    ClientStatus.LEAD: (CampaignStatus.DRAFT,),
    ClientStatus.ACTIVE: (CampaignStatus.ACTIVE, CampaignStatus.COMPLETED, CampaignStatus.DRAFT, CampaignStatus.PAUSED),
    ClientStatus.PAUSED: (CampaignStatus.PAUSED, CampaignStatus.COMPLETED),
    ClientStatus.ARCHIVED: (CampaignStatus.COMPLETED,),
}
_OPEN_TASKS: Final = (TaskStatus.OPEN, TaskStatus.OPEN, TaskStatus.IN_PROGRESS, TaskStatus.DONE, TaskStatus.CANCELLED)
_CLOSED_TASKS: Final = (TaskStatus.DONE, TaskStatus.CANCELLED)
_EXTERNAL_IDS: Final = {
    Provider.GOOGLE_ADS: "###-###-####",
    Provider.META_ADS: "act_###############",
    Provider.LINKEDIN_ADS: "5########",
    Provider.GOOGLE_ANALYTICS: "properties/#########",
    Provider.MAILCHIMP: "us##-########",
    Provider.HUBSPOT: "#########",
    Provider.SHOPIFY: "{domain}.myshopify.example",
    Provider.STRIPE: "acct_1@#@##@@#@#@##@",
}


def client(rng: Random, company: Company, writers: Sequence[int], anchor: date) -> Client:
    """Return the company with a workspace as of the day `anchor`.

    `writers` are the places of the people who may write there; they hold the tasks and wrote the notes. Invoices have
    no number yet: those run through the whole agency.
    """
    return Client(
        company=company,
        contacts=_contacts(rng, company),
        campaigns=_campaigns(rng, company, anchor),
        documents=documents(rng, company, anchor),
        tasks=_tasks(rng, company, writers, anchor),
        notes=_notes(rng, writers),
        invoices=_invoices(rng, company, anchor),
        connections=_connections(rng, company),
    )


def _contacts(rng: Random, company: Company) -> tuple[Contact, ...]:
    names = full_names(rng)
    titles = rng.sample(TITLES, rng.choice((1, 1, 2, 2, 3, 4)))
    domain = website_domain(company)
    return tuple(
        Contact(
            first, last, address(first, last, domain), fill(rng, _PHONES[company.city]), title, is_primary=place == 0
        )
        for place, (title, (first, last)) in enumerate(zip(titles, names, strict=False))
    )


def _campaigns(rng: Random, company: Company, anchor: date) -> tuple[Campaign, ...]:
    chosen = rng.sample(CAMPAIGNS, rng.randint(0, 4))
    return tuple(_campaign(rng, name, rng.choice(channels), company, anchor) for name, channels in chosen)


def _campaign(rng: Random, name: str, channel: Channel, company: Company, anchor: date) -> Campaign:
    status = rng.choice(_CAMPAIGN_STATUSES[company.status])
    length = timedelta(days=rng.choice((28, 42, 60, 90)))
    if status is CampaignStatus.DRAFT:
        starts_on = anchor + timedelta(days=rng.randint(5, 90))
    elif status is CampaignStatus.COMPLETED:
        starts_on = anchor - length - timedelta(days=rng.randint(1, 240))
    else:
        starts_on = anchor - timedelta(days=rng.randint(0, length.days))
    budget = Decimal(rng.randint(4, 120) * 250 * CURRENCY_SCALE[company.currency]).quantize(Decimal("0.01"))
    ends_on = starts_on + length
    return Campaign(f"{name} {starts_on.year}", channel, status, budget, company.currency, starts_on, ends_on)


def _tasks(rng: Random, company: Company, writers: Sequence[int], anchor: date) -> tuple[Task, ...]:
    statuses = _CLOSED_TASKS if company.status is ClientStatus.ARCHIVED else _OPEN_TASKS
    return tuple(
        _task(rng, title, description, rng.choice(statuses), rng.choice(writers), anchor)
        for title, description in rng.sample(TASKS, rng.randint(0, 5))
    )


def _task(rng: Random, title: str, description: str, status: TaskStatus, assignee: int, anchor: date) -> Task:
    earliest, latest = (-120, -1) if status in _CLOSED_TASKS else (-10, 45)
    priority = rng.choices(list(Priority), (2, 6, 3, 1))[0]
    return Task(title, description, status, priority, anchor + timedelta(days=rng.randint(earliest, latest)), assignee)


def _notes(rng: Random, writers: Sequence[int]) -> tuple[Note, ...]:
    bodies = rng.sample(NOTES, rng.randint(0, 4))
    pinned = 0 if bodies and rng.random() < 0.3 else None
    return tuple(Note(body, place == pinned, rng.choice(writers)) for place, body in enumerate(bodies))


def _invoices(rng: Random, company: Company, anchor: date) -> tuple[Invoice, ...]:
    if company.status is ClientStatus.LEAD:
        return ()
    closed = company.status is ClientStatus.ARCHIVED
    return tuple(_invoice(rng, company, anchor, closed=closed) for _ in range(rng.randint(0, 6)))


def _invoice(rng: Random, company: Company, anchor: date, *, closed: bool) -> Invoice:
    issued_on = anchor - timedelta(days=rng.randint(0, 300))
    due_on = issued_on + timedelta(days=rng.choice((14, 30)))
    amount = Decimal(rng.randint(60, 3000) * 5 * CURRENCY_SCALE[company.currency]).quantize(Decimal("0.01"))
    paid_on = None
    status = _invoice_status(rng, issued_on, due_on, anchor, closed=closed)
    if status is InvoiceStatus.PAID:
        paid_on = min(anchor, issued_on + timedelta(days=rng.randint(2, 40)))
    return Invoice("", status, company.currency, amount, issued_on, due_on, paid_on)


def _invoice_status(rng: Random, issued_on: date, due_on: date, anchor: date, *, closed: bool) -> InvoiceStatus:
    chance = rng.random()
    if chance < 0.03:
        return InvoiceStatus.VOID
    if closed:
        return InvoiceStatus.PAID
    if issued_on > anchor - timedelta(days=7) and chance < 0.5:
        return InvoiceStatus.DRAFT
    if due_on >= anchor:
        return InvoiceStatus.PAID if chance < 0.35 else InvoiceStatus.SENT
    return InvoiceStatus.PAID if chance < 0.9 else InvoiceStatus.OVERDUE


def _connections(rng: Random, company: Company) -> tuple[Connection, ...]:
    if company.status is ClientStatus.ARCHIVED:
        statuses, weights = [ConnectionStatus.REVOKED, ConnectionStatus.EXPIRED], [3, 1]
    else:
        statuses, weights = list(ConnectionStatus), [17, 2, 1, 1]
    providers = rng.sample(list(Provider), rng.randint(0, 3))
    return tuple(
        Connection(
            provider,
            company.name,
            fill(rng, _EXTERNAL_IDS[provider]).format(domain=ascii_word(company.name)),
            rng.choices(statuses, weights)[0],
        )
        for provider in providers
    )
