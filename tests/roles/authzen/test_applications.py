"""An organization's own application asks about what is in it, in the form “application:type”."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from accounts.models import User
from roles.actions import RevokeResources, UpdateApplication
from roles.models import Application
from tenancy.context import acting
from tests.roles.applications import BILLING, grant, keys_of, register
from tests.roles.authzen.asking import Service, question, resource, user
from tests.roles.authzen.conftest import hire
from tests.world import Agency, make_agency

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-6")]
Billing = tuple[Agency, Application, User]
INVOICE, REPORT = "billing:invoice", "billing:report"
_number = count(1)


@pytest.fixture
def billing(module_db: str) -> Billing:
    """An agency with the billing desk, and a clerk who holds all its permissions."""
    agency = make_agency(f"Billing{next(_number)}")
    application = register(agency)
    clerk = agency.people["clerk"] = hire(agency, *keys_of(application).values())
    return agency, application, clerk


def test_it_is_answered_by_the_reach_of_each_action(
    billing: Billing, service_of: Callable[[Agency, User], Service]
) -> None:
    agency, application, clerk = billing
    service = service_of(agency, agency.owner)
    grant(agency, application, "clerk", "i-1")
    own = {"type": REPORT, "id": "r-1", "properties": {"author": clerk.email}}
    foreign = {"type": REPORT, "id": "r-1", "properties": {"author": "somebody@else.example"}}
    told = service.batch(
        question(clerk, "read", INVOICE, "i-9"),
        question(clerk, "update", INVOICE, "i-1"),
        question(clerk, "update", INVOICE, "i-2"),
        {"subject": user(clerk), "action": {"name": "update"}, "resource": own},
        {"subject": user(clerk), "action": {"name": "update"}, "resource": foreign},
        question(agency.member, "read", INVOICE, "i-9"),
        question(clerk, "read", "ledger:invoice", "i-9"),
    )
    assert told.decisions == [True, True, False, True, False, False, False]
    found = service.search("resource", subject=user(clerk), action={"name": "update"}, resource={"type": INVOICE})
    assert found.found == ["i-1"]
    people = service.search(
        "subject", subject={"type": "user"}, action={"name": "update"}, resource=resource(INVOICE, "i-1")
    )
    assert people.found == [str(clerk.pk)]
    actions = service.search("action", subject=user(clerk), resource=resource(INVOICE, "i-1"))
    assert actions.found == ["read", "update"]


@pytest.mark.parametrize("invoice", ["", " ", "i-9"])
def test_searches_agree_with_the_evaluation_whatever_the_id(
    billing: Billing, service_of: Callable[[Agency, User], Service], invoice: str
) -> None:
    agency, _, clerk = billing
    service, asked = service_of(agency, agency.owner), resource(INVOICE, invoice)
    assert service.ask(clerk, "read", INVOICE, invoice).decision
    assert service.search("action", subject=user(clerk), resource=asked).found == ["read"]
    found = service.search("subject", subject={"type": "user"}, action={"name": "read"}, resource=asked).found
    assert set(found) == {str(agency.owner.pk), str(clerk.pk)}


def test_what_is_withdrawn_is_denied_at_the_next_request(
    billing: Billing, service_of: Callable[[Agency, User], Service]
) -> None:
    agency, application, clerk = billing
    service = service_of(agency, agency.owner)
    grant(agency, application, "clerk", "i-1")
    assert service.ask(clerk, "update", INVOICE, "i-1").decision
    owner = agency.actor("owner")
    with acting(owner):
        RevokeResources(owner, application.pk, "invoice", ["i-1"], [clerk.pk]).execute()
    assert not service.ask(clerk, "update", INVOICE, "i-1").decision
    assert service.ask(clerk, "read", INVOICE, "i-1").decision
    with acting(owner):
        UpdateApplication(owner, application.pk, {"actions": BILLING["actions"][1:]}).execute()
    assert not service.ask(clerk, "read", INVOICE, "i-1").decision
