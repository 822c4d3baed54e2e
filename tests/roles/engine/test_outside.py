"""What is answered about the resources of applications, by each reach of an action; and why, and what would help."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.db import connection

from roles.actions import DeleteApplication, RegisterApplication, RevokeResources, UpdateApplication, UpdateRole
from roles.actors import RoleActor, resolve
from roles.engine import decide, search
from roles.engine.explanation import Reach
from roles.engine.remedy import possible_for, remedies
from roles.engine.snapshot import Snapshot
from roles.engine.store import SnapshotStore
from roles.models import PolicyChange
from tenancy.context import acting
from tenancy.errors import Reason
from tests.factories import MembershipFactory, RoleFactory, UserFactory, inside
from tests.roles.applications import BILLING, grant, keys_of, register
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-1"), pytest.mark.requirement("PDP-3")]
INVOICE, REPORT = "billing:invoice", "billing:report"


@pytest.fixture
def application(agency: Agency) -> Any:
    return register(agency)


@pytest.fixture
def clerk(agency: Agency, application: Any) -> Any:
    """Somebody whose role holds every permission of the application, and reaches all clients."""
    role = RoleFactory(organization=agency.organization, name="clerk", keys=tuple(keys_of(application).values()))
    user = UserFactory(email="clerk@larkmoor.example")
    MembershipFactory(user=user, organization=agency.organization, role=role)
    agency.people["clerk"] = user
    return user


def snapshot_of(agency: Agency) -> Snapshot:
    return SnapshotStore(1_000_000).current(agency.organization.pk)


def test_an_action_on_all_is_for_everybody_with_the_permission(agency: Agency, clerk: Any) -> None:
    snapshot = snapshot_of(agency)
    assert snapshot.permits(clerk.email, "read", INVOICE, "any id at all")
    assert snapshot.judge(agency.member.email, "read", INVOICE, "i-1") is Reason.MISSING_PERMISSION
    assert snapshot.judge(clerk.email, "burn", INVOICE, "i-1") is Reason.UNKNOWN_PERMISSION
    assert snapshot.judge(clerk.email, "read", "other:invoice", "i-1") is Reason.UNKNOWN_PERMISSION


def test_an_assigned_action_is_for_those_granted_the_resource_whatever_their_role_reaches(
    agency: Agency, application: Any, clerk: Any
) -> None:
    grant(agency, application, "clerk", "i-1")
    grant(agency, application, "member", "i-2")
    snapshot = snapshot_of(agency)
    assert snapshot.permits(clerk.email, "update", INVOICE, "i-1")
    assert snapshot.judge(clerk.email, "update", INVOICE, "i-2") is Reason.OUT_OF_REACH
    assert snapshot.judge(clerk.email, "update", INVOICE, "I-1") is Reason.OUT_OF_REACH
    assert snapshot.judge(agency.member.email, "update", INVOICE, "i-2") is Reason.MISSING_PERMISSION
    assert snapshot.judge(agency.owner.email, "update", INVOICE, "i-2") is Reason.OUT_OF_REACH


@pytest.mark.parametrize(
    ("properties", "allowed"),
    [
        ({"author": "id"}, True),
        ({"author": "CLERK@larkmoor.example"}, True),
        ({"author": "member@larkmoor.example"}, False),
        ({"author": ["clerk@larkmoor.example"]}, False),
        ({"author": None}, False),
        ({"owner": "clerk@larkmoor.example"}, False),
        ({}, False),
    ],
)
def test_an_own_action_is_for_whom_the_property_names(
    agency: Agency, clerk: Any, properties: Mapping[str, Any], allowed: bool
) -> None:
    told = {name: str(clerk.pk) if value == "id" else value for name, value in properties.items()}
    assert snapshot_of(agency).permits(clerk.email, "update", REPORT, "r-1", told) is allowed


def test_the_wildcard_covers_every_application_of_the_organization_and_no_other(
    agency: Agency, other_agency: Agency, application: Any
) -> None:
    register(other_agency, slug="ledger", name="Ledger")
    snapshot = snapshot_of(agency)
    assert snapshot.permits(agency.owner.email, "read", INVOICE, "i-1")
    assert not snapshot.permits(agency.admin.email, "read", INVOICE, "i-1")
    assert snapshot.judge(agency.owner.email, "read", "ledger:invoice", "i-1") is Reason.UNKNOWN_PERMISSION


def test_a_key_without_an_action_grants_nothing(agency: Agency, application: Any, clerk: Any) -> None:
    """The rules come from the stored actions: a permission that is left over has none."""
    with inside(agency.organization), connection.cursor() as cursor:
        cursor.execute("DELETE FROM roles_applicationaction WHERE action = 'read'")
    assert snapshot_of(agency).judge(clerk.email, "read", INVOICE, "i-1") is Reason.UNKNOWN_PERMISSION


def test_no_route_is_opened_by_a_permission_of_an_application(agency: Agency, application: Any) -> None:
    denial = decide(agency.actor("owner"), keys_of(application)["invoice:read"])
    assert denial is not None and denial.reason is Reason.UNKNOWN_PERMISSION


@pytest.mark.requirement("PDP-2")
def test_every_answer_says_what_it_rests_on(agency: Agency, application: Any, clerk: Any) -> None:
    grant(agency, application, "clerk", "i-1")
    snapshot, own = snapshot_of(agency), {"author": clerk.email}
    asked = {
        Reach.ALL: ("read", INVOICE, "i-9", {}),
        Reach.ASSIGNED: ("update", INVOICE, "i-1", {}),
        Reach.OWN: ("update", REPORT, "r-1", own),
    }
    for reach, question in asked.items():
        explained = snapshot.explain(clerk.email, *question)
        assert explained.allowed and explained.reach is reach and explained.witness is not None
        assert explained.witness.key == explained.witness.held
    assert str(snapshot.explain(clerk.email, "update", INVOICE, "i-1")).startswith(
        "clerk@larkmoor.example has “Update invoices” (app-"
    )
    by_wildcard = snapshot.explain(agency.owner.email, "read", INVOICE, "i-1")
    assert by_wildcard.witness is not None and by_wildcard.witness.held == "admin:*"
    assert "by admin:*" in str(by_wildcard)


def test_searches_find_what_each_question_would_allow(agency: Agency, application: Any, clerk: Any) -> None:
    grant(agency, application, "clerk", "i-1", "i-3")
    grant(agency, application, "member", "i-2", "i-3")
    snapshot = snapshot_of(agency)
    known = {INVOICE: ["i-1", "i-2", "i-3"], REPORT: ["r-1"]}
    people = [str(user.pk) for user in agency.people.values()]
    for kind, action in [(INVOICE, "read"), (INVOICE, "update"), (REPORT, "update")]:
        for person in people:
            allowed = [one for one in known[kind] if snapshot.permits(person, action, kind, one)]
            assert search.resources(snapshot, person, action, kind, limit=10) == allowed
            assert (
                search.resources(snapshot, person, action, kind, after="i-1", limit=1)
                == [one for one in allowed if one > "i-1"][:1]
            )
            for one in known[kind]:
                found = search.actions(snapshot, person, kind, one, limit=10)
                assert (action in found) is snapshot.permits(person, action, kind, one)
        for one in known[kind]:
            found = search.subjects(snapshot, action, kind, one, limit=100)
            assert found == sorted(person for person in people if snapshot.permits(person, action, kind, one))
    found = search.subjects(snapshot, "update", REPORT, "r-1", {"author": clerk.email}, limit=10)
    assert found == [str(clerk.pk)]


@pytest.mark.requirement("PDP-2")
def test_a_resource_that_is_not_granted_is_remedied_by_granting_it(
    agency: Agency, application: Any, clerk: Any
) -> None:
    snapshot = snapshot_of(agency)
    [remedy] = [one for one in remedies(snapshot, clerk.email, "update", INVOICE, "i-1") if len(one.steps) == 1]
    assert [str(step) for step in remedy.steps] == ["Assign them to it, to work with."]
    for who, may in (("manager", True), ("viewer", False)):
        with acting(agency.actor(who)) as entered:
            assert possible_for(entered.actor, snapshot.person(clerk.email), INVOICE, remedy) is may
    grant(agency, application, "clerk", "i-1")
    assert snapshot_of(agency).permits(clerk.email, "update", INVOICE, "i-1")


@pytest.mark.requirement("PDP-2")
@pytest.mark.parametrize("object_id", ["", "x" * 201, "i\0", "i\u202e1", "\ud800"])
def test_nothing_remedies_what_cannot_be_granted(agency: Agency, clerk: Any, object_id: str) -> None:
    assert remedies(snapshot_of(agency), clerk.email, "update", INVOICE, object_id) == []


@pytest.mark.requirement("PDP-2")
def test_a_missing_permission_is_remedied_where_it_may_be_given(agency: Agency, application: Any) -> None:
    role = RoleFactory(organization=agency.organization, name="desk", keys=("clients:read",), priority=1)
    user = UserFactory()
    MembershipFactory(user=user, organization=agency.organization, role=role)
    snapshot, key = snapshot_of(agency), keys_of(application)["invoice:read"]
    [smallest, *_] = remedies(snapshot, str(user.pk), "read", INVOICE, "i-1")
    assert [(step.role and step.role.id, step.key) for step in smallest.steps] == [(role.pk, key)]
    for who, may in (("owner", True), ("admin", False)):
        with acting(agency.actor(who)) as entered:
            assert possible_for(entered.actor, snapshot.person(str(user.pk)), INVOICE, smallest) is may
    with acting(agency.actor("owner")) as entered:
        UpdateRole(entered.actor, role.pk, {"permissions": ["clients:read", key]}).execute()
    assert snapshot_of(agency).permits(str(user.pk), "read", INVOICE, "i-1")


@pytest.mark.requirement("PDP-2")
def test_nothing_remedies_what_is_somebody_else_s(agency: Agency, clerk: Any) -> None:
    assert remedies(snapshot_of(agency), clerk.email, "update", REPORT, "r-1", {"author": "nobody"}) == []


@pytest.mark.requirement("PDP-6")
def test_each_change_is_answered_at_once_by_a_store_that_keeps_what_it_had(
    agency: Agency, application: Any, clerk: Any
) -> None:
    store, owner = SnapshotStore(1_000_000), agency.actor("owner")

    def allows(action: str, kind: str, object_id: str) -> bool:
        return store.current(agency.organization.pk).permits(clerk.email, action, kind, object_id)

    assert not allows("update", INVOICE, "i-1")
    grant(agency, application, "clerk", "i-1")
    assert allows("update", INVOICE, "i-1")
    with acting(owner):
        RevokeResources(owner, application.pk, "invoice", ["i-1"], [clerk.pk]).execute()
    assert not allows("update", INVOICE, "i-1")
    assert allows("read", INVOICE, "i-1")
    with acting(owner):
        UpdateApplication(owner, application.pk, {"actions": BILLING["actions"][1:]}).execute()
    assert not allows("read", INVOICE, "i-1")
    grant(agency, application, "clerk", "i-1")
    assert allows("update", INVOICE, "i-1")
    with acting(owner):
        DeleteApplication(owner, application.pk).execute()
        RegisterApplication(owner, BILLING).execute()
    assert not allows("update", INVOICE, "i-1")


@pytest.mark.requirement("PDP-6")
@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ("UPDATE roles_applicationaction SET reach = 'assigned' WHERE action = 'read'", "application"),
        ("UPDATE roles_application SET description = 'x'", "application"),
        ("DELETE FROM roles_application", "application"),
        ("DELETE FROM roles_resourcegrant", "resourcegrant"),
        ("UPDATE roles_resourcegrant SET resource_id = 'i-2'", "resourcegrant"),
    ],
)
def test_raw_sql_moves_the_version_and_is_told(
    agency: Agency, application: Any, clerk: Any, change: str, kind: str
) -> None:
    grant(agency, application, "clerk", "i-1")
    before = snapshot_of(agency).version
    with inside(agency.organization), connection.cursor() as cursor:
        cursor.execute(change)
    after = snapshot_of(agency).version
    assert after.own > before.own
    with inside(agency.organization):
        told = PolicyChange.objects.filter(organization_id=agency.organization.pk, version__gt=before.own)
        subjects = {kind: set(one) for kind, one in told.values_list("kind", "subjects")}
    assert subjects[kind] == {application.pk if kind == "application" else clerk.pk}


@pytest.mark.requirement("CLI-5")
def test_the_platform_has_no_applications(agency: Agency, application: Any) -> None:
    snapshot = SnapshotStore(1000).current(None)
    assert not any(kind.startswith("billing") for kind, _ in snapshot.rules)


def test_the_actor_of_a_request_has_what_the_engine_says(agency: Agency, application: Any, clerk: Any) -> None:
    snapshot = snapshot_of(agency)
    for name, user in agency.people.items():
        actor = resolve(user.pk, organization_id=agency.organization.pk)
        assert isinstance(actor, RoleActor), name
        person = snapshot.person(str(user.pk))
        assert person is not None
        for key in keys_of(application).values():
            assert actor.has(key) is (key in person.keys), (name, key)
