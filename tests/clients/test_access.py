"""Which clients, things and assignments an actor reaches with each verb, as the application alone tells."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clients.access import (
    assignable_members,
    assignment_policy,
    change_permission,
    client_to_work_with,
    clients_in_reach,
    grants_visible_to,
    items_in_reach,
    keys_of,
    organization_of,
    require_assigning,
)
from clients.models import Contact
from roles.actors import RoleActor, resolve
from roles.models import Membership
from tenancy.actors import Reach, Stranger, SystemActor
from tenancy.context import acting
from tenancy.errors import AccessDenied, Denial, Reason
from tenancy.policies import Verb
from tests.clients.test_reach import without_row_security
from tests.factories import ContactFactory, MembershipFactory, RoleFactory, UserFactory, assign
from tests.world import Agency, make_agency, make_staff

pytestmark = pytest.mark.requirement("CLI-2")


def robot(agency: Agency, reach: Reach | None) -> Any:
    """Return an actor without a person behind it, who reaches that far."""
    return Stranger(None, "robot", organization_id=agency.organization.pk, reach=reach)


def hire(agency: Agency, *keys: str, reach: str = "all") -> RoleActor:
    user = UserFactory()
    MembershipFactory(
        user=user,
        organization=agency.organization,
        role=RoleFactory(organization=agency.organization, keys=keys, reach=reach),
    )
    actor = resolve(user.pk, organization_id=agency.organization.pk)
    assert isinstance(actor, RoleActor)
    return actor


def test_each_verb_has_its_permission() -> None:
    assert keys_of("notes") == {
        Verb.VIEW: "notes:read",
        Verb.ADD: "notes:write",
        Verb.CHANGE: "notes:write",
        Verb.DELETE: "notes:delete",
    }


class TestReach:
    def test_assignments_open_clients_to_read_or_to_work_with(self, agency: Agency) -> None:
        first, second, _ = agency.clients
        assign(agency.member, second, "view_client")
        member = agency.actor("member")
        with acting(member):
            assert set(clients_in_reach(member)) == set(clients_in_reach(member, Verb.VIEW)) == {first, second}
            for verb in (Verb.ADD, Verb.CHANGE, Verb.DELETE):
                assert set(clients_in_reach(member, verb)) == {first}

    def test_things_are_reached_with_their_client(self, agency: Agency) -> None:
        first, second, third = (ContactFactory(client=client) for client in agency.clients)
        assign(agency.member, agency.clients[1], "view_client")
        member, owner = agency.actor("member"), agency.actor("owner")
        with acting(member):
            assert set(items_in_reach(Contact, member)) == {first, second}
            assert set(items_in_reach(Contact, member, Verb.CHANGE)) == {first}
        with acting(owner):
            assert set(items_in_reach(Contact, owner, Verb.DELETE)) == {first, second, third}

    def test_an_actor_of_another_place_reaches_nothing_of_this_one(self, agency: Agency, other_agency: Agency) -> None:
        owner, member = other_agency.actor("owner"), other_agency.actor("member")
        with acting(agency.actor("owner")):
            assert not clients_in_reach(owner).exists() and not grants_visible_to(owner).exists()
            assert not clients_in_reach(member).exists() and not grants_visible_to(member).exists()

    @pytest.mark.parametrize("reach", [None, Reach.ASSIGNED])
    def test_whoever_is_nobody_or_has_no_reach_reaches_nothing(self, agency: Agency, reach: Reach | None) -> None:
        with acting(agency.actor("owner")):
            assert not clients_in_reach(robot(agency, reach)).exists()
            assert not grants_visible_to(robot(agency, reach)).exists()
            assert clients_in_reach(robot(agency, Reach.ALL)).count() == 3

    def test_a_person_without_reach_reaches_nothing_although_assigned(self, agency: Agency) -> None:
        without = Stranger(agency.member.pk, "member", organization_id=agency.organization.pk)
        with acting(agency.actor("owner")):
            assert not clients_in_reach(without).exists() and not grants_visible_to(without).exists()

    def test_nothing_is_reached_on_the_platform(self, agency: Agency) -> None:
        placeless = Stranger(agency.member.pk, "member", reach=Reach.ALL)
        with acting(agency.actor("owner")):
            assert not clients_in_reach(placeless).exists() and not grants_visible_to(placeless).exists()
            assert not assignable_members(placeless).exists()
            with pytest.raises(AccessDenied) as denied:
                organization_of(placeless)
        assert denied.value.denial == Denial(Reason.NOT_A_MEMBER)
        assert organization_of(agency.actor("member")) == agency.organization.pk


class TestAssignments:
    def test_whoever_reaches_all_clients_sees_all_of_them(self, agency: Agency) -> None:
        owner = agency.actor("owner")
        with acting(owner):
            for verb in Verb:
                assert {one.user_id for one in grants_visible_to(owner, verb)} == {agency.member.pk, agency.viewer.pk}

    def test_others_see_their_own_and_change_none(self, agency: Agency) -> None:
        member = agency.actor("member")
        with acting(member):
            assert [one.user_id for one in grants_visible_to(member)] == [agency.member.pk]
            for verb in (Verb.ADD, Verb.CHANGE, Verb.DELETE):
                assert not grants_visible_to(member, verb).exists()

    def test_they_are_seen_and_changed_under_different_permissions(self, agency: Agency) -> None:
        reader, assigner = hire(agency, "team:read"), hire(agency, "team:update")
        assert assignment_policy.permits(reader, Verb.VIEW) and not assignment_policy.permits(reader, Verb.ADD)
        for verb in (Verb.ADD, Verb.CHANGE, Verb.DELETE):
            assert assignment_policy.permits(assigner, verb)

    def test_assigning_takes_the_permission_and_reach_to_all(self, agency: Agency) -> None:
        require_assigning(hire(agency, "team:update"))
        with pytest.raises(AccessDenied) as missing:
            require_assigning(hire(agency, "team:read"))
        assert (missing.value.denial.reason, missing.value.denial.key) == (Reason.MISSING_PERMISSION, "team:update")
        with pytest.raises(AccessDenied) as narrow:
            require_assigning(hire(agency, "team:update", reach="assigned"))
        sentence = "Only someone who reaches all clients assigns them."
        denial = Denial(Reason.OUT_OF_REACH, "team:update", "clients.clientgrant", "", sentence)
        assert narrow.value.denial == denial

    def test_to_work_with_is_one_permission_of_guardian(self, db: None) -> None:
        [permission] = change_permission()
        assert (permission.codename, permission.content_type.app_label) == ("change_client", "clients")
        assert permission.content_type.model == "client"

    def test_tasks_are_given_to_members_of_the_same_organization(self, agency: Agency, other_agency: Agency) -> None:
        owner, stranger = agency.actor("owner"), other_agency.actor("owner")
        with acting(owner):
            found = {one.user_id for one in assignable_members(owner)}
            assert found == {user.pk for user in agency.people.values()}
            assert not assignable_members(stranger).exists()

    def test_on_the_platform_tasks_are_given_to_nobody(self, db: None) -> None:
        staff = resolve(make_staff("super-admin").pk)
        assert isinstance(staff, RoleActor)
        with acting(staff):
            assert Membership.objects.exists() and not assignable_members(staff).exists()


class TestWorkingWithAClient:
    def test_one_to_work_with_is_found_and_locked(self, agency: Agency) -> None:
        member, first = agency.actor("member"), agency.clients[0]
        with acting(member), CaptureQueriesContext(connection) as told:
            assert client_to_work_with(member, first.pk) == first
            assert client_to_work_with(member, str(first.pk)) == first
        assert sum('FOR NO KEY UPDATE OF "clients_client"' in one["sql"] for one in told.captured_queries) == 2

    def test_one_to_read_is_refused(self, agency: Agency) -> None:
        viewer, first = agency.actor("viewer"), agency.clients[0]
        with acting(viewer), pytest.raises(AccessDenied) as denied:
            client_to_work_with(viewer, first.pk)
        assert denied.value.denial == Denial(Reason.READ_ONLY, "", "clients.client", str(first.pk))

    def test_the_application_alone_refuses_one_to_read(self, module_db: str) -> None:
        agency = make_agency("Workfield")
        viewer = agency.actor("viewer")
        with without_row_security(module_db), acting(viewer), pytest.raises(AccessDenied):
            client_to_work_with(viewer, agency.clients[0].pk)

    def test_one_that_is_hidden_or_missing_or_no_id_is_not_there(self, agency: Agency) -> None:
        member = agency.actor("member")
        with acting(member):
            for pk in (agency.clients[2].pk, uuid4(), "no id", 7):
                with pytest.raises(ValidationError) as missing:
                    client_to_work_with(member, pk)  # type: ignore[arg-type]
                assert missing.value.message_dict == {"client": ["There is no such client."]}
                assert missing.value.error_dict["client"][0].code == "does_not_exist"


def test_the_installation_without_an_organization_reaches_nothing(agency: Agency) -> None:
    with acting(agency.actor("owner")):
        assert not clients_in_reach(SystemActor("test")).exists()
