"""Edits that are each allowed and together would break a rule: one of them waits, and is refused (threat 7).

Where the order matters, the first transaction is held open until PostgreSQL says that the others wait for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import Error, connection, transaction

from accounts.actions import AcceptInvitation, Invite
from accounts.actions.invitations import digest_of
from accounts.models import Invitation
from roles.actions import AssignMany, CloneRole, CreateRole, DeleteRole, UnassignMany, UpdateRole, deactivate, reparent
from roles.actors import RoleActor, effective_permissions
from roles.models import Membership, Role
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, NotVisible, Reason, StaleVersion
from tests.concurrency import at_once, failures
from tests.factories import MembershipFactory, UserFactory, built_in, inside, on_platform
from tests.roles.racing import Call, by, held_up, own_role, role_of, shared_role, super_admin
from tests.world import Agency, make_agency

ROUNDS = 3
LEADER_KEYS = ("team:read", "team:remove", "team:roles:assign", "clients:read")


@pytest.fixture
def agency(committed_db: str) -> Agency:
    return make_agency("Larkmoor", clients=0)


@pytest.mark.requirement("ROLE-8")
@pytest.mark.parametrize("length", [2, 3])
def test_edits_of_parents_that_together_close_a_circle_are_not_all_made(agency: Agency, length: int) -> None:
    owner = agency.actor("owner")
    for _ in range(ROUNDS):
        ring = [own_role(agency, "clients:read") for _ in range(length)]
        outcomes = at_once([by(owner, reparent_verb, one.pk, ring[number - 1]) for number, one in enumerate(ring)])
        [refused] = failures(outcomes)
        assert isinstance(refused, ValidationError), refused
        assert "inherit from itself" in str(refused)
        with inside(agency.organization):
            Role.objects.custom().update(parent=None)
            Role.objects.filter(pk__in=[one.pk for one in ring]).delete()


def reparent_verb(actor: Any, pk: UUID, parent: Role) -> Any:
    return reparent(actor, pk, parent)


@pytest.mark.requirement("ROLE-8")
def test_a_circle_of_shared_roles_is_not_closed_either(agency: Agency) -> None:
    staff = super_admin()
    one, other = shared_role(agency, "clients:read"), shared_role(agency, "notes:read")
    outcomes = at_once([by(staff, reparent_verb, one.pk, other), by(staff, reparent_verb, other.pk, one)])
    [refused] = failures(outcomes)
    assert isinstance(refused, ValidationError), refused


def insert_role(agency: Agency, number: int) -> Call:
    """Return the call that makes a role by raw SQL, past every check in Python."""

    def call() -> None:
        with inside(agency.organization), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO roles_role (id, organization_id, name, display_name, description, scope, priority, color,"
                " icon, reach, is_system, is_active, requires_second_factor, version, created_at, updated_at)"
                " VALUES (gen_random_uuid(), %s, %s, 'Raw', '', 'TENANT', 1, '#000000', 'user', 'all', false, true,"
                " false, 1, now(), now())",
                [agency.organization.pk, f"raw-{number}"],
            )

    return call


def create(agency: Agency, name: str) -> Call:
    return by(agency.actor("owner"), CreateRole, {"name": name, "display_name": name, "priority": 1})


def clone(agency: Agency, name: str) -> Call:
    return by(agency.actor("admin"), CloneRole, built_in("org-viewer").pk, {"name": name})


@pytest.mark.requirement("ROLE-9")
def test_of_several_eleventh_roles_none_is_made(agency: Agency) -> None:
    for _ in range(8):
        own_role(agency)
    makers = [create(agency, "one"), clone(agency, "two"), insert_role(agency, 3), create(agency, "four")]
    outcomes = at_once([*makers, insert_role(agency, 5)])
    refused = failures(outcomes)
    assert len(refused) == 3
    assert all(isinstance(one, ActionRefused | Error) and "at most" in str(one) for one in refused), refused
    with inside(agency.organization):
        assert Role.objects.filter(organization=agency.organization).count() == 10


@pytest.mark.requirement("ROLE-9")
def test_one_who_makes_the_eleventh_role_waits_for_the_tenth(agency: Agency) -> None:
    for _ in range(9):
        own_role(agency)
    late = create(agency, "eleven"), insert_role(agency, 11)
    with inside(agency.organization):
        insert_role(agency, 10)()
        finish = held_up(*late)
    by_action, by_sql = finish()
    assert isinstance(by_action, ActionRefused)
    assert isinstance(by_sql, Error)


@pytest.mark.requirement("ROLE-5")
@pytest.mark.parametrize("make", [own_role, shared_role])
@pytest.mark.parametrize("replaced", [False, True], ids=["without replacement", "with replacement"])
class TestRoleDeletedWhileItIsGiven:
    """A role of the organization's own, and one of the platform's that its people cannot lock."""

    def delete(self, agency: Agency, role: Role, replaced: bool) -> Call:
        actor = agency.actor("owner") if role.organization_id else super_admin()
        return by(actor, DeleteRole, role.pk, built_in("org-member") if replaced else None)

    def give(self, agency: Agency, role: Role) -> Call:
        return by(agency.actor("owner"), AssignMany, [agency.viewer.pk], role)

    def test_one_who_gives_a_role_that_goes_is_refused(self, agency: Agency, make: Any, replaced: bool) -> None:
        role = make(agency, "clients:read")
        delete, give = self.delete(agency, role, replaced), self.give(agency, role)
        with transaction.atomic():
            delete()
            finish = held_up(give)
        [outcome] = finish()
        assert isinstance(outcome, AccessDenied | ActionRefused), outcome
        assert role_of(agency, "viewer") == "org-viewer"

    def test_one_who_deletes_a_role_just_given_is_refused_or_replaces_it(
        self, agency: Agency, make: Any, replaced: bool
    ) -> None:
        role = make(agency, "clients:read")
        delete, give = self.delete(agency, role, replaced), self.give(agency, role)
        with transaction.atomic():
            give()
            finish = held_up(delete)
        [outcome] = finish()
        if outcome is None:
            assert replaced
            assert role_of(agency, "viewer") == "org-member"
        else:
            assert isinstance(outcome, ActionRefused), outcome
            assert role_of(agency, "viewer") == role.name

    def test_nobody_is_left_without_a_role(self, agency: Agency, make: Any, replaced: bool) -> None:
        for _ in range(ROUNDS):
            role = make(agency, "clients:read")
            outcomes = at_once([self.give(agency, role), self.delete(agency, role, replaced)])
            assert all(isinstance(one, AccessDenied | ActionRefused) for one in failures(outcomes)), outcomes
            assert len(failures(outcomes)) < 2
            with on_platform():
                stays = Role.objects.filter(pk=role.pk).exists()
            assert (role_of(agency, "viewer") == role.name) == stays
            by(agency.actor("owner"), AssignMany, [agency.viewer.pk], built_in("org-viewer"))()


@pytest.mark.requirement("ROLE-4")
def test_of_two_saves_of_one_version_exactly_one_is_kept(agency: Agency) -> None:
    role = own_role(agency, "clients:read")
    saves = [
        by(agency.actor(person), UpdateRole, role.pk, {"description": f"By the {person}"}, version=1)
        for person in ("owner", "admin")
    ]
    outcomes = at_once(saves)
    [refused] = failures(outcomes)
    [kept] = [one for one in outcomes if isinstance(one, Role)]
    assert isinstance(refused, StaleVersion), refused
    assert (refused.stored.version, refused.stored.description) == (2, kept.description)
    assert kept.description in refused.changes[0]
    with on_platform():
        assert Role.objects.get(pk=role.pk).description == kept.description


@pytest.mark.requirement("ASSIGN-2")
def test_a_role_is_given_by_what_its_parent_holds_once_it_can_be_given(agency: Agency) -> None:
    """Its line is looked at after the wait: the admin lacks what the parent got meanwhile."""
    parent = own_role(agency, "clients:read", priority=1)
    child = own_role(agency, "notes:read", priority=1, parent=parent)
    owner, admin = agency.actor("owner"), agency.actor("admin")
    with acting(owner):
        UpdateRole(owner, child.pk, {"description": "Being looked at"}).execute()
        UpdateRole(owner, parent.pk, {"permissions": ["org:billing:read"]}).execute()
        finish = held_up(by(admin, AssignMany, [agency.viewer.pk], child))
    [refused] = finish()
    assert isinstance(refused, AccessDenied), refused
    assert refused.denial.reason is Reason.ABOVE_CEILING
    assert role_of(agency, "viewer") == "org-viewer"


@pytest.mark.requirement("ASSIGN-2")
@pytest.mark.requirement("ROLE-8")
def test_nobody_makes_a_child_of_a_parent_that_has_just_become_stronger(agency: Agency) -> None:
    parent = own_role(agency, "clients:read", priority=1)
    child = own_role(agency, "notes:read", priority=1)
    owner, admin = agency.actor("owner"), agency.actor("admin")
    values = {"name": "heir", "display_name": "Heir", "priority": 1, "parent": parent.pk}
    with acting(owner):
        UpdateRole(owner, parent.pk, {"permissions": ["org:billing:read"]}).execute()
        finish = held_up(by(admin, CreateRole, values), by(admin, reparent_verb, child.pk, parent))
    for refused in finish():
        assert isinstance(refused, AccessDenied), refused
        assert refused.denial.reason is Reason.ABOVE_CEILING
    assert effective_permissions(child.pk) == {"notes:read"}


@pytest.fixture
def leader(agency: Agency) -> RoleActor:
    """Somebody who may change roles and people, at the moment when the request begins."""
    role = own_role(agency, *LEADER_KEYS, name="leader", priority=60)
    user = agency.people["leader"] = UserFactory()
    MembershipFactory(user=user, organization=agency.organization, role=role)
    return agency.actor("leader")


VERBS: dict[str, Callable[[Agency, Role], tuple[Any, ...]]] = {
    "create": lambda agency, role: (CreateRole, {"name": "late", "display_name": "Late", "priority": 1}),
    "clone": lambda agency, role: (CloneRole, role.pk, {"name": "late"}),
    "update": lambda agency, role: (UpdateRole, role.pk, {"description": "Late"}),
    "delete": lambda agency, role: (DeleteRole, role.pk),
    "assign": lambda agency, role: (AssignMany, [agency.viewer.pk], role),
    "unassign": lambda agency, role: (UnassignMany, [agency.viewer.pk]),
}
TAKEN: dict[str, Callable[[RoleActor, RoleActor], Any]] = {
    "demoted": lambda owner, leader: AssignMany(owner, [leader.user_id], built_in("org-viewer")),
    "removed": lambda owner, leader: UnassignMany(owner, [leader.user_id]),
    "weaker": lambda owner, leader: UpdateRole(owner, leader.role_id, {"permissions": ["team:read"]}),
    "inactive": lambda owner, leader: deactivate(owner, leader.role_id),
}


@pytest.mark.requirement("PDP-6")
@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("taken", ["nothing", *TAKEN])
def test_one_who_loses_the_right_while_waiting_is_refused(
    agency: Agency, leader: RoleActor, verb: str, taken: str
) -> None:
    role, owner = own_role(agency, "clients:read", name="plain", priority=1), agency.actor("owner")
    with acting(owner):
        # Locks whatever the verbs wait for: the roles of the organization, this role, and this person.
        UpdateRole(owner, role.pk, {"description": "Being looked at"}).execute()
        list(Membership.objects.filter(user=agency.viewer).select_for_update())
        if taken in TAKEN:
            TAKEN[taken](owner, leader).execute()
        finish = held_up(by(leader, *VERBS[verb](agency, role)))
    [outcome] = finish()
    if taken == "nothing":
        assert not isinstance(outcome, Exception), outcome
        return
    assert isinstance(outcome, AccessDenied), outcome
    assert role_of(agency, "viewer") == "org-viewer"
    with inside(agency.organization):
        assert Role.objects.get(pk=role.pk).description == "Being looked at"
        assert not Role.objects.filter(name="late").exists()


@pytest.mark.requirement("ASSIGN-5")
def test_bulk_assignments_in_opposite_orders_do_not_block_each_other(agency: Agency) -> None:
    names = [f"person{number}" for number in range(8)]
    for name in names:
        agency.people[name] = UserFactory()
        MembershipFactory(user=agency.people[name], organization=agency.organization, role=built_in("org-viewer"))
    ids = [agency.people[name].pk for name in names]
    owner, admin = agency.actor("owner"), agency.actor("admin")
    for _ in range(ROUNDS):
        outcomes = at_once(
            [
                by(owner, AssignMany, ids[:6], built_in("org-manager")),
                by(admin, AssignMany, ids[:1:-1], built_in("org-member")),
                by(owner, AssignMany, [*ids[4:], *ids[:4]], built_in("org-viewer")),
            ]
        )
        assert not failures(outcomes), failures(outcomes)
        held = [role_of(agency, name) for name in names]
        assert len(set(held[2:6])) == 1


@pytest.mark.requirement("ASSIGN-5")
def test_one_who_gives_a_role_after_somebody_else_did_gives_it(agency: Agency) -> None:
    owner, admin = agency.actor("owner"), agency.actor("admin")
    with acting(owner):
        AssignMany(owner, [agency.viewer.pk], built_in("org-manager")).execute()
        finish = held_up(by(admin, AssignMany, [agency.viewer.pk], built_in("org-member")))
    assert not failures(finish())
    assert role_of(agency, "viewer") == "org-member"


@pytest.mark.requirement("ASSIGN-4")
def test_one_who_would_demote_a_person_just_promoted_above_them_is_refused(agency: Agency) -> None:
    owner, admin = agency.actor("owner"), agency.actor("admin")
    with acting(owner):
        AssignMany(owner, [agency.viewer.pk], built_in("org-owner")).execute()
        finish = held_up(
            by(admin, AssignMany, [agency.viewer.pk], built_in("org-member")),
            by(admin, UnassignMany, [agency.viewer.pk]),
        )
    for refused in finish():
        assert isinstance(refused, AccessDenied), refused
        assert refused.denial.reason is Reason.OUTRANKED
    assert role_of(agency, "viewer") == "org-owner"


@pytest.mark.requirement("ASSIGN-4")
def test_of_two_owners_who_demote_each_other_one_stays_though_there_is_a_third(agency: Agency) -> None:
    for name in ("second", "third"):
        agency.people[name] = UserFactory()
        MembershipFactory(user=agency.people[name], organization=agency.organization, role=built_in("org-owner"))
    first, second = agency.actor("owner"), agency.actor("second")
    outcomes = at_once(
        [
            by(first, AssignMany, [agency.second.pk], built_in("org-viewer")),
            by(second, AssignMany, [agency.owner.pk], built_in("org-viewer")),
        ]
    )
    [refused] = failures(outcomes)
    assert isinstance(refused, AccessDenied), refused
    assert {role_of(agency, name) for name in ("owner", "second")} == {"org-owner", "org-viewer"}


@pytest.mark.requirement("ROLE-7")
def test_a_role_that_is_being_deactivated_is_not_given(agency: Agency) -> None:
    role, owner, admin = own_role(agency, "clients:read"), agency.actor("owner"), agency.actor("admin")
    with acting(owner):
        deactivate(owner, role.pk).execute()
        finish = held_up(by(admin, AssignMany, [agency.viewer.pk], role))
    [refused] = finish()
    assert isinstance(refused, ActionRefused), refused
    assert role_of(agency, "viewer") == "org-viewer"


@pytest.mark.requirement("ROLE-5")
@pytest.mark.requirement("ORG-3")
@pytest.mark.parametrize("first", ["delete", "accept"])
def test_an_invitation_accepted_while_its_role_is_replaced_gives_one_of_the_two(agency: Agency, first: str) -> None:
    role, owner, newcomer = own_role(agency, "clients:read", priority=1), agency.actor("owner"), UserFactory()
    with acting(owner):
        [invitation] = Invite(owner, [newcomer.email], role).execute()
        Invitation.objects.filter(pk=invitation.pk).update(token_digest=digest_of("link"))
    agency.people["newcomer"] = newcomer
    delete = by(owner, DeleteRole, role.pk, built_in("org-viewer"))
    accept: Call = AcceptInvitation(agency.slug, "link", newcomer).execute
    with transaction.atomic():
        (delete if first == "delete" else accept)()
        finish = held_up(accept if first == "delete" else delete)
    [outcome] = finish()
    assert not isinstance(outcome, Exception) or isinstance(outcome, ActionRefused | NotVisible), outcome
    with on_platform():
        stays = Role.objects.filter(pk=role.pk).exists()
    if first == "accept":
        assert role_of(agency, "newcomer") == (role.name if stays else "org-viewer")
    else:
        assert not stays
        accept() if isinstance(outcome, Exception) else None
        assert role_of(agency, "newcomer") == "org-viewer"


@pytest.mark.requirement("ROLE-5")
def test_one_at_work_whose_role_is_replaced_meanwhile_finishes_that_request(agency: Agency) -> None:
    role = own_role(agency, "clients:read", "team:read", priority=1)
    by(agency.actor("owner"), AssignMany, [agency.viewer.pk], role)()
    viewer = agency.actor("viewer")
    delete = by(agency.actor("owner"), DeleteRole, role.pk, built_in("org-member"))
    with acting(viewer):
        [outcome] = at_once([delete])
        assert outcome is None
        assert Membership.objects.filter(user=agency.viewer).exists()
    assert role_of(agency, "viewer") == "org-member"
