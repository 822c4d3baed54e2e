"""What the explorer lets its viewer know, and no more (threat 12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from tests.console.explorer_pages import address, rows_of
from tests.factories import MembershipFactory, UserFactory, built_in
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.requirement("PDP-4"), pytest.mark.requirement("ADM-1")]

ASKING = ("roles:read", "roles:list", "users:read", "users:list")
TABS = {
    "who": ASKING,
    "person": ASKING,
    "may": ASKING,
    "view-as": (*ASKING, "users:impersonate"),
    "who-file": (*ASKING, "users:export"),
    "person-file": (*ASKING, "users:export"),
}


@pytest.fixture
def reader(staff_with: Callable[..., User], browse: Callable[[Any], Browser]) -> Browser:
    """Someone who may ask about organizations, and may not view platform staff."""
    return browse(staff_with(*ASKING, "organizations:read", "users:export"))


@pytest.fixture
def senior(staff_with: Callable[..., User], browse: Callable[[Any], Browser]) -> Browser:
    """The same, who may view platform staff too."""
    return browse(staff_with(*ASKING, "organizations:read", "users:export", "admins:read"))


@pytest.mark.parametrize("tab", TABS)
def test_each_page_opens_with_its_permissions_and_without_one_of_them_does_not(
    tab: str, agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    asked = address(tab, place=agency.slug, person=agency.viewer.email, permission="clients:read")
    assert browse(staff_with(*TABS[tab], "organizations:read")).get(asked).status_code == 200
    for missing in TABS[tab]:
        held = [key for key in TABS[tab] if key != missing]
        assert browse(staff_with(*held, "organizations:read")).get(asked).status_code == 403, missing


def test_the_menu_leads_to_the_explorer_those_alone_who_may_ask(
    agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    for keys, expected in ((ASKING, True), (ASKING[:3], False)):
        home = browse(staff_with(*keys)).get(reverse("admin:index"))
        links = {item["link"] for group in home.context["sidebar_navigation"] for item in group["items"]}
        assert (reverse("admin:explorer_who") in links) is expected


def test_people_of_organizations_find_no_explorer(agency: Agency, browse: Callable[[Any], Browser]) -> None:
    assert browse(agency.owner).get(address("who")).status_code == 404
    assert browse(make_staff("platform-admin")).get(address("who")).status_code == 200


@pytest.mark.parametrize("tab", TABS)
def test_no_answer_about_an_organization_names_a_client(tab: str, desk: Browser, agency: Agency) -> None:
    asked = address(
        tab,
        place=agency.slug,
        person=agency.viewer.email,
        permission="clients:read",
        client=agency.clients[0].pk,
        object=agency.clients[0].pk,
    )
    answer = desk.get(asked)
    text = b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()

    if tab != "view-as":
        assert "1 assigned client" in text
    for client in agency.clients:
        assert client.name not in text
        # What the address said comes back in no part of the page that we write.
        assert str(client.pk) not in text


def test_an_organization_out_of_sight_is_answered_like_one_that_is_not_there(
    agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser], reader: Browser
) -> None:
    blind = browse(staff_with(*ASKING))
    for words in (agency.slug, str(agency.organization.pk), agency.organization.name):
        page = blind.get(address("who", place=words, permission="clients:read"))
        assert page.context["asked"].place.problem == "There is no such organization."
        assert "holders" not in page.context
        assert "larkmoor" not in page.content.decode().lower().replace(words.lower(), "")
        found = reader.get(address("who", place=words, permission="clients:read"))
        assert found.context["holders"].shown


@pytest.mark.parametrize("tab", ["person", "may"])
def test_a_person_out_of_sight_is_answered_like_one_who_is_not_there(
    tab: str, agency: Agency, reader: Browser, senior: Browser
) -> None:
    hidden = make_staff("support-agent")
    for words in (hidden.email, str(hidden.pk), "support-agent"):
        asked = {"person": words, "permission": "users:read"}
        page = reader.get(address(tab, **asked))
        assert page.context["asked"].person.problem == "There is nobody of this name or address."
        assert hidden.email not in page.content.decode().replace(words, "")
        assert senior.get(address(tab, **asked)).context["asked"].person.found.user == hidden


@pytest.mark.parametrize("tab", ["who", "who-file"])
def test_staff_who_work_in_an_organization_are_listed_to_those_alone_who_may_view_staff(
    tab: str, agency: Agency, reader: Browser, senior: Browser
) -> None:
    hidden = make_staff("support-agent")
    MembershipFactory(user=hidden, organization=agency.organization, role=built_in("org-owner"))
    asked = address(tab, place=agency.slug, permission="team:invite")

    def text(browser: Browser) -> str:
        answer = browser.get(asked)
        return b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()

    assert hidden.email not in text(reader)
    assert str(hidden.pk) not in text(reader)
    assert agency.owner.email in text(reader)
    assert hidden.email in text(senior)


def test_a_search_finds_nobody_out_of_sight(agency: Agency, reader: Browser, senior: Browser) -> None:
    make_staff("analyst")
    UserFactory(name="An analyst of clients", email="someone@people.example")
    UserFactory(name="Another analyst of clients", email="other@people.example")

    def found(browser: Browser) -> set[str]:
        page = browser.get(address("person", place=agency.slug, person="analyst"))
        return {choice.detail.partition(" ")[0] for choice in page.context["asked"].person.choices}

    assert found(reader) == {"someone@people.example", "other@people.example"}
    assert found(senior) == found(reader) | {"analyst@iam.example"}


def test_what_is_typed_comes_back_as_text(desk: Browser, agency: Agency) -> None:
    page = desk.get(address("may", place="<script>", person='"><img>', permission="<b>"))
    assert page.status_code == 200
    assert '<script>"' not in page.content.decode()
    assert "<img>" not in page.content.decode()
    assert desk.get(address("who", permission="a\x00b")).status_code == 400


def test_a_file_without_a_clear_question_is_not_there(desk: Browser, agency: Agency) -> None:
    assert desk.get(address("who-file", place=agency.slug)).status_code == 404
    assert desk.get(address("person-file", place=agency.slug, person="larkmoor")).status_code == 404
    assert rows_of(desk.get(address("person-file", place=agency.slug, person=agency.owner.email)))
