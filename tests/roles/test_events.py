"""AUD-1: the history of a role tells each kind of change in a sentence, with both states, and who did it from where."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import Error, connection, transaction

from roles.access import role_history
from roles.actions import (
    AssignRole,
    CloneRole,
    CreateRole,
    DeleteRole,
    RemoveMembership,
    RestoreRole,
    UpdateRole,
    activate,
    deactivate,
)
from roles.actions.sync import SYNC, apply_sync, plan_sync
from roles.models import Membership, Role, RoleEvent, RolePermission
from tenancy.context import Origin, acting
from tenancy.errors import ActionRefused, NotVisible
from tests.factories import built_in, inside, on_platform
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("AUD-1")]

ORIGIN = Origin("api", "roles", "request-7", "198.51.100.7", "Browser 1.0")
VALUES = {"name": "planner", "display_name": "Planner", "priority": 40, "reach": "assigned"}


def make(agency: Agency, **values: Any) -> Role:
    actor = agency.actor("owner")
    with acting(actor, ORIGIN):
        return CreateRole(actor, {**VALUES, "permissions": ["clients:read"], **values}).execute()


def events(agency: Agency, role: Role) -> list[RoleEvent]:
    with inside(agency.organization):
        return list(RoleEvent.objects.filter(role_id=role.pk).order_by("id"))


def do(agency: Agency, verb: Any, *arguments: Any) -> Any:
    actor = agency.actor("owner")
    with acting(actor, ORIGIN):
        return verb(actor, *arguments).execute()


def test_a_new_role_begins_its_history(agency: Agency) -> None:
    role = make(agency)
    [event] = events(agency, role)
    assert (event.kind, event.previous_state, event.new_state["permissions"]) == ("CREATED", None, ["clients:read"])
    assert event.sentence == "owner@larkmoor.example created the role Planner."


def test_an_event_tells_who_did_it_and_from_where(agency: Agency) -> None:
    [event] = events(agency, make(agency))
    told = (event.performer_id, event.performer_label, event.address, event.user_agent, event.interface)
    assert told == (agency.owner.pk, "owner@larkmoor.example", "198.51.100.7", "Browser 1.0", "api")
    assert (event.organization_id, event.request_id) == (agency.organization.pk, "request-7")


def test_each_kind_of_change_in_one_edit_is_an_event_of_its_own(agency: Agency) -> None:
    role = make(agency)
    do(agency, UpdateRole, role.pk, {"priority": 50, "permissions": ["notes:read"], "is_active": False})
    _created, *changes = events(agency, role)
    assert [(event.kind, event.changed_fields) for event in changes] == [
        ("UPDATED", ["priority"]),
        ("PERMISSIONS_CHANGED", ["permissions"]),
        ("DEACTIVATED", ["is_active"]),
    ]
    assert [event.sentence.removeprefix("owner@larkmoor.example ") for event in changes] == [
        "changed Planner: priority from 40 to 50.",
        "changed the permissions of Planner: added notes:read; removed clients:read.",
        "deactivated the role Planner.",
    ]
    assert {(event.previous_state["priority"], event.new_state["priority"]) for event in changes} == {(40, 50)}


def test_an_edit_that_changes_nothing_leaves_no_event(agency: Agency) -> None:
    role = make(agency)
    same = do(agency, UpdateRole, role.pk, {"priority": 40, "permissions": ["clients:read"]})
    assert len(events(agency, role)) == 1
    assert same.version == 1


def test_activation_is_told(agency: Agency) -> None:
    role = make(agency, is_active=False)
    do(agency, activate, role.pk)
    do(agency, deactivate, role.pk)
    assert [event.kind for event in events(agency, role)] == ["CREATED", "ACTIVATED", "DEACTIVATED"]


def test_a_role_that_is_given_and_taken_names_the_person(agency: Agency) -> None:
    role = make(agency)
    membership = do(agency, AssignRole, agency.viewer, role)
    do(agency, RemoveMembership, membership)
    _created, *told = events(agency, role)
    assert [(event.kind, event.subject_id) for event in told] == [
        ("ADMIN_ASSIGNED", agency.viewer.pk),
        ("ADMIN_UNASSIGNED", agency.viewer.pk),
    ]
    assert told[0].sentence == "owner@larkmoor.example gave Larkmoor viewer the role Planner in place of Viewer."
    [left] = events(agency, built_in("org-viewer"))
    assert (left.kind, left.subject_label) == ("ADMIN_UNASSIGNED", "Larkmoor viewer")


@pytest.mark.requirement("ROLE-5")
def test_the_history_outlives_the_role(agency: Agency) -> None:
    role = make(agency)
    do(agency, AssignRole, agency.viewer, role)
    do(agency, DeleteRole, role.pk, built_in("org-member").pk)
    last = events(agency, role)[-1]
    assert (last.kind, last.new_state, last.previous_state["name"]) == ("DELETED", None, "planner")
    assert last.sentence == "owner@larkmoor.example deleted the role Planner; its people have Member now."


@pytest.mark.requirement("ROLE-6")
def test_a_clone_says_of_what(agency: Agency) -> None:
    clone = do(agency, CloneRole, built_in("org-viewer").pk)
    [event] = events(agency, clone)
    assert event.sentence == "owner@larkmoor.example created the role Viewer (copy) as a clone of Viewer."


def test_an_earlier_version_is_restored_as_a_change_like_any(agency: Agency) -> None:
    role = make(agency)
    do(agency, UpdateRole, role.pk, {"display_name": "Scheduler", "permissions": ["notes:read"]})
    first = events(agency, role)[0]
    restored = do(agency, RestoreRole, role.pk, first.pk, 2)
    assert (restored.display_name, restored.version) == ("Planner", 3)
    with inside(agency.organization):
        assert set(RolePermission.objects.filter(role=role).values_list("permission_id", flat=True)) == {"clients:read"}
    assert [event.kind for event in events(agency, role)[-2:]] == ["UPDATED", "PERMISSIONS_CHANGED"]


def test_nothing_is_restored_from_an_event_of_people_or_of_another_role(agency: Agency) -> None:
    role, other = make(agency), make(agency, name="other", display_name="Other")
    do(agency, AssignRole, agency.viewer, role)
    with pytest.raises(ActionRefused, match="tells of people"):
        do(agency, RestoreRole, role.pk, events(agency, role)[-1].pk)
    with pytest.raises(NotVisible):
        do(agency, RestoreRole, role.pk, events(agency, other)[0].pk)
    do(agency, RestoreRole, role.pk, events(agency, role)[0].pk)


@pytest.mark.requirement("ROLE-3")
def test_the_history_of_a_built_in_role_shows_an_organization_its_own_people(
    agency: Agency, other_agency: Agency
) -> None:
    for one in (agency, other_agency):
        do(one, AssignRole, one.member, built_in("org-viewer"))
    actor = agency.actor("owner")
    with acting(actor):
        told = role_history(actor, built_in("org-viewer").pk)
        assert [event.subject_label for event in told] == ["Larkmoor member"]


def test_whoever_may_not_read_the_record_reads_no_history(agency: Agency) -> None:
    role = make(agency)
    seen = {}
    for name in ("admin", "manager"):
        actor = agency.actor(name)
        with acting(actor):
            seen[name] = role_history(actor, role.pk).count()
    assert seen == {"admin": 1, "manager": 0}


@pytest.mark.requirement("AUD-4")
@pytest.mark.parametrize("change", ["UPDATE roles_roleevent SET sentence = ''", "DELETE FROM roles_roleevent"])
def test_the_application_cannot_rewrite_the_history(agency: Agency, change: str) -> None:
    make(agency)
    with inside(agency.organization):
        assert RoleEvent.objects.exists()
        with pytest.raises(Error, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


@pytest.mark.requirement("ROLE-10")
def test_what_a_release_changes_of_a_built_in_role_is_told(db: None) -> None:
    with on_platform():
        viewer = Role.objects.get(name="org-viewer")
        RolePermission.objects.filter(role=viewer, permission_id="clients:read").delete()
        Role.objects.filter(pk=viewer.pk).update(display_name="Onlooker")
    with acting(SYNC):
        apply_sync(plan_sync())
    with on_platform():
        told = RoleEvent.objects.filter(role_id=viewer.pk).order_by("-id")[:2]
        assert {event.kind for event in told} == {"UPDATED", "PERMISSIONS_CHANGED"}
        assert {event.performer_label for event in told} == {"system: sync roles"}
        assert plan_sync().is_empty


def test_joining_by_invitation_is_told_of_the_role(agency: Agency) -> None:
    from accounts.actions import AcceptInvitation, Invite
    from accounts.actions.invitations import digest_of
    from accounts.models import Invitation

    role, actor = make(agency), agency.actor("owner")
    with acting(actor):
        [invitation] = Invite(actor, ["new@larkmoor.example"], role, []).execute()
        Invitation.objects.filter(pk=invitation.pk).update(token_digest=digest_of("known"))
    AcceptInvitation(agency.slug, "known", None, "New Person", "a long enough passphrase").execute()
    last = events(agency, role)[-1]
    assert (last.kind, last.subject_label) == ("ADMIN_ASSIGNED", "New Person")
    with inside(agency.organization):
        assert Membership.objects.get(user__email="new@larkmoor.example").role == role
