"""What the explorer tells of an organization's applications, and to whom (threat 12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import User
from roles.explorer import Explorer, Subject
from roles.models import Application
from tenancy.context import acting
from tenancy.errors import NotVisible
from tests.console.explorer_pages import EVERY, GRANTED, SEEING, address, asking, open_billing
from tests.factories import MembershipFactory, RoleFactory, UserFactory, inside
from tests.roles.applications import grant, keys_of
from tests.world import Agency

pytestmark = [pytest.mark.requirement("PDP-4"), pytest.mark.requirement("ADM-1")]


@pytest.fixture
def billing(agency: Agency) -> Application:
    return open_billing(agency)


def test_staff_name_no_client_by_the_field_for_resources(desk: Browser, agency: Agency, billing: Application) -> None:
    client = str(agency.clients[1].pk)

    page = desk.get(
        address("may", place=agency.slug, person=agency.member.pk, permission="clients:read", resource=client),
        follow=True,
    )

    assert str(page.context["verdict"].extent) == "1 assigned client"
    assert client not in page.content.decode()
    assert 'name="resource"' not in page.content.decode()


@pytest.mark.parametrize("tab", ["who", "person", "may", "view-as", "who-file", "person-file"])
@pytest.mark.parametrize("action", [EVERY, GRANTED])
def test_staff_are_told_no_id_of_what_is_in_an_application(
    tab: str, action: str, desk: Browser, agency: Agency, billing: Application
) -> None:
    grant(agency, billing, "maud", "ledger-of-the-crown")
    for person in ("maud", "wim"):
        asked = asking(agency, billing, action, person=agency.people[person].email, resource="i-9")
        answer = desk.get(address(tab, **asked))
        text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()
        assert answer.status_code == 200
        assert "ledger-of-the-crown" not in text


@pytest.mark.parametrize("tab", ["who", "may"])
def test_an_application_of_another_organization_is_neither_found_nor_named(
    tab: str, desk: Browser, agency: Agency, other_agency: Agency, billing: Application
) -> None:
    """Threat 12: from anywhere else, its permissions are answered like those that there are not."""
    key = keys_of(billing)[GRANTED]
    for place in ({"place": other_agency.slug}, {}):
        for words in (key, "update invoices", "Billing desk"):
            page = desk.get(address(tab, permission=words, person=other_agency.owner.email, **place))
            assert page.context["asked"].permission.problem == "There is no such permission."
            rest = page.content.decode().replace(words, "")
            assert "Billing desk" not in rest and key not in rest and "Update invoices" not in rest
        page = desk.get(address("person", person=other_agency.owner.email, **place))
        assert "Billing desk" not in page.content.decode()
    assert desk.get(address("who-file", place=other_agency.slug, permission=key)).status_code == 404
    assert desk.get(address("who", place=agency.slug, permission=key)).context["holders"].shown


def test_staff_to_whom_the_organization_is_out_of_sight_find_nothing_of_its_applications(
    agency: Agency, billing: Application, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    asked = asking(agency, billing, GRANTED, person=agency.people["maud"].email)

    blind = browse(staff_with(*SEEING[:-1])).get(address("may", **asked))

    assert "verdict" not in blind.context
    assert "Billing desk" not in blind.content.decode()
    assert "verdict" in browse(staff_with(*SEEING)).get(address("may", **asked)).context


def test_people_of_the_organization_ask_about_the_resources_that_they_may_know_of(
    agency: Agency, billing: Application
) -> None:
    keys = keys_of(billing)
    with inside(agency.organization):
        role = RoleFactory(organization=agency.organization, keys=("team:list", "team:read"), reach="assigned")
    agency.people["teller"] = MembershipFactory(user=UserFactory(), organization=agency.organization, role=role).user
    grant(agency, billing, "teller", "i-1")

    def answered(name: str, key: str, object_id: str) -> bool:
        with acting(agency.actor(name)) as entered:
            explorer = Explorer.open(entered.actor, agency.organization.pk)
            maud = agency.people["maud"]
            return explorer.may(Subject(maud, explorer.snapshot.person(str(maud.pk))), key, object_id).allowed

    assert answered("owner", keys[GRANTED], "i-2")
    assert answered("teller", keys[GRANTED], "i-1")
    assert answered("teller", keys[EVERY], "i-2")
    for object_id in ("i-2", "i-9"):
        with pytest.raises(NotVisible):
            answered("teller", keys[GRANTED], object_id)
