"""The demo world is the same for a seed, and everything in it fits together."""

from collections import Counter
from datetime import date

import pytest

from iam_dashboard.demo.generators import make_world
from iam_dashboard.demo.generators.records import (
    CampaignStatus,
    ClientStatus,
    InvoiceStatus,
    Organization,
    PlatformRole,
    TaskStatus,
    TenantRole,
    World,
)
from iam_dashboard.demo.generators.words import PLACES

pytestmark = pytest.mark.requirement("REL-1")
ANCHOR = date(2026, 11, 16)
AGENCIES = range(2)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(seed=7, anchor=ANCHOR)


@pytest.fixture(scope="module", params=range(3), ids=["first agency", "second agency", "suspended agency"])
def organization(request, world) -> Organization:
    return world.organizations[request.param]


def test_a_seed_always_gives_the_same_world(world):
    assert make_world(seed=7, anchor=ANCHOR) == world


def test_another_seed_gives_other_people_and_clients(world):
    other = make_world(seed=8, anchor=ANCHOR)
    for mine, theirs in zip(world.organizations, other.organizations, strict=True):
        assert mine.people != theirs.people
        assert mine.clients != theirs.clients


def test_the_two_agencies_share_no_client(world):
    first, second = world.organizations[:2]
    assert first.clients != second.clients
    assert {person.email for person in first.people}.isdisjoint(person.email for person in second.people)


@pytest.mark.parametrize("place", AGENCIES)
def test_an_agency_has_60_people_and_400_clients(world, place):
    agency = world.organizations[place]
    assert Counter(person.role for person in agency.people) == {
        TenantRole.OWNER: 2,
        TenantRole.ADMIN: 4,
        TenantRole.MANAGER: 10,
        TenantRole.MEMBER: 36,
        TenantRole.VIEWER: 8,
    }
    assert len(agency.clients) == 400
    assert not agency.suspended


def test_the_third_organization_is_small_and_suspended(world):
    third = world.organizations[2]
    assert (third.suspended, len(third.people), len(third.clients)) == (True, 5, 20)


def test_each_platform_role_has_one_person(world):
    assert [person.role for person in world.platform_people] == list(PlatformRole)
    assert all(person.email.endswith("@iam.example") for person in world.platform_people)


def test_emails_are_unique_ascii_and_at_the_agencys_own_domain(organization):
    emails = [person.email for person in organization.people]
    assert len(set(emails)) == len(emails)
    assert all(email.isascii() and email.endswith(f"@{organization.slug}.example") for email in emails)


def test_people_signed_in_before_the_day_of_the_world_and_some_never(world):
    signed_in = [person.last_sign_in for agency in world.organizations for person in agency.people]
    assert all(moment is None or moment.date() < ANCHOR for moment in signed_in)
    assert 0 < signed_in.count(None) < len(signed_in) / 4


def test_client_names_and_websites_are_unique_and_invented(organization):
    companies = [client.company for client in organization.clients]
    assert len({company.name for company in companies}) == len(companies)
    assert len({company.website for company in companies}) == len(companies)
    assert all(company.website.isascii() and company.website.endswith(".example") for company in companies)


def test_a_city_stands_in_its_country_with_its_codes(organization):
    places = {place.city: place for place in PLACES}
    for company in (client.company for client in organization.clients):
        place = places[company.city]
        assert (company.region, company.country, company.currency) == (place.region, place.country, place.currency)
        assert len(company.postal_code) == len(place.postal)
        assert company.phone.startswith(place.phone.split(" ")[0])


def test_every_client_has_exactly_one_main_contact(organization):
    for client in organization.clients:
        assert 1 <= len(client.contacts) <= 4
        assert [contact.is_primary for contact in client.contacts].count(True) == 1
        assert len({contact.email for contact in client.contacts}) == len(client.contacts)


def test_workspaces_hold_what_was_planned(organization):
    for client in organization.clients:
        assert len(client.campaigns) <= 4
        assert len(client.documents) <= 2
        assert len(client.tasks) <= 5
        assert len(client.notes) <= 4
        assert len(client.invoices) <= 6
        assert len({connection.provider for connection in client.connections}) == len(client.connections) <= 3


