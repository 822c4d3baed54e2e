"""The access explorer in the console: three questions, each with an address of its own (PDP-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Organization, User
from audit.models import AccessRecord
from roles.models import Role
from tests.console.explorer_pages import address, rows_of
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, on_platform
from tests.world import PLATFORM_ROLES, Agency, make_staff

pytestmark = [pytest.mark.requirement("PDP-4")]


def shown_people(response: Any) -> list[str]:
    return [holder.subject.user.email for holder in response.context["holders"].shown]


def menu_of(response: Any) -> set[str]:
    [menu] = [sort for sort in response.context["ways"] if sort.title == "Menu"]
    return {way.name for way in menu.open}


def test_who_can_names_everybody_with_the_role_they_have_it_by_and_how_far_it_reaches(
    desk: Browser, agency: Agency
) -> None:
    page = desk.get(address("who", place=agency.slug, permission="clients:write"))

    told = {one.subject.user.email: (str(one.role), str(one.extent)) for one in page.context["holders"].shown}
    assert told == {
        agency.owner.email: ("Owner", "all clients"),
        agency.admin.email: ("Admin", "all clients"),
        agency.manager.email: ("Manager", "all clients"),
        agency.member.email: ("Member", "1 assigned client"),
    }
    assert "4 people can “" in page.content.decode()


def test_a_custom_role_is_told_with_the_roles_it_inherits_from(desk: Browser, agency: Agency, planner: Role) -> None:
    heir = RoleFactory(organization=agency.organization, name="heir", display_name="Heir", parent=planner, keys=())
    person = MembershipFactory(user=UserFactory(), organization=agency.organization, role=heir).user

    page = desk.get(address("who", place=agency.slug, permission="tasks:read"))

    [holder] = [one for one in page.context["holders"].shown if one.subject.user == person]
    assert [str(role) for role in holder.route.line] == ["Heir", "Planner"]


def test_what_a_person_can_do_stands_by_category_and_what_not_beside_it(desk: Browser, agency: Agency) -> None:
    page = desk.get(address("person", place=agency.slug, person=agency.viewer.email))

    workspace = {category.name: category for category in page.context["categories"]}["Client Workspace"]
    granted = {grant.entry.key: str(grant.extent) for grant in workspace.granted}
    assert granted["clients:read"] == "1 assigned client"
    assert "clients:delete" in {entry.key for entry in workspace.lacking}
    assert not granted.keys() & {entry.key for entry in workspace.lacking}


@pytest.mark.requirement("PDP-2")
def test_an_allowed_question_is_answered_with_every_link_it_rests_on(
    desk: Browser, agency: Agency, planner: Role
) -> None:
    heir = RoleFactory(organization=agency.organization, name="heir", display_name="Heir", parent=planner, keys=())
    person = MembershipFactory(user=UserFactory(name="Noor"), organization=agency.organization, role=heir).user

    page = desk.get(address("may", place=agency.slug, person=person.pk, permission="team:list"))
    assert page.context["verdict"].allowed is False

    page = desk.get(address("may", place=agency.slug, person=agency.member.pk, permission="clients:write"))
    verdict = page.context["verdict"]
    assert verdict.allowed
    assert [str(link.step) for link in verdict.chain] == ["person", "membership", "role", "permission", "reach"]
    assert [link.text for link in verdict.chain][-1] == "1 assigned client"


@pytest.mark.requirement("PDP-2")
def test_a_denial_names_what_is_missing_and_leads_to_the_smallest_change(
    desk: Browser, agency: Agency, planner: Role
) -> None:
    with on_platform():
        person = User.objects.get(name="Ines")

    page = desk.get(address("may", place=agency.slug, person=person.email, permission="notes:read"))

    verdict = page.context["verdict"]
    assert not verdict.allowed
    assert verdict.chain[-1].text == "“View Notes” is not in the role" and not verdict.chain[-1].holds
    assert [str(step) for step in verdict.remedy.steps] == ["Add notes:read to the role “Planner”."]
    assert reverse("admin:roles_role_permissions", args=(planner.pk,)) in page.content.decode()


@pytest.mark.requirement("PDP-2")
def test_a_change_is_shown_to_those_alone_who_could_make_it(
    agency: Agency, planner: Role, browse: Callable[[Any], Browser], staff_with: Callable[..., User]
) -> None:
    with on_platform():
        person = User.objects.get(name="Ines")
    asked = address("may", place=agency.slug, person=person.email, permission="notes:read")
    reader = staff_with("roles:read", "roles:list", "users:read", "users:list", "organizations:read")

    page = browse(reader).get(asked)

    assert not page.context["verdict"].allowed
    assert page.context["verdict"].remedy is None
    assert "smallest change" not in page.content.decode()
    assert "smallest change" in browse(make_staff("super-admin")).get(asked).content.decode()


def test_whoever_is_banned_is_denied_for_that_and_nothing_of_their_role_counts(desk: Browser, agency: Agency) -> None:
    with on_platform():
        User.objects.filter(pk=agency.owner.pk).update(is_active=False)

    page = desk.get(address("may", place=agency.slug, person=agency.owner.pk, permission="team:list"))

    assert page.context["verdict"].reason == "banned"
    assert agency.owner.email not in shown_people(desk.get(address("who", place=agency.slug, permission="team:list")))
    assert (
        "can do nothing here now"
        in desk.get(address("person", place=agency.slug, person=agency.owner.pk)).content.decode()
    )


@pytest.mark.requirement("PDP-2")
@pytest.mark.parametrize(
    ("change", "missing"),
    [("banned", "person"), ("suspended", "place"), ("role inactive", "role"), ("second factor", "second-factor")],
)
def test_what_keeps_a_person_out_is_the_link_that_is_missing(
    change: str, missing: str, desk: Browser, agency: Agency, planner: Role
) -> None:
    with on_platform():
        person = User.objects.get(name="Ines")
    asked = address("may", place=agency.slug, person=person.pk, permission="clients:read")
    before = desk.get(asked).context["verdict"]
    with on_platform():
        if change == "banned":
            User.objects.filter(pk=person.pk).update(is_active=False)
        elif change == "suspended":
            agency.organization.status = Organization.Status.SUSPENDED
            agency.organization.save()
        else:
            changed = {"is_active": False} if change == "role inactive" else {"requires_second_factor": True}
            Role.objects.filter(pk=planner.pk).update(**changed)

    verdict = desk.get(asked).context["verdict"]

    assert before.chain[-1].step == "reach"
    assert not verdict.allowed
    assert [link.step for link in verdict.chain if not link.holds] == [missing]
    assert verdict.chain[-1].step == missing


@pytest.mark.requirement("PDP-2")
def test_whoever_has_no_role_here_is_led_to_the_page_that_gives_one(desk: Browser, agency: Agency) -> None:
    stranger = UserFactory(name="Noor")

    page = desk.get(address("may", place=agency.slug, person=stranger.pk, permission="clients:read"))

    verdict = page.context["verdict"]
    assert verdict.sentence == "Noor has no role in Larkmoor."
    assert verdict.chain[-1].step == "membership"
    [step] = page.context["steps"]
    assert str(step["step"]) == "Give them the role “Viewer”."
    assert desk.get(step["url"]).status_code == 200
    assert verdict.wants_assignment
    assert "Somebody in Larkmoor assigns them" in page.content.decode()


def test_words_that_could_mean_several_things_are_asked_back(
    desk: Browser, agency: Agency, other_agency: Agency
) -> None:
    page = desk.get(address("may", place=agency.slug, person="larkmoor", permission="view notes"))

    choices = page.context["asked"].person.choices
    assert {choice.detail.partition(" ")[0] for choice in choices} == {user.email for user in agency.people.values()}
    assert page.context["asked"].permission.found.key == "notes:read"
    assert "verdict" not in page.context
    chosen = desk.get(reverse("admin:explorer_may") + choices[0].url)
    assert chosen.context["verdict"].entry.key == "notes:read"


def test_a_permission_of_the_other_scope_says_where_it_is_used(desk: Browser, agency: Agency) -> None:
    page = desk.get(address("who", permission="clients:read"))

    assert page.context["asked"].permission.problem == "“clients:read” is used in an organization: change the place."
    assert desk.get(address("who", permission="users:read")).context["holders"].shown


def test_a_long_list_is_read_page_by_page_without_gap_or_repetition(
    desk: Browser, agency: Agency, planner: Role, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iam_dashboard.explorer.pages.PER_PAGE", 3)
    url = address("who", place=agency.slug, permission="clients:read")
    seen, after = [], ""
    while True:
        page = desk.get(f"{url}&after={after}")
        seen += shown_people(page)
        after = page.context["holders"].after
        if not after:
            break

    with on_platform():
        everybody = set(
            User.objects.filter(memberships__organization=agency.organization).values_list("email", flat=True)
        )
    assert len(seen) == len(set(seen)) == 7
    assert set(seen) == everybody


@pytest.mark.parametrize("tab", ["who", "person", "may", "view-as"])
def test_a_page_takes_few_statements_also_when_the_place_is_not_in_memory(
    tab: str, desk: Browser, agency: Agency, planner: Role
) -> None:
    asked = address(tab, place=agency.slug, person=agency.viewer.email, permission="notes:write")
    with CaptureQueriesContext(connection) as cold:
        assert desk.get(asked).status_code == 200
    with CaptureQueriesContext(connection) as warm:
        assert desk.get(asked).status_code == 200

    assert len(warm) <= len(cold)
    assert len(cold) <= 25, "\n".join(query["sql"][:100] for query in cold.captured_queries)


def test_the_file_of_who_can_holds_everybody_and_no_formula(desk: Browser, agency: Agency, planner: Role) -> None:
    mallory = UserFactory(name="=HYPERLINK(0)", email="mallory@people.example")
    MembershipFactory(user=mallory, organization=agency.organization, role=planner)

    file = desk.get(address("who-file", place=agency.slug, permission="tasks:read"))

    assert file["Content-Disposition"] == 'attachment; filename="who-can-tasks-read.csv"'
    by_address = {row["E-mail"]: row for row in rows_of(file)}
    assert by_address[mallory.email]["Name"] == "'=HYPERLINK(0)"
    assert by_address[agency.member.email]["Reach"] == "1 assigned client"
    assert by_address.keys() == set(shown_people(desk.get(address("who", place=agency.slug, permission="tasks:read"))))


def test_the_file_of_what_a_person_can_do_says_yes_and_no(desk: Browser, agency: Agency) -> None:
    rows = rows_of(desk.get(address("person-file", place=agency.slug, person=agency.viewer.email)))

    allowed = {row["Permission"]: row["Allowed"] for row in rows}
    assert allowed["clients:read"] == "yes"
    assert allowed["clients:delete"] == "no"


def test_files_and_other_eyes_are_offered_to_those_alone_who_may_use_them(
    agency: Agency, console: Callable[[str], Browser], browse: Callable[[Any], Browser], staff_with: Callable[..., User]
) -> None:
    keys = ("roles:read", "roles:list", "users:read", "users:list", "organizations:read")
    asked = address("person", place=agency.slug, person=agency.viewer.email)

    def offered(browser: Browser) -> set[str]:
        text = browser.get(asked).content.decode()
        return {tab for tab in ("person-file", "view-as") if f"{reverse(f'admin:explorer_{tab}')}?" in text}

    assert offered(console("super-admin")) == {"person-file", "view-as"}
    assert offered(console("platform-admin")) == {"person-file"}
    assert offered(browse(staff_with(*keys))) == set()


@pytest.mark.requirement("AUD-3")
def test_a_file_is_recorded_with_what_was_asked(desk: Browser, agency: Agency) -> None:
    rows_of(desk.get(address("who-file", place=agency.slug, permission="team:list")))

    with on_platform():
        record = AccessRecord.objects.get(operation="admin:explorer_who-file")
    assert record.action.endswith("users:export")
    assert record.detail == {"place": str(agency.organization.pk), "permission": "team:list"}


def test_view_as_tells_open_from_closed_by_what_the_ways_declare(desk: Browser, agency: Agency) -> None:
    page = desk.get(address("view-as", place=agency.slug, person=agency.viewer.email))

    ways = {sort.title: sort for sort in page.context["ways"]}
    assert {way.name: way.closed for way in ways["Menu"].closed} == {"Assignment": "lacks team:update"}
    closed = {way.name: way.closed for way in ways["Pages"].closed}
    assert closed["Invite"] == "lacks team:invite"
    assert "Clients" in {way.name for way in ways["Pages"].open}
    with on_platform():
        record = AccessRecord.objects.get(operation="admin:explorer_view-as")
    assert (record.resource_id, record.on_behalf_of_id) == (str(agency.viewer.pk), None)


def test_what_view_as_calls_open_in_the_menu_is_what_the_person_is_shown(
    desk: Browser, agency: Agency, browse: Callable[[Any], Browser]
) -> None:
    for name, user in agency.people.items():
        page = desk.get(address("view-as", place=agency.slug, person=user.pk))
        home = browse(user).get(f"/o/{agency.slug}/", follow=True)
        assert menu_of(page) == {link.label for link in home.context["nav"]}, name


@pytest.mark.parametrize("role", PLATFORM_ROLES)
def test_the_same_holds_on_the_platform(role: str, desk: Browser, browse: Callable[[Any], Browser]) -> None:
    # The desk is a super admin already, with this address.
    user = UserFactory(email=f"another-{role}@iam.example")
    MembershipFactory(user=user, organization=None, role=built_in(role))

    page = desk.get(address("view-as", person=user.pk))

    home = browse(user).get(reverse("admin:index"))
    shown = {item["title"] for group in home.context["sidebar_navigation"] for item in group["items"]}
    assert menu_of(page) == shown


@pytest.mark.parametrize("name", ["owner", "viewer"])
def test_each_page_that_view_as_calls_open_or_closed_is_so(
    name: str, desk: Browser, agency: Agency, browse: Callable[[Any], Browser]
) -> None:
    page = desk.get(address("view-as", place=agency.slug, person=agency.people[name].pk))
    [pages] = [sort for sort in page.context["ways"] if sort.title == "Pages"]
    browser = browse(agency.people[name])

    def answered(ways: Any) -> dict[str, int]:
        plain = [way.where.split()[-1] for way in ways if way.where.startswith("GET") and way.where.count("<") == 1]
        return {
            path: browser.get(path.replace("<organization>", agency.slug)).status_code
            for path in plain
            if "sign-in" not in path
        }

    opened, closed = answered(pages.open), answered(pages.closed)
    assert opened and 403 not in opened.values(), opened
    assert set(closed.values()) <= {403}, closed
