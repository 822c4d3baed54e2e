"""The explorer knows an organization's own applications: what may be done in them, on what, and by whom (PDP-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import User
from audit.models import AccessRecord
from roles.explorer import Explorer, Subject
from roles.models import Application, Role
from tenancy.context import acting
from tests.console.explorer_pages import EVERY, GRANTED, OWN, SEEING, address, asking, open_billing, rows_of
from tests.factories import UserFactory, on_platform
from tests.roles.applications import grant, keys_of, register
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.requirement("PDP-4")]


@pytest.fixture
def billing(agency: Agency) -> Application:
    return open_billing(agency)


def verdict_of(desk: Browser, asked: dict[str, Any]) -> Any:
    return desk.get(address("may", **asked)).context["verdict"]


@pytest.mark.parametrize(
    ("action", "maud", "wim"),
    [
        (EVERY, "every invoice", "every invoice"),
        (GRANTED, "each invoice granted to them (2)", "no invoice granted to them"),
        (OWN, "each report that names them in “author”", "each report that names them in “author”"),
    ],
)
def test_who_can_tells_each_person_by_which_role_and_on_what(
    desk: Browser, agency: Agency, billing: Application, action: str, maud: str, wim: str
) -> None:
    page = desk.get(address("who", **asking(agency, billing, action)))

    told = {one.subject.user.email: (str(one.role), str(one.extent)) for one in page.context["holders"].shown}
    assert told[agency.people["maud"].email] == ("Clerk", maud)
    assert told[agency.people["wim"].email] == ("Clerk", wim)
    # Whoever holds everything holds this too, and has nothing granted for that.
    assert told.keys() == {agency.people[name].email for name in ("maud", "wim", "owner")}
    assert {str(share.role): share.people for share in page.context["shares"]} == {"Clerk": 2, "Owner": 1}
    assert "Billing desk" in page.content.decode()


def test_who_can_is_read_page_by_page_without_gap_or_repetition(
    desk: Browser, agency: Agency, billing: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iam_dashboard.explorer.pages.PER_PAGE", 2)
    url = address("who", **asking(agency, billing, GRANTED))
    first = desk.get(url).context["holders"]
    second = desk.get(f"{url}&after={first.after}").context["holders"]

    seen = [holder.subject.id for holder in (*first.shown, *second.shown)]
    assert len(seen) == len(set(seen)) == 3
    assert second.after == ""


@pytest.mark.parametrize("words", ["update invoices", "Invoice:UPDATE", "billing desk update invoice"])
def test_a_permission_of_an_application_is_found_by_its_name_its_key_and_the_application(
    desk: Browser, agency: Agency, billing: Application, words: str
) -> None:
    page = desk.get(address("who", place=agency.slug, permission=words))

    assert page.context["asked"].permission.found.key == keys_of(billing)[GRANTED]
    assert "Billing desk" in page.content.decode()


def test_actions_of_the_same_name_are_told_apart_by_their_application(
    desk: Browser, agency: Agency, billing: Application
) -> None:
    register(agency, slug="archive", name="Archive")

    page = desk.get(address("who", place=agency.slug, permission="update invoices"))

    choices = page.context["asked"].permission.choices
    assert [choice.detail.partition(" · ")[0] for choice in choices] == ["Archive", "Billing desk"]


def test_what_a_person_can_do_in_an_application_stands_in_its_own_category(
    desk: Browser, agency: Agency, billing: Application
) -> None:
    page = desk.get(address("person", place=agency.slug, person=agency.people["maud"].email))

    [category] = [one for one in page.context["categories"] if one.name == "Billing desk"]
    assert {grant.entry.name: (str(grant.route.line[0]), str(grant.extent)) for grant in category.granted} == {
        "Read invoices": ("Clerk", "every invoice"),
        "Update invoices": ("Clerk", "each invoice granted to them (2)"),
        "Update report": ("Clerk", "each report that names them in “author”"),
    }
    viewer = desk.get(address("person", place=agency.slug, person=agency.viewer.email))
    [category] = [one for one in viewer.context["categories"] if one.name == "Billing desk"]
    assert (len(category.granted), len(category.lacking)) == (0, 3)


@pytest.mark.requirement("PDP-2")
@pytest.mark.parametrize(
    ("action", "named", "reached", "missing"),
    [
        (EVERY, {"resource": "i-9"}, "every invoice", ""),
        (GRANTED, {}, "each invoice granted to them (2)", ""),
        (GRANTED, {"resource": "i-1"}, "this invoice is granted to them", ""),
        (GRANTED, {"resource": "i-9"}, "", "this invoice is not granted to them"),
        (GRANTED, {"resource": "I-1"}, "", "this invoice is not granted to them"),
        (OWN, {}, "each report that names them in “author”", ""),
        (OWN, {"resource": "r-1", "owner": "MAUD"}, "its “author” names them", ""),
        (OWN, {"owner": "MAUD"}, "its “author” names them", ""),
        (OWN, {"resource": "r-1", "owner": "somebody@people.example"}, "", "no “author” of it names them"),
        (OWN, {"resource": "r-1"}, "", "no “author” of it names them"),
    ],
)
def test_an_action_in_an_application_is_allowed_or_denied_with_the_reason(
    desk: Browser,
    agency: Agency,
    billing: Application,
    action: str,
    named: dict[str, str],
    reached: str,
    missing: str,
) -> None:
    maud = agency.people["maud"]
    named = {name: maud.email.upper() if value == "MAUD" else value for name, value in named.items()}

    verdict = verdict_of(desk, asking(agency, billing, action, person=maud.pk, **named))

    assert verdict.allowed is bool(reached)
    assert verdict.chain[-1].step == "reach"
    assert (verdict.chain[-1].text, verdict.chain[-1].holds) == (reached or missing, bool(reached))
    assert missing in verdict.sentence
    assert billing.slug not in verdict.sentence


@pytest.mark.requirement("PDP-2")
def test_a_permission_with_nothing_granted_to_use_it_on_is_denied_for_that(
    desk: Browser, agency: Agency, billing: Application
) -> None:
    wim = agency.people["wim"]

    verdict = verdict_of(desk, asking(agency, billing, GRANTED, person=wim.pk))

    assert not verdict.allowed
    assert verdict.sentence == "Wim has “Update invoices”, and nothing to use it on: no invoice granted to them."
    assert not verdict.chain[-1].holds
    # The owner reaches all there is in the organization, and that counts for nothing here.
    assert not verdict_of(desk, asking(agency, billing, GRANTED, person=agency.owner.pk)).allowed
    assert verdict_of(desk, asking(agency, billing, EVERY, person=agency.owner.pk)).allowed


@pytest.mark.requirement("PDP-2")
@pytest.mark.parametrize(("action", "wants_assignment"), [(EVERY, False), (GRANTED, True), (OWN, False)])
def test_the_smallest_change_that_would_allow_it_is_told_with_what_it_leaves_to_be_granted(
    desk: Browser, agency: Agency, billing: Application, planner: Role, action: str, wants_assignment: bool
) -> None:
    with on_platform():
        ines = User.objects.get(name="Ines")

    page = desk.get(address("may", **asking(agency, billing, action, person=ines.pk)))

    verdict = page.context["verdict"]
    assert verdict.reason == "missing-permission"
    assert "of Billing desk is not in the role" in verdict.chain[-1].text
    assert [str(step) for step in verdict.remedy.steps] == [f"Add {keys_of(billing)[action]} to the role “Planner”."]
    assert verdict.wants_assignment is wants_assignment
    assert ("Somebody in Larkmoor assigns them" in page.content.decode()) is wants_assignment
    assert desk.get(reverse("admin:roles_role_permissions", args=(planner.pk,))).status_code == 200


@pytest.mark.requirement("PDP-2")
def test_to_who_has_no_role_here_one_is_proposed_and_what_they_hold_already_is_not_asked_for(
    desk: Browser, agency: Agency, billing: Application, planner: Role
) -> None:
    stranger = UserFactory(name="Noor")
    verdict = verdict_of(desk, asking(agency, billing, GRANTED, person=stranger.pk))
    assert [str(step) for step in verdict.remedy.steps] == ["Give them the role “Clerk”."]
    assert verdict.wants_assignment

    with on_platform():
        agency.people["ines"] = User.objects.get(name="Ines")
    grant(agency, billing, "ines", "i-7")
    verdict = verdict_of(desk, asking(agency, billing, GRANTED, person=agency.people["ines"].pk))
    assert verdict.remedy is not None
    assert not verdict.wants_assignment


@pytest.mark.requirement("PDP-2")
def test_a_change_on_one_resource_is_told_to_those_alone_who_could_make_it(
    desk: Browser, agency: Agency, billing: Application
) -> None:
    wim, key = agency.people["wim"], keys_of(billing)[GRANTED]
    with acting(agency.actor("owner")) as entered:
        explorer = Explorer.open(entered.actor, agency.organization.pk)
        verdict = explorer.may(Subject(wim, explorer.snapshot.person(str(wim.pk))), key, "i-1")
    assert verdict.remedy is not None
    assert [step.change for step in verdict.remedy.steps] == ["assign"]

    verdict = verdict_of(desk, asking(agency, billing, GRANTED, person=wim.pk, resource="i-1"))
    assert (verdict.allowed, verdict.remedy) == (False, None)


def test_a_resource_is_asked_for_where_one_counts_and_goes_with_the_question(
    desk: Browser, agency: Agency, billing: Application
) -> None:
    maud = agency.people["maud"]

    def offered(action: str) -> set[str]:
        text = desk.get(address("may", **asking(agency, billing, action, person=maud.pk))).content.decode()
        return {name for name in ("resource", "owner") if f'name="{name}"' in text}

    assert offered(EVERY) == offered(GRANTED) == {"resource"}
    assert offered(OWN) == {"resource", "owner"}
    # An id is kept as it was written, also while it is asked back who is meant.
    page = desk.get(address("may", **asking(agency, billing, GRANTED, person="larkmoor", resource="i  1")))
    assert all(urlencode({"resource": "i  1"}) in choice.url for choice in page.context["asked"].person.choices)
    page = desk.get(address("may", **asking(agency, billing, GRANTED, person=maud.pk, resource=" ")))
    assert page.context["verdict"].allowed
    page = desk.get(address("may", place=agency.slug, person=maud.pk, permission="invoices", resource="i-1"))
    assert not any("i-1" in choice.url for choice in page.context["asked"].permission.choices)


def test_who_can_on_one_resource_is_whom_it_is_granted_to(agency: Agency, billing: Application) -> None:
    key = keys_of(billing)[GRANTED]
    with acting(agency.actor("owner")) as entered:
        explorer = Explorer.open(entered.actor, agency.organization.pk)
        for object_id, names in (("i-1", ["maud"]), ("i-9", [])):
            found = explorer.who_can(key, object_id, limit=10).shown
            assert [holder.subject.user for holder in found] == [agency.people[name] for name in names]


@pytest.mark.requirement("PDP-2")
def test_who_can_and_what_can_agree_with_may(agency: Agency, billing: Application) -> None:
    with acting(agency.actor("owner")) as entered:
        explorer = Explorer.open(entered.actor, agency.organization.pk)
        people = [Subject(user, explorer.snapshot.person(str(user.pk))) for user in agency.people.values()]
        for key in keys_of(billing).values():
            allowed = {one.id for one in people if explorer.may(one, key).allowed}
            shown = explorer.who_can(key, limit=100).shown
            granted = {
                one.id
                for one in people
                if one.person is not None
                for category in explorer.what_can(one.person)
                for held in category.granted
                if held.entry.key == key and not held.extent.is_empty
            }
            assert {one.subject.id for one in shown if not one.extent.is_empty} == allowed == granted, key
            assert allowed


def test_files_tell_the_same_and_hold_no_formula(desk: Browser, agency: Agency, billing: Application) -> None:
    file = desk.get(address("who-file", **asking(agency, billing, GRANTED)))
    reach = {row["E-mail"]: row["Reach"] for row in rows_of(file)}
    assert reach[agency.people["maud"].email] == "each invoice granted to them (2)"
    assert reach[agency.owner.email] == "no invoice granted to them"
    assert len(reach) == 3

    register(agency, slug="archive", name="=HYPERLINK(0)")
    rows = rows_of(desk.get(address("person-file", place=agency.slug, person=agency.people["maud"].email)))
    told = {row["Name"]: row for row in rows if row["Category"] == "Billing desk"}
    assert (told["Update report"]["Allowed"], told["Update report"]["Role"]) == ("yes", "Clerk")
    assert {row["Allowed"] for row in rows if row["Category"] == "'=HYPERLINK(0)"} == {"no"}


def test_view_as_is_the_same_with_an_application_and_without(
    desk: Browser, agency: Agency, other_agency: Agency, billing: Application
) -> None:
    def ways(of: Agency) -> list[tuple[str, int, int]]:
        page = desk.get(address("view-as", place=of.slug, person=of.viewer.email))
        return [(sort.title, len(sort.open), len(sort.closed)) for sort in page.context["ways"]]

    assert ways(agency) == ways(other_agency)


@pytest.mark.requirement("AUD-3")
def test_the_resource_that_was_asked_about_is_recorded(desk: Browser, agency: Agency, billing: Application) -> None:
    maud = agency.people["maud"]

    desk.get(address("may", **asking(agency, billing, GRANTED, person=maud.pk, resource="i-1")))

    with on_platform():
        record = AccessRecord.objects.get(operation="admin:explorer_may")
    assert record.resource_id == str(maud.pk)
    assert record.detail == {
        "place": str(agency.organization.pk),
        "permission": keys_of(billing)[GRANTED],
        "object": "i-1",
    }


@pytest.mark.requirement("PDP-2")
def test_a_change_is_hidden_from_staff_who_could_not_make_it(
    agency: Agency,
    billing: Application,
    planner: Role,
    browse: Callable[[Any], Browser],
    staff_with: Callable[..., User],
) -> None:
    with on_platform():
        ines = User.objects.get(name="Ines")
    asked = asking(agency, billing, EVERY, person=ines.pk)

    assert verdict_of(browse(staff_with(*SEEING)), asked).remedy is None
    assert verdict_of(browse(make_staff("super-admin")), asked).remedy is not None
