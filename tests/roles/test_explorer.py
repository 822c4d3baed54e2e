"""What the explorer answers to people of an organization, and what it keeps from them (PDP-4, threat 12)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest

from accounts.models import User
from roles.actors import RoleActor, resolve
from roles.explorer import Explorer, Subject
from tenancy.context import acting
from tenancy.errors import AccessDenied, NotVisible, Reason
from tests.factories import MembershipFactory, RoleFactory, UserFactory, assign, built_in, inside
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-4")]


@contextmanager
def exploring(agency: Agency, name: str) -> Iterator[Explorer]:
    """Ask as a person of the agency, in its place."""
    actor = agency.actor(name)
    with acting(actor):
        yield Explorer.open(actor, agency.organization.pk)


def subject(explorer: Explorer, user: User) -> Subject:
    [found] = explorer.find_people(user.email)
    return found


def names(explorer: Explorer, key: str, object_id: str = "") -> set[str]:
    return {holder.subject.user.email for holder in explorer.who_can(key, object_id, limit=100).shown}


def test_who_can_see_a_client_names_those_assigned_and_those_who_reach_all(agency: Agency) -> None:
    first, second, _ = (str(client.pk) for client in agency.clients)
    with exploring(agency, "owner") as explorer:
        everybody = {user.email for user in agency.people.values()}
        assert names(explorer, "clients:read", first) == everybody
        assert names(explorer, "clients:read", second) == everybody - {agency.member.email, agency.viewer.email}
        assert names(explorer, "clients:write", first) == everybody - {agency.viewer.email}


@pytest.mark.requirement("PDP-2")
def test_a_client_out_of_reach_is_the_link_that_is_missing(agency: Agency) -> None:
    with exploring(agency, "owner") as explorer:
        asked = subject(explorer, agency.member), "clients:write"
        verdict = explorer.may(*asked, str(agency.clients[1].pk))
        assert verdict.reason is Reason.OUT_OF_REACH
        assert [link.holds for link in verdict.chain] == [True, True, True, True, False]
        assert verdict.chain[-1].text == "not this client"
        assert verdict.remedy is not None
        assert [str(step) for step in verdict.remedy.steps] == ["Assign them to it, to work with."]
        assert explorer.may(*asked, str(agency.clients[0].pk)).chain[-1].text == "assigned to this client"


@pytest.mark.requirement("PDP-2")
def test_a_client_assigned_to_read_only_says_so(agency: Agency) -> None:
    role = RoleFactory(organization=agency.organization, keys=("clients:read", "clients:write"), reach="assigned")
    person = MembershipFactory(user=UserFactory(), organization=agency.organization, role=role).user
    assign(person, agency.clients[0], "view_client")
    with exploring(agency, "owner") as explorer:
        verdict = explorer.may(subject(explorer, person), "clients:write")
        assert verdict.reason is Reason.READ_ONLY
        assert str(verdict.extent) == "1 assigned, to read only"
        assert explorer.may(subject(explorer, person), "clients:read").allowed
        assert explorer.may(subject(explorer, person), "clients:write", str(agency.clients[0].pk)).chain[-1].text == (
            "to read only"
        )


@pytest.mark.parametrize("hidden", ["out of reach", "of another organization", "missing"])
def test_a_client_that_the_viewer_may_not_know_of_is_answered_like_a_missing_one(
    hidden: str, agency: Agency, other_agency: Agency
) -> None:
    role = RoleFactory(
        organization=agency.organization, keys=("team:list", "team:read", "clients:read"), reach="assigned"
    )
    asker = MembershipFactory(user=UserFactory(), organization=agency.organization, role=role).user
    assign(asker, agency.clients[0], "view_client")
    agency.people["asker"] = asker
    client = {
        "out of reach": agency.clients[1].pk,
        "of another organization": other_agency.clients[0].pk,
        "missing": uuid4(),
    }[hidden]
    with exploring(agency, "asker") as explorer:
        owner = subject(explorer, agency.owner)
        assert explorer.may(owner, "clients:read", str(agency.clients[0].pk)).allowed
        assert agency.owner.email in names(explorer, "clients:read", str(agency.clients[0].pk))
        with pytest.raises(NotVisible):
            explorer.may(owner, "clients:read", str(client))
        with pytest.raises(NotVisible):
            explorer.who_can("clients:read", str(client), limit=10)


def test_platform_staff_ask_about_no_client_by_its_id(agency: Agency) -> None:
    staff = resolve(make_staff("super-admin").pk)
    assert isinstance(staff, RoleActor)
    with acting(staff):
        explorer = Explorer.open(staff, agency.organization.pk)
        member, client = subject(explorer, agency.member), str(agency.clients[0].pk)
        assert str(explorer.may(member, "clients:read").extent) == "1 assigned client"
        with pytest.raises(NotVisible):
            explorer.may(member, "clients:read", client)
        with pytest.raises(NotVisible):
            explorer.who_can("clients:read", client, limit=10)


def test_staff_who_are_members_themselves_learn_no_more_of_clients(agency: Agency) -> None:
    user = make_staff("super-admin")
    MembershipFactory(user=user, organization=agency.organization, role=built_in("org-owner"))
    staff = resolve(user.pk)
    assert isinstance(staff, RoleActor)
    with acting(staff):
        explorer = Explorer.open(staff, agency.organization.pk)
        member = subject(explorer, agency.member)
        assert explorer.may(member, "clients:read").allowed
        with pytest.raises(NotVisible):
            explorer.may(member, "clients:read", str(agency.clients[0].pk))


def test_nobody_of_another_organization_is_found(agency: Agency, other_agency: Agency) -> None:
    with exploring(agency, "owner") as explorer:
        for words in (other_agency.owner.email, str(other_agency.owner.pk), "quaymark"):
            assert explorer.find_people(words) == []
        assert explorer.find_people(agency.viewer.email)


def test_an_organization_is_explored_by_its_own_people_who_may_see_the_team(
    agency: Agency, other_agency: Agency
) -> None:
    owner, lonely = agency.actor("owner"), RoleFactory(organization=agency.organization, keys=("clients:read",))
    agency.people["lonely"] = MembershipFactory(user=UserFactory(), organization=agency.organization, role=lonely).user
    with acting(owner), pytest.raises(NotVisible):
        Explorer.open(owner, other_agency.organization.pk)
    with acting(owner), pytest.raises(NotVisible):
        Explorer.open(owner, None)
    with acting(agency.actor("lonely")) as entered, pytest.raises(AccessDenied):
        Explorer.open(entered.actor, agency.organization.pk)
    with acting(owner):
        assert str(Explorer.open(owner, agency.organization.pk).place) == "Larkmoor"


@pytest.mark.requirement("PDP-2")
def test_a_change_is_told_to_those_alone_who_could_make_it(agency: Agency) -> None:
    role = RoleFactory(organization=agency.organization, display_name="Desk", keys=("clients:read",), priority=10)
    person = MembershipFactory(user=UserFactory(), organization=agency.organization, role=role).user
    with exploring(agency, "owner") as explorer:
        verdict = explorer.may(subject(explorer, person), "reports:read")
        assert verdict.remedy is not None
        assert [str(step) for step in verdict.remedy.steps] == ["Add reports:read to the role “Desk”."]
    with exploring(agency, "member") as explorer:
        verdict = explorer.may(subject(explorer, person), "reports:read")
        assert not verdict.allowed
        assert verdict.remedy is None


def test_who_can_agrees_with_may_for_everybody_and_each_permission(agency: Agency) -> None:
    with inside(agency.organization):
        role = RoleFactory(organization=agency.organization, keys=("clients:write", "team:list"), is_active=False)
    for name, held in (("idle", role), ("unassigned", built_in("org-member"))):
        agency.people[name] = MembershipFactory(user=UserFactory(), organization=agency.organization, role=held).user
    with exploring(agency, "owner") as explorer:
        people = [subject(explorer, user) for user in agency.people.values()]
        for key in explorer.permissions:
            listed = {
                holder.subject.id for holder in explorer.who_can(key, limit=100).shown if not holder.extent.is_empty
            }
            assert listed == {one.id for one in people if explorer.may(one, key).allowed}, key


def test_what_can_agrees_with_may(agency: Agency) -> None:
    with exploring(agency, "owner") as explorer:
        viewer = subject(explorer, agency.viewer)
        assert viewer.person is not None
        for category in explorer.what_can(viewer.person):
            for grant in category.granted:
                assert explorer.may(viewer, grant.entry.key).allowed is not grant.extent.is_empty, grant.entry.key
            for entry in category.lacking:
                assert explorer.may(viewer, entry.key).reason is Reason.MISSING_PERMISSION


def test_a_role_that_inherits_nothing_from_an_inactive_one_says_so(agency: Agency) -> None:
    base = RoleFactory(organization=agency.organization, display_name="Base", keys=("notes:read",), is_active=False)
    role = RoleFactory(organization=agency.organization, display_name="Heir", keys=("clients:read",), parent=base)
    person = MembershipFactory(user=UserFactory(), organization=agency.organization, role=role).user
    with exploring(agency, "owner") as explorer:
        verdict = explorer.may(subject(explorer, person), "notes:read")
        assert verdict.reason is Reason.MISSING_PERMISSION
        assert verdict.remedy is not None
        assert [str(step) for step in verdict.remedy.steps] == ["Activate the role “Base”."]


@pytest.mark.requirement("PDP-2")
def test_a_change_that_leaves_nothing_to_use_the_permission_on_says_so(agency: Agency) -> None:
    role = RoleFactory(organization=agency.organization, display_name="Desk", keys=("tasks:read",), reach="assigned")
    person = MembershipFactory(user=UserFactory(), organization=agency.organization, role=role).user

    def told(key: str) -> tuple[list[str], bool]:
        with exploring(agency, "owner") as explorer:
            verdict = explorer.may(subject(explorer, person), key)
            assert verdict.remedy is not None
            return [str(step) for step in verdict.remedy.steps], verdict.wants_assignment

    assert told("clients:read") == (["Add clients:read to the role “Desk”."], True)
    assert told("team:list") == (["Add team:list to the role “Desk”."], False)
    assign(person, agency.clients[0], "view_client")
    assert told("clients:read") == (["Add clients:read to the role “Desk”."], False)
    assert told("clients:write")[1], "what is assigned is assigned to read only"