def test_invoices_are_numbered_without_gaps_in_the_order_of_their_dates(organization):
    invoices = [invoice for client in organization.clients for invoice in client.invoices]
    by_number = sorted(invoices, key=lambda invoice: invoice.number)
    assert [invoice.number for invoice in by_number] == [
        f"INV-2026-{place:04d}" for place in range(1, len(invoices) + 1)
    ]
    assert [invoice.issued_on for invoice in by_number] == sorted(invoice.issued_on for invoice in invoices)


def test_the_status_of_an_invoice_fits_its_dates(organization):
    for invoice in (invoice for client in organization.clients for invoice in client.invoices):
        assert invoice.issued_on <= ANCHOR
        assert invoice.issued_on < invoice.due_on
        assert invoice.amount > 0
        assert (invoice.paid_on is not None) == (invoice.status is InvoiceStatus.PAID)
        if invoice.paid_on is not None:
            assert invoice.issued_on <= invoice.paid_on <= ANCHOR
        if invoice.status is InvoiceStatus.OVERDUE:
            assert invoice.due_on < ANCHOR
        if invoice.status in (InvoiceStatus.SENT, InvoiceStatus.DRAFT):
            assert invoice.due_on >= ANCHOR


def test_the_status_of_a_campaign_fits_its_dates(organization):
    for campaign in (campaign for client in organization.clients for campaign in client.campaigns):
        assert campaign.starts_on < campaign.ends_on
        if campaign.status is CampaignStatus.DRAFT:
            assert campaign.starts_on > ANCHOR
        elif campaign.status is CampaignStatus.COMPLETED:
            assert campaign.ends_on < ANCHOR
        else:
            assert campaign.starts_on <= ANCHOR <= campaign.ends_on


def test_a_lead_has_no_invoices_and_an_archived_client_nothing_open(organization):
    for client in organization.clients:
        if client.company.status is ClientStatus.LEAD:
            assert client.invoices == ()
        if client.company.status is ClientStatus.ARCHIVED:
            assert {task.status for task in client.tasks} <= {TaskStatus.DONE, TaskStatus.CANCELLED}
            assert {invoice.status for invoice in client.invoices} <= {InvoiceStatus.PAID, InvoiceStatus.VOID}
            assert {campaign.status for campaign in client.campaigns} <= {CampaignStatus.COMPLETED}


def test_documents_are_small_files_of_their_type(organization):
    endings = {"text/markdown": ".md", "text/plain": ".txt", "text/csv": ".csv"}
    for document in (document for client in organization.clients for document in client.documents):
        assert document.filename.endswith(endings[document.content_type])
        assert document.filename.isascii()
        assert 0 < len(document.content.decode()) < 2000


def test_only_members_and_viewers_are_assigned_and_nobody_twice(organization):
    pairs = [(assignment.person_index, assignment.client_index) for assignment in organization.assignments]
    assert len(set(pairs)) == len(pairs)
    roles = {organization.people[assignment.person_index].role for assignment in organization.assignments}
    assert roles == {TenantRole.MEMBER, TenantRole.VIEWER}


def test_everyone_of_assigned_reach_has_8_to_40_clients(organization):
    counts = Counter(assignment.person_index for assignment in organization.assignments)
    for place, person in enumerate(organization.people):
        if not person.role.reaches_all_clients:
            assert 8 <= counts[place] <= 40


@pytest.mark.parametrize("place", AGENCIES)
def test_viewers_mostly_read_and_some_clients_are_nobodys(world, place):
    agency = world.organizations[place]
    viewers = [a for a in agency.assignments if agency.people[a.person_index].role is TenantRole.VIEWER]
    assert sum(assignment.writes for assignment in viewers) < len(viewers) / 4
    assert len({assignment.client_index for assignment in agency.assignments}) < len(agency.clients)


def test_tasks_and_notes_belong_to_people_who_may_write_there(organization):
    writes = {(a.person_index, a.client_index) for a in organization.assignments if a.writes}
    for client_index, client in enumerate(organization.clients):
        for person_index in [*(t.assignee_index for t in client.tasks), *(n.author_index for n in client.notes)]:
            role = organization.people[person_index].role
            assert role.reaches_all_clients or (person_index, client_index) in writes


def test_a_world_made_in_january_has_invoices_of_two_years():
    world = make_world(seed=7, anchor=date(2027, 1, 10))
    numbers = {invoice.number[:8] for client in world.organizations[0].clients for invoice in client.invoices}
    assert numbers == {"INV-2026", "INV-2027"}
