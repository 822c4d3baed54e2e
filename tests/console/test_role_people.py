"""The tab Assigned: people are found, added and removed, many at once and all or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import User
from roles.models import Membership, Role
from tests.console.role_pages import address, send
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, on_platform
from tests.world import Agency, make_staff

pytestmark = pytest.mark.requirement("ASSIGN-5")


@pytest.fixture
def desk(console: Callable[[str], Browser]) -> Browser:
    return console("super-admin")


@pytest.fixture
def planner(agency: Agency) -> Role:
    return RoleFactory(
        organization=agency.organization, display_name="Planner", keys=("clients:read",), reach="assigned"
    )


def holders(role: Role) -> set[str]:
    with on_platform():
        return set(Membership.objects.filter(role=role).values_list("user__email", flat=True))


def membership_of(user: User) -> Membership:
    with on_platform():
        return Membership.objects.get(user=user)


@pytest.mark.requirement("PDP-5")
def test_many_are_given_the_role_after_a_look_at_what_each_gains_and_loses(
    desk: Browser, planner: Role, agency: Agency
) -> None:
    newcomer = UserFactory(name="Noor", email="noor@people.example")
    form = {"people": f"{agency.viewer.email}, {newcomer.email.upper()}"}

    review = send(desk, "people-add", planner, form)

    told = {shown.effect.role: shown for shown in review.context["effects"]}
    assert [str(person) for person in told[""].people] == ["Noor"]
    assert told[""].effect.gained == ("clients:read",)
    assert [person.email for person in told["Viewer"].people] == [agency.viewer.email]
    assert told["Viewer"].effect.lost
    assert holders(planner) == set()
    assert send(desk, "people-add", planner, form, "save")["Location"] == address("people", planner)
    assert holders(planner) == {agency.viewer.email, newcomer.email}


def test_one_who_may_not_be_moved_leaves_everybody_where_they_are(console: Callable[[str], Browser], db: None) -> None:
    manager, role = console("platform-admin"), RoleFactory(scope="PLATFORM", reach=None, priority=10)
    boss, peer = make_staff("super-admin"), UserFactory()

    def give(*people: User) -> Any:
        return send(manager, "people-add", role, {"people": "\n".join(user.email for user in people)}, "save")

    review = send(manager, "people-add", role, {"people": f"{boss.email} {peer.email}"})
    assert "ranks above your own" in review.context["impact"].refused
    assert give(boss, peer).status_code == 403
    assert holders(role) == set()
    assert give(peer).status_code == 302
    assert holders(role) == {peer.email}


@pytest.mark.parametrize(
    ("people", "told"),
    [
        ("nobody@people.example", "There is no active account of: nobody@people.example."),
        ("not an address", "This is no e-mail address: not, an, address."),
        ("", "This field is required."),
    ],
)
def test_what_is_nobody_s_address_is_told(desk: Browser, planner: Role, people: str, told: str) -> None:
    answer = send(desk, "people-add", planner, {"people": people}, "save")

    assert answer.status_code == 400
    assert answer.context["form"].errors["people"] == [told]


@pytest.mark.requirement("ADM-1")
def test_a_person_whom_the_actor_may_not_view_is_nobody(
    planner: Role, agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    keys = ("roles:list", "roles:read", "roles:assign", "super:*")
    blind = browse(staff_with(*keys[:3], "organizations:read"))
    role = RoleFactory(scope="PLATFORM", reach=None, priority=0)
    form = {"people": agency.viewer.email}

    assert "no active account" in send(blind, "people-add", role, form, "save").content.decode()
    assert send(browse(staff_with(*keys)), "people-add", role, form, "save").status_code == 302


def test_a_shared_role_is_given_in_the_organization_named(desk: Browser, agency: Agency, other_agency: Agency) -> None:
    person, viewer = UserFactory(), built_in("org-viewer")
    form = {"people": person.email}

    assert send(desk, "people-add", viewer, form, "save").status_code == 400
    assert send(desk, "people-add", viewer, {**form, "organization": "no-such"}, "save").status_code == 400
    assert send(desk, "people-add", viewer, {**form, "organization": agency.slug}, "save").status_code == 302
    assert membership_of(person).organization_id == agency.organization.pk


@pytest.mark.requirement("ASSIGN-2")
def test_a_role_above_the_actor_is_not_theirs_to_give(console: Callable[[str], Browser], desk: Browser) -> None:
    above, person = RoleFactory(scope="PLATFORM", reach=None, priority=90), UserFactory()
    manager = console("platform-admin")

    assert manager.get(address("people", above)).context["form"] is None
    assert send(manager, "people-add", above, {"people": person.email}, "save").status_code == 403
    assert send(desk, "people-add", above, {"people": person.email}, "save").status_code == 302


def test_many_are_removed_after_being_asked_about(desk: Browser, planner: Role, agency: Agency) -> None:
    held = [MembershipFactory(organization=agency.organization, role=planner) for _ in "abc"]
    form = {"membership": [str(one.pk) for one in held[:2]]}

    asked = send(desk, "people-remove", planner, form)

    assert {one.pk for one in asked.context["chosen"]} == {one.pk for one in held[:2]}
    assert len(holders(planner)) == 3
    assert send(desk, "people-remove", planner, form, "save").status_code == 302
    assert holders(planner) == {held[2].user.email}


@pytest.mark.requirement("ASSIGN-3")
def test_nobody_is_offered_to_remove_themselves(browse: Callable[[Any], Browser], db: None) -> None:
    me, peer = make_staff("platform-admin"), UserFactory()
    theirs = MembershipFactory(user=peer, organization=None, role=built_in("platform-admin"))
    browser, role = browse(me), built_in("platform-admin")

    page = browser.get(address("people", role))

    kept = {one.user_id: one.kept_by for one in page.context["people"].object_list}
    assert kept == {me.pk: "Nobody changes their own assignment.", peer.pk: ""}
    mine = {"membership": [str(membership_of(me).pk), str(theirs.pk)]}
    assert send(browser, "people-remove", role, mine, "save").status_code == 403
    assert holders(role) == {me.email, peer.email}
    assert send(browser, "people-remove", role, {"membership": [str(theirs.pk)]}, "save").status_code == 302


def test_people_are_found_by_the_beginning_of_a_name_or_an_address(
    desk: Browser, planner: Role, agency: Agency
) -> None:
    for name in ("Ines", "Juno"):
        user = UserFactory(name=name, email=f"{name.lower()}@people.example")
        MembershipFactory(user=user, organization=agency.organization, role=planner)

    def found(words: str) -> list[str]:
        return [str(one.user) for one in desk.get(address("people", planner), {"q": words}).context["people"]]

    assert found("ine") == ["Ines"]
    assert found("juno@") == ["Juno"]
    assert found("nes") == []
    assert len(found("")) == 2


def test_people_come_a_page_at_a_time(desk: Browser, planner: Role, agency: Agency) -> None:
    for _ in range(51):
        MembershipFactory(organization=agency.organization, role=planner)

    first = desk.get(address("people", planner)).context["people"]
    last = desk.get(address("people", planner), {"p": "2"}).context["people"]

    assert (len(first.object_list), len(last.object_list)) == (50, 1)
