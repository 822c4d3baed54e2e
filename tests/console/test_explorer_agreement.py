"""The explorer gives one answer wherever it is asked: what nobody can use, nobody can (PDP-1, PDP-4)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser
from django.utils.http import urlencode

from accounts.models import User
from audit.models import AccessRecord
from roles.models import Application
from tests.console.explorer_pages import EVERY, GRANTED, OWN, address, asking, open_billing, rows_of
from tests.factories import MembershipFactory, UserFactory, built_in, on_platform
from tests.roles.applications import keys_of, register
from tests.world import Agency

pytestmark = [pytest.mark.requirement("PDP-4"), pytest.mark.requirement("PDP-1")]


@pytest.fixture
def billing(agency: Agency) -> Application:
    return open_billing(agency)


@pytest.fixture
def newcomer(agency: Agency) -> User:
    """A member of the agency to whom no client is assigned yet."""
    return MembershipFactory(user=UserFactory(), organization=agency.organization, role=built_in("org-member")).user


def headline(response: Any) -> str:
    """Return the answer on top of the page, in one line."""
    head = response.content.decode().partition('class="explorer-answer"')[2]
    return " ".join(head.partition("<h2>")[2].partition("</h2>")[0].split())


def shown(response: Any) -> set[str]:
    return {holder.subject.user.name for holder in response.context["holders"].shown}


def test_who_can_counts_apart_who_has_nothing_to_use_it_on(desk: Browser, agency: Agency, billing: Application) -> None:
    told = headline(desk.get(address("who", **asking(agency, billing, GRANTED))))
    assert told == "3 people have “Update invoices” in Larkmoor, 2 of them nothing to use it on"

    told = headline(desk.get(address("who", **asking(agency, billing, EVERY))))
    assert told == "3 people can “Read invoices” in Larkmoor"


def test_where_nobody_has_anything_to_use_it_on_nobody_can(desk: Browser, agency: Agency) -> None:
    asked = asking(agency, register(agency), GRANTED)

    # The owner holds all there is, and nothing is granted to anybody.
    told = headline(desk.get(address("who", **asked)))

    assert told == "1 person has “Update invoices” in Larkmoor, and nothing to use it on"


def test_a_member_without_clients_is_told_alike_on_each_page_and_in_each_file(
    desk: Browser, agency: Agency, newcomer: User
) -> None:
    asked = {"place": agency.slug, "permission": "clients:read"}
    busy = agency.member

    def page_of(user: User) -> Any:
        return desk.get(address("person", place=agency.slug, person=user.email))

    def allowed(tab: str, of: str, **more: Any) -> dict[str, str]:
        return {row[of]: row["Allowed"] for row in rows_of(desk.get(address(tab, place=agency.slug, **more)))}

    assert headline(desk.get(address("who", **asked))).endswith("1 of them nothing to use it on")
    for user, expected in ((busy, True), (newcomer, False)):
        word = "yes" if expected else "no"
        assert desk.get(address("may", **asked, person=user.pk)).context["verdict"].allowed is expected
        assert allowed("who-file", "E-mail", permission="clients:read")[user.email] == word
        file = allowed("person-file", "Permission", person=user.email)
        assert (file["clients:read"], file["clients:delete"]) == (word, "no")
        page = page_of(user)
        count = list(file.values()).count("yes")
        assert page.context["count"] == sum(one.usable for one in page.context["categories"]) == count
        assert f"can use {count} of {len(file)} permissions" in headline(page)
    assert page_of(newcomer).context["count"] < page_of(busy).context["count"]
    workspace = next(one for one in page_of(newcomer).context["categories"] if one.name == "Client Workspace")
    assert f"0 of {workspace.size}</span>" in page_of(newcomer).content.decode()


@pytest.mark.parametrize(
    ("action", "named", "people", "told"),
    [
        (GRANTED, {"resource": "i-1"}, {"Maud"}, "1 person can “Update invoices” on this invoice in Larkmoor"),
        (GRANTED, {"resource": "i-9"}, set(), "0 people can “Update invoices” on this invoice in Larkmoor"),
        (OWN, {"owner": "WIM"}, {"Wim"}, "1 person can “Update report” on this report in Larkmoor"),
        (OWN, {"resource": "r-1"}, set(), "0 people can “Update report” on this report in Larkmoor"),
    ],
)
def test_who_can_is_asked_of_one_resource_too_and_agrees_with_may(
    desk: Browser,
    agency: Agency,
    billing: Application,
    action: str,
    named: dict[str, str],
    people: set[str],
    told: str,
) -> None:
    named = {name: agency.people["wim"].email if value == "WIM" else value for name, value in named.items()}
    asked = asking(agency, billing, action, **named)

    page = desk.get(address("who", **asked))

    assert shown(page) == people
    assert headline(page) == told
    assert {row["Name"] for row in rows_of(desk.get(address("who-file", **asked)))} == people
    for name in ("Maud", "Wim"):
        verdict = desk.get(address("may", **asked, person=agency.people[name.lower()].pk)).context["verdict"]
        assert verdict.allowed is (name in people)


def test_why_asks_about_the_same_resource(desk: Browser, agency: Agency, billing: Application) -> None:
    page = desk.get(address("who", **asking(agency, billing, GRANTED, resource="i-1")))

    [row] = page.context["rows"]
    verdict = desk.get(f"{address('may')}{row['why']}").context["verdict"]
    assert verdict.sentence == "Maud has “Update invoices” on this invoice."


def test_who_can_offers_a_resource_where_may_they_does(desk: Browser, agency: Agency, billing: Application) -> None:
    for action in (EVERY, GRANTED, OWN, None):
        asked = asking(agency, billing, action) if action else {"place": agency.slug, "permission": "clients:read"}
        who, may = (desk.get(address(tab, **asked)).content.decode() for tab in ("who", "may"))
        for name in ("resource", "owner"):
            assert (f'name="{name}"' in who) is (f'name="{name}"' in may), (action, name)
        assert ('name="resource"' in who) is (action is not None)


@pytest.mark.parametrize("tab", ["who", "may", "who-file"])
def test_an_address_names_nothing_that_the_permission_is_not_used_on(
    tab: str, desk: Browser, agency: Agency, billing: Application
) -> None:
    plain = {"place": agency.slug, "person": agency.viewer.email, "permission": "team:list"}
    answer = desk.get(address(tab, **plain, resource="i-1"))
    assert (answer.status_code, answer["Location"]) == (302, address(tab, **plain))
    assert desk.get(answer["Location"]).status_code == 200

    named = asking(agency, billing, EVERY, resource="i-1")
    assert desk.get(address(tab, **named)).status_code == 200
    answer = desk.get(address(tab, **named, owner="somebody@people.example"))
    assert answer["Location"].partition("?")[2] == urlencode(named)


@pytest.mark.requirement("AUD-3")
@pytest.mark.parametrize("tab", ["who", "who-file"])
def test_the_resource_that_who_can_was_asked_about_is_recorded(
    tab: str, desk: Browser, agency: Agency, billing: Application
) -> None:
    answer = desk.get(address(tab, **asking(agency, billing, GRANTED, resource="i-1")))
    assert answer.status_code == 200
    if answer.streaming:
        rows_of(answer)

    with on_platform():
        record = AccessRecord.objects.get(operation=f"admin:explorer_{tab}")
    assert (record.detail["permission"], record.detail["object"]) == (keys_of(billing)[GRANTED], "i-1")
