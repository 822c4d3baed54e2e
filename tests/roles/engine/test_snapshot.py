"""What a snapshot answers, and why."""

from __future__ import annotations

import pytest

from roles.engine.explanation import Reach
from roles.engine.remedy import possible_for, remedies
from roles.engine.store import SnapshotStore
from tenancy.context import acting
from tenancy.errors import Reason
from tests.factories import MembershipFactory, RoleFactory, UserFactory
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-1")]


@pytest.fixture
def store() -> SnapshotStore:
    return SnapshotStore(1_000_000)


def test_a_member_works_with_assigned_clients_only(agency: Agency, store: SnapshotStore) -> None:
    snapshot = store.current(agency.organization.pk)
    member, (assigned, other, _) = str(agency.member.pk), (str(client.pk) for client in agency.clients)
    assert snapshot.judge(member, "clients:write", "client", assigned) is Reason.GRANTED
    assert snapshot.judge(member, "clients:write", "client", other) is Reason.OUT_OF_REACH
    assert snapshot.judge(member, "clients:delete", "client", assigned) is Reason.MISSING_PERMISSION


def test_whoever_is_assigned_to_read_does_not_write(agency: Agency, store: SnapshotStore) -> None:
    snapshot = store.current(agency.organization.pk)
    viewer, assigned = str(agency.viewer.pk), str(agency.clients[0].pk)
    assert snapshot.permits(viewer, "clients:read", "client", assigned)
    assert not snapshot.permits(viewer, "clients:write", "client", assigned)


def test_reach_to_all_clients_ends_where_there_is_none(
    agency: Agency, other_agency: Agency, store: SnapshotStore
) -> None:
    snapshot = store.current(agency.organization.pk)
    owner = str(agency.owner.pk)
    assert snapshot.permits(owner, "clients:delete", "client", str(agency.clients[2].pk))
    assert not snapshot.permits(owner, "clients:delete", "client", str(other_agency.clients[2].pk))
    assert not snapshot.permits(owner, "clients:delete", "client", "no id")


def test_a_subject_is_named_by_id_or_by_address(agency: Agency, store: SnapshotStore) -> None:
    snapshot = store.current(agency.organization.pk)
    asked = ("team:invite", "organization", agency.slug)
    assert snapshot.permits(str(agency.owner.pk), *asked) and snapshot.permits(agency.owner.email, *asked)
    assert snapshot.judge("stranger@elsewhere.example", *asked) is Reason.NOT_A_MEMBER


def test_the_platform_has_a_snapshot_of_its_own(agency: Agency, store: SnapshotStore) -> None:
    support = make_staff("support-agent")
    snapshot = store.current(None)
    assert snapshot.permits(str(support.pk), "users:read", "platform", "platform")
    assert not snapshot.permits(str(support.pk), "roles:create", "platform", "platform")
    assert not snapshot.permits(str(agency.owner.pk), "users:read", "platform", "platform")


@pytest.mark.requirement("PDP-2")
def test_an_allowed_decision_names_what_it_rests_on(agency: Agency, store: SnapshotStore) -> None:
    snapshot = store.current(agency.organization.pk)
    explained = snapshot.explain(str(agency.member.pk), "clients:read", "client", str(agency.clients[0].pk))
    assert explained.allowed and explained.reach is Reach.ASSIGNED
    assert explained.witness is not None and explained.witness.held == "clients:read"
    assert str(explained).startswith("member@larkmoor.example has “")


@pytest.mark.requirement("PDP-2")
def test_a_client_out_of_reach_is_remedied_by_an_assignment(agency: Agency, store: SnapshotStore) -> None:
    snapshot = store.current(agency.organization.pk)
    member, other = str(agency.member.pk), str(agency.clients[1].pk)
    [smallest, *_] = remedies(snapshot, member, "clients:write", "client", other)
    assert [str(step) for step in smallest.steps] == ["Assign them to it, to work with."]
    person = snapshot.person(member)
    owner, viewer = agency.actor("owner"), agency.actor("viewer")
    with acting(owner):
        assert possible_for(owner, person, "client", smallest)
    with acting(viewer):
        assert not possible_for(viewer, person, "client", smallest)


@pytest.mark.requirement("PDP-2")
def test_a_missing_permission_of_a_custom_role_is_added_to_it(agency: Agency, store: SnapshotStore) -> None:
    role = RoleFactory(organization=agency.organization, name="desk", keys=("clients:read",))
    reader = UserFactory()
    MembershipFactory(user=reader, organization=agency.organization, role=role)
    snapshot = store.current(agency.organization.pk)
    [smallest, *_] = remedies(snapshot, str(reader.pk), "reports:read", "organization", agency.slug)
    assert [str(step) for step in smallest.steps] == [f"Add reports:read to the role “{role.display_name}”."]
    assert smallest.gained == 1
