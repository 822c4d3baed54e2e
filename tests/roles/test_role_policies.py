"""Which roles, memberships, permissions and events each actor may touch, and the rules that ask the database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from roles import access, catalogue
from roles.actions import UpdateRole
from roles.actors import RoleActor, resolve
from roles.family import read_family
from roles.models import Membership, Permission, Role
from tenancy.actors import Scope, Stranger, SystemActor
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, NotVisible, Reason
from tenancy.policies import Verb
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, inside, on_platform
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ROLE-4")]


def staff(name: str = "super-admin") -> RoleActor:
    actor = resolve(make_staff(name).pk)
    assert isinstance(actor, RoleActor)
    return actor


def custom(agency: Agency | None, name: str, *keys: str, **traits: Any) -> Role:
    organization = agency.organization if agency else None
    made: Role = RoleFactory(organization=organization, name=name, keys=keys, **{"reach": "assigned", **traits})
    return made


def hire(agency: Agency, role: Role) -> RoleActor:
    user = UserFactory()
    MembershipFactory(user=user, organization=agency.organization, role=role)
    actor = resolve(user.pk, organization_id=agency.organization.pk)
    assert isinstance(actor, RoleActor)
    return actor


def refused(work: Any, *arguments: Any) -> Reason:
    """Return the reason of a refusal, which names the permission that was asked for."""
    with pytest.raises(AccessDenied) as denied:
        work(*arguments)
    assert denied.value.denial.key in catalogue.entries()
    return denied.value.denial.reason


class TestRows:
    def test_an_organization_sees_its_own_and_shared_roles_and_changes_its_own(
        self, agency: Agency, other_agency: Agency
    ) -> None:
        own, shared, theirs = custom(agency, "own"), custom(None, "shared"), custom(other_agency, "theirs")
        owner = agency.actor("owner")
        with acting(owner):
            for verb in (Verb.VIEW, Verb.ADD):
                seen = set(access.roles_policy(owner).rows(owner, verb))
                assert {own, shared, built_in("org-owner")} <= seen
                assert not {theirs, built_in("super-admin")} & seen
            for verb in (Verb.CHANGE, Verb.DELETE):
                assert set(access.roles_policy(owner).rows(owner, verb)) == {own}

    def test_the_platform_sees_all_roles_and_changes_the_custom_ones(self, agency: Agency) -> None:
        own, shared = custom(agency, "own"), custom(None, "shared")
        by = staff()
        with acting(by):
            assert {own, shared, built_in("org-owner")} <= set(access.role_policy.visible(by))
            assert set(access.role_policy.visible(by, Verb.CHANGE)) == {own, shared}

    def test_what_guards_the_console_opens_nothing_to_an_organization(self, agency: Agency) -> None:
        owner = agency.actor("owner")
        with acting(owner):
            assert not access.role_policy.rows(owner, Verb.VIEW).exists()
            assert not access.role_list_policy.rows(owner, Verb.VIEW).exists()

    def test_memberships_are_the_organizations_own(self, agency: Agency, other_agency: Agency) -> None:
        owner = agency.actor("owner")
        with acting(owner):
            for verb in Verb:
                found = access.memberships_policy(owner).rows(owner, verb)
                assert {one.user_id for one in found} == {user.pk for user in agency.people.values()}

    def test_the_platform_sees_all_memberships_and_changes_its_own(self, agency: Agency) -> None:
        by = staff()
        with acting(by):
            assert access.membership_policy.visible(by).filter(organization=agency.organization).count() == 5
            for verb in (Verb.ADD, Verb.CHANGE, Verb.DELETE):
                assert [one.user_id for one in access.membership_policy.visible(by, verb)] == [by.user_id]

    def test_an_organization_sees_the_permissions_of_its_scope(self, agency: Agency) -> None:
        owner, by = agency.actor("owner"), staff()
        with acting(owner):
            seen = access.permissions_policy(owner).visible(owner).values_list("key", flat=True)
            assert set(seen) == set(catalogue.keys_of(Scope.TENANT))
        with acting(by):
            assert access.permissions_policy(by).visible(by).count() == Permission.objects.count()


class TestHistory:
    @pytest.fixture
    def changed(self, agency: Agency) -> Role:
        role, owner = custom(agency, "desk", "clients:read"), agency.actor("owner")
        with acting(owner):
            UpdateRole(owner, role.pk, {"description": "Answers the phone."}).execute()
        return role

    def test_it_is_shown_in_its_organization_and_on_the_platform(self, agency: Agency, changed: Role) -> None:
        other, shared = custom(agency, "other"), custom(None, "shared")
        for by in (agency.actor("owner"), staff()):
            with acting(by):
                assert access.role_history(by, changed.pk).count() == 1
                assert access.require_history(by, changed.pk).count() == 1
                assert not access.require_history(by, other.pk).exists()
                assert not access.require_history(by, shared.pk).exists()

    def test_it_is_not_shown_elsewhere(self, agency: Agency, other_agency: Agency, changed: Role) -> None:
        stranger = other_agency.actor("owner")
        with acting(stranger):
            assert not access.role_history(stranger, changed.pk).exists()
            with pytest.raises(NotVisible) as missing:
                access.require_history(stranger, changed.pk)
        told = missing.value.denial
        assert (told.reason, told.key) == (Reason.OUT_OF_REACH, "org:audit:read")
        assert (told.resource_type, told.resource_id) == ("roles.role", str(changed.pk))

    def test_that_of_a_deleted_role_stays(self, agency: Agency, changed: Role) -> None:
        with inside(agency.organization):
            changed.grants.all().delete()
            Role.objects.filter(pk=changed.pk).delete()
        owner = agency.actor("owner")
        with acting(owner):
            assert access.require_history(owner, changed.pk).exists()

    def test_it_takes_a_permission(self, agency: Agency, changed: Role) -> None:
        member = agency.actor("member")
        with acting(member):
            assert not access.role_history(member, changed.pk).exists()
            assert refused(access.require_history, member, changed.pk) is Reason.MISSING_PERMISSION


class TestWhichRolesOneHolds:
    def test_those_of_the_person_are_found(self, agency: Agency) -> None:
        owner = agency.actor("owner")
        with acting(owner):
            assert access.held_role_ids(owner) == {built_in("org-owner").pk}
            assert access.held_role_ids(SystemActor("test", agency.organization.pk)) == frozenset()
            assert access.held_role_ids(Stranger(None, "nobody")) == frozenset()


class TestChangingRoles:
    def test_the_buttons_of_a_list_are_as_the_rules_say(self, agency: Agency) -> None:
        lead = custom(agency, "lead", "team:roles:assign", "team:read")
        heir = custom(agency, "heir", parent=lead)
        fine, above = custom(agency, "fine", "team:read"), custom(agency, "above", "clients:read")
        asked = [lead, heir, fine, above, built_in("org-viewer")]
        by = hire(agency, heir)
        with acting(by):
            denials = access.edit_denials(by, iter(asked))
        assert {role.name: denial and denial.reason for role in asked for denial in [denials[role.pk]]} == {
            "lead": Reason.OWN_ROLE,
            "heir": Reason.OWN_ROLE,
            "fine": None,
            "above": Reason.ABOVE_CEILING,
            "org-viewer": Reason.BUILT_IN,
        }

    def test_what_is_above_and_below_a_role_counts_without_being_asked_about(self, agency: Agency) -> None:
        lead = custom(agency, "lead", "team:roles:assign", "team:read")
        heir, above = custom(agency, "heir", parent=lead), custom(agency, "above", "clients:read")
        high = custom(agency, "high", "team:read", parent=above)
        by = hire(agency, heir)
        with acting(by):
            for role, expected in ((lead, Reason.OWN_ROLE), (high, Reason.ABOVE_CEILING)):
                denial = access.edit_denials(by, [role])[role.pk]
                assert denial is not None and denial.reason is expected

    def test_deleting_goes_by_its_own_permission(self) -> None:
        role = custom(None, "plain")
        for keys, verb in ((("roles:update",), Verb.CHANGE), (("roles:delete",), Verb.DELETE)):
            holder = RoleFactory(scope="PLATFORM", reach=None, keys=keys)
            user = UserFactory()
            MembershipFactory(user=user, organization=None, role=holder)
            by = resolve(user.pk)
            assert isinstance(by, RoleActor)
            other = Verb.DELETE if verb is Verb.CHANGE else Verb.CHANGE
            with acting(by):
                assert access.edit_denials(by, [role], verb)[role.pk] is None
                denied = access.edit_denials(by, [role], other)[role.pk]
                assert denied is not None and denied.reason is Reason.MISSING_PERMISSION
                family = read_family(above=[role.pk])
                if verb is Verb.DELETE:
                    access.require_may_delete(by, role, family)
                else:
                    assert refused(access.require_may_delete, by, role, family) is Reason.MISSING_PERMISSION

    def test_one_does_not_delete_the_role_one_holds(self, agency: Agency) -> None:
        lead = custom(agency, "lead", "team:roles:assign")
        by = hire(agency, lead)
        with acting(by):
            assert refused(access.require_may_delete, by, lead, read_family(above=[lead.pk])) is Reason.OWN_ROLE


@pytest.mark.requirement("ASSIGN-2")
class TestMakingRoles:
    def test_one_makes_roles_within_ones_ceiling(self, agency: Agency) -> None:
        fine, above = custom(agency, "fine", "team:read"), custom(agency, "above", "clients:read")
        by = hire(agency, custom(agency, "lead", "team:roles:assign", "team:read"))
        with acting(by):
            access.require_may_create(by, fine.pk, read_family(above=[fine.pk]))
            family = read_family(above=[above.pk])
            assert refused(access.require_may_create, by, above.pk, family) is Reason.ABOVE_CEILING

    def test_it_takes_the_permission_to(self, agency: Agency) -> None:
        fine, by = custom(agency, "fine"), agency.actor("manager")
        with acting(by):
            family = read_family(above=[fine.pk])
            assert refused(access.require_may_create, by, fine.pk, family) is Reason.MISSING_PERMISSION

    def test_nobody_does_it_for_another(self, agency: Agency) -> None:
        fine, owner = custom(agency, "fine"), agency.actor("owner")
        by = replace(owner, on_behalf_of_id=uuid4())
        with acting(owner):
            family = read_family(above=[fine.pk])
            access.require_may_create(owner, fine.pk, family)
            assert refused(access.require_may_create, by, fine.pk, family) is Reason.IMPERSONATING


@pytest.mark.requirement("ASSIGN-2")
class TestEditing:
    """The leader holds team:read and team:roles:assign; `base` has the heir `high`, which holds more."""

    @pytest.fixture
    def leader(self, agency: Agency) -> RoleActor:
        return hire(agency, custom(agency, "lead", "team:roles:assign", "team:read"))

    def edit(self, by: RoleActor, role: Role, **changes: Any) -> Reason | None:
        """Return why the role may not be changed so, or None."""
        with acting(by):
            before = read_family(above=[role.pk], below=[role.pk])
            after = before.with_role(before.members[role.pk]._replace(**changes))
            try:
                access.require_may_change(by, role, before, after)
            except AccessDenied as denied:
                assert denied.denial.key == "team:roles:assign"
                return denied.denial.reason
        return None

    def test_a_role_within_the_ceiling_stays_within_it(self, agency: Agency, leader: RoleActor) -> None:
        role = custom(agency, "plain", "team:read")
        assert self.edit(leader, role, own=frozenset()) is None
        assert self.edit(leader, role, priority=50) is None
        assert self.edit(leader, role, priority=51) is Reason.ABOVE_CEILING
        assert self.edit(leader, role, own=frozenset({"clients:read"})) is Reason.ABOVE_CEILING

    def test_a_role_above_the_ceiling_is_not_brought_below_it(self, agency: Agency, leader: RoleActor) -> None:
        role = custom(agency, "above", "clients:read")
        assert self.edit(leader, role, own=frozenset()) is Reason.ABOVE_CEILING

    def test_what_is_passed_on_to_an_heir_above_the_ceiling_is_not_changed(
        self, agency: Agency, leader: RoleActor
    ) -> None:
        base, ground = custom(agency, "base"), custom(agency, "ground")
        custom(agency, "high", "clients:read", parent=base)
        assert self.edit(leader, base, own=frozenset({"team:read"})) is Reason.ABOVE_CEILING
        assert self.edit(leader, base, is_active=False) is Reason.ABOVE_CEILING
        assert self.edit(leader, base, parent_id=ground.pk) is Reason.ABOVE_CEILING

    def test_what_is_not_passed_on_is_changed_whatever_the_heirs_hold(self, agency: Agency, leader: RoleActor) -> None:
        base = custom(agency, "base")
        custom(agency, "high", "clients:read", parent=base)
        assert self.edit(leader, base, display_name="Ground floor") is None

    def test_ones_own_role_is_not_changed(self, agency: Agency, leader: RoleActor) -> None:
        with acting(leader):
            own = Role.objects.get(pk=leader.role_id)
        assert self.edit(leader, own, own=frozenset()) is Reason.OWN_ROLE

    def test_it_takes_the_permission_to(self, agency: Agency) -> None:
        role = custom(agency, "plain")
        assert self.edit(agency.actor("manager"), role, priority=1) is Reason.MISSING_PERMISSION


@pytest.mark.requirement("ASSIGN-2")
class TestGivingRoles:
    def test_an_active_role_within_the_ceiling_is_given(self, agency: Agency) -> None:
        by = hire(agency, custom(agency, "lead", "team:roles:assign", "team:read"))
        fine, above = custom(agency, "fine", "team:read"), custom(agency, "above", "clients:read")
        with acting(by):
            access.require_assignable(by, fine)
            assert refused(access.require_assignable, by, above) is Reason.ABOVE_CEILING
            denials = access.assignment_denials(by, [fine, above])
        assert denials[fine.pk] is None
        high = denials[above.pk]
        assert high is not None and (high.reason, high.key) == (Reason.ABOVE_CEILING, "team:roles:assign")

    def test_it_takes_the_permission(self, agency: Agency) -> None:
        fine, by = custom(agency, "fine"), agency.actor("manager")
        with acting(by):
            assert refused(access.require_assignable, by, fine) is Reason.MISSING_PERMISSION
            denial = access.assignment_denials(by, [fine])[fine.pk]
            assert denial is not None and denial.reason is Reason.MISSING_PERMISSION

    @pytest.mark.parametrize("is_active", [True, False])
    def test_a_shared_role_is_given_and_one_of_another_organization_is_not(
        self, agency: Agency, other_agency: Agency, is_active: bool
    ) -> None:
        owner, theirs = agency.actor("owner"), custom(other_agency, "theirs", is_active=is_active)
        with acting(owner):
            access.require_assignable(owner, built_in("org-viewer"))
            access.require_assignable(owner, custom(agency, "own"))
            with pytest.raises(AccessDenied) as denied:
                access.require_assignable(owner, theirs)
        told = denied.value.denial
        assert (told.reason, told.key) == (Reason.OUT_OF_REACH, "team:roles:assign")
        assert (told.resource_type, told.resource_id) == ("roles.role", str(theirs.pk))
        assert told.sentence == "There is no such role."

    def test_staff_give_the_roles_of_organizations_too(self, agency: Agency) -> None:
        by, role = staff(), custom(agency, "own", "clients:read")
        with acting(by):
            access.require_assignable(by, role)

    def test_an_inactive_role_is_not_given(self, agency: Agency) -> None:
        owner = agency.actor("owner")
        with acting(owner), pytest.raises(ActionRefused, match="is inactive: reactivate it first"):
            access.require_assignable(owner, custom(agency, "asleep", is_active=False))

    def test_nobody_gives_one_for_another(self, agency: Agency) -> None:
        owner = agency.actor("owner")
        with acting(owner):
            by = replace(owner, on_behalf_of_id=uuid4())
            assert refused(access.require_assignable, by, built_in("org-viewer")) is Reason.IMPERSONATING

    def test_the_ceiling_is_asked_under_the_key_of_assigning(self, agency: Agency) -> None:
        by = hire(agency, custom(agency, "lead", "team:roles:assign"))
        above = custom(agency, "above", "clients:read")
        with acting(by), pytest.raises(AccessDenied) as denied:
            access.require_within_ceiling(by, above)
        assert (denied.value.denial.key, denied.value.denial.resource_id) == ("team:roles:assign", str(above.pk))


@pytest.mark.requirement("ASSIGN-2")
class TestReachingIntoAnOrganization:
    """Staff who assign roles, and hold no permission of organizations: they could not give back what they take."""

    @pytest.fixture
    def clerk(self) -> RoleActor:
        user = UserFactory()
        role = RoleFactory(scope="PLATFORM", reach=None, keys=("roles:assign",), priority=100)
        MembershipFactory(user=user, organization=None, role=role)
        actor = resolve(user.pk)
        assert isinstance(actor, RoleActor)
        return actor

    def memberships(self, agency: Agency, *people: str) -> list[Membership]:
        with inside(agency.organization):
            return list(Membership.objects.filter(user__in=[agency.people[name] for name in people]))

    def test_what_they_could_give_back_they_take(self, agency: Agency) -> None:
        by = staff()
        with acting(by):
            held = self.memberships(agency, "owner", "viewer")
            access.require_may_reach_into(by, agency.organization.pk, held, "users:ban")

    def test_what_they_could_not_give_back_they_do_not_take(self, agency: Agency, clerk: RoleActor) -> None:
        with acting(clerk), pytest.raises(AccessDenied) as denied:
            held = self.memberships(agency, "viewer")
            access.require_may_reach_into(clerk, agency.organization.pk, held, "users:ban")
        assert (denied.value.denial.reason, denied.value.denial.key) == (Reason.ABOVE_CEILING, "users:ban")

    def test_their_own_place_and_peoples_own_organization_are_no_matter(self, agency: Agency, clerk: RoleActor) -> None:
        held, manager = self.memberships(agency, "owner"), agency.actor("manager")
        with acting(clerk):
            access.require_may_reach_into(clerk, None, held, "users:ban")
        with acting(manager):
            access.require_may_reach_into(manager, agency.organization.pk, held, "team:remove")

    def test_of_several_roles_the_first_by_id_is_named(self, agency: Agency, clerk: RoleActor) -> None:
        roles = [custom(agency, name, "clients:read") for name in ("one", "two", "three")]
        held = [Membership(role=role) for role in roles]
        with acting(clerk), pytest.raises(AccessDenied) as denied:
            access.require_may_reach_into(clerk, agency.organization.pk, held, "users:ban")
        assert denied.value.denial.resource_id == min(str(role.pk) for role in roles)


def test_the_actor_of_the_installation_is_held_back_by_no_ceiling(agency: Agency) -> None:
    with on_platform() as entered:
        access.require_within_ceiling(entered.actor, built_in("super-admin"))
