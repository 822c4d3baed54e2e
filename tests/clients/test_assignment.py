"""Assigning many clients to many people."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.exceptions import ValidationError

from audit.models import AccessRecord, ModelChange
from clients.access import client_policy
from clients.actions import Access, Assign, AssignmentPreview, Unassign, preview_assignment
from clients.models import ClientGrant
from roles.actors import RoleActor, resolve
from tenancy.context import acting
from tenancy.errors import AccessDenied
from tenancy.policies import Verb
from tests.factories import MembershipFactory, RoleFactory, UserFactory, inside
from tests.world import Agency

REQUIREMENT = pytest.mark.requirement


@pytest.fixture
def manager(agency: Agency) -> RoleActor:
    return agency.actor("manager")


def reached(agency: Agency, name: str, verb: Verb = Verb.VIEW) -> set[Any]:
    actor = agency.actor(name)
    with acting(actor):
        return set(client_policy.visible(actor, verb))


@REQUIREMENT("CLI-4")
def test_many_clients_are_assigned_to_many_people_at_once(agency: Agency, manager: RoleActor) -> None:
    people, clients = [agency.member.pk, agency.viewer.pk], [client.pk for client in agency.clients]
    with acting(manager):
        expected = AssignmentPreview(people=2, clients=3, new=4, changed=1, unchanged=1)
        assert preview_assignment(manager, people, clients) == expected
        assert Assign(manager, people, clients).execute() == expected
        assert preview_assignment(manager, people, clients).unchanged == 6
    assert reached(agency, "member", Verb.CHANGE) == reached(agency, "viewer") == set(agency.clients)


@REQUIREMENT("CLI-2")
def test_an_assignment_to_read_takes_the_place_of_one_to_work_with(agency: Agency, manager: RoleActor) -> None:
    assert reached(agency, "member", Verb.CHANGE) == {agency.clients[0]}
    with acting(manager):
        Assign(manager, [agency.member.pk], [agency.clients[0].pk], Access.READ).execute()
    assert reached(agency, "member", Verb.CHANGE) == set()
    assert reached(agency, "member") == {agency.clients[0]}


@REQUIREMENT("CLI-4")
def test_what_is_taken_away_is_out_of_reach_at_once(agency: Agency, manager: RoleActor) -> None:
    with acting(manager):
        ended = Unassign(manager, [agency.member.pk], [client.pk for client in agency.clients]).execute()
    assert ended == 1
    assert reached(agency, "member") == set()
    assert reached(agency, "viewer") == {agency.clients[0]}


@REQUIREMENT("AUD-2")
def test_every_assignment_that_changes_has_its_history(agency: Agency, manager: RoleActor) -> None:
    with acting(manager):
        Assign(manager, [agency.viewer.pk], [client.pk for client in agency.clients]).execute()
        Unassign(manager, [agency.viewer.pk], [agency.clients[0].pk]).execute()
    with inside(agency.organization):
        history = ModelChange.objects.filter(content_type__model="clientgrant", actor_id=agency.manager.pk)
        assert sorted(history.values_list("action", flat=True)) == [0, 0, 1, 2]
        told = AccessRecord.objects.filter(actor_id=agency.manager.pk).order_by("id").values_list("operation", "action")
        assert list(told) == [("assign", "team:update"), ("unassign", "team:update")]


@REQUIREMENT("CLI-4")
def test_a_member_may_not_assign(agency: Agency) -> None:
    member = agency.actor("member")
    with pytest.raises(AccessDenied), acting(member):
        Assign(member, [agency.viewer.pk], [agency.clients[0].pk]).execute()


@REQUIREMENT("CLI-4")
def test_someone_with_assigned_reach_assigns_nobody_even_with_the_permission(agency: Agency) -> None:
    role = RoleFactory(organization=agency.organization, reach="assigned", keys=("team:update", "team:read"))
    person = UserFactory()
    MembershipFactory(user=person, organization=agency.organization, role=role)
    actor = resolve(person.pk, organization_id=agency.organization.pk)
    assert isinstance(actor, RoleActor)
    with pytest.raises(AccessDenied, match="reaches all clients"), acting(actor):
        Assign(actor, [agency.viewer.pk], [agency.clients[0].pk]).execute()


@REQUIREMENT("CLI-3")
def test_strangers_and_foreign_clients_are_not_found_and_nothing_is_assigned(
    agency: Agency, other_agency: Agency, manager: RoleActor
) -> None:
    with acting(manager):
        for people, clients, field in (
            ([agency.viewer.pk, other_agency.member.pk], [agency.clients[1].pk], "people"),
            ([agency.viewer.pk, uuid.uuid4()], [agency.clients[1].pk], "people"),
            ([agency.viewer.pk], [agency.clients[1].pk, other_agency.clients[0].pk], "clients"),
            ([agency.viewer.pk], ["not-an-id"], "clients"),
            ([], [agency.clients[1].pk], "people"),
        ):
            with pytest.raises(ValidationError) as refused:
                Assign(manager, people, clients).execute()
            assert set(refused.value.message_dict) == {field}
        assert ClientGrant.objects.count() == 2
