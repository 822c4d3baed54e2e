"""Legacy administrators work as what they were until they are mapped, and rank as that (ROLE-11)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.db import Error, IntegrityError, connection, transaction
from django.test import Client as Browser
from django.urls import reverse

from accounts.actions.users import BanUser, EndSessions, SendPasswordReset
from accounts.directory import places_of
from accounts.models import User
from roles import access
from roles.actions import AssignRole, RemoveMembership
from roles.actors import RoleActor, resolve
from roles.legacy import BUILT_IN, LegacyRole, standing_membership, standing_role
from roles.models import Membership, Role
from tenancy.actors import SystemActor
from tenancy.context import acting
from tenancy.errors import AccessDenied, Denial, Reason
from tests.accounts.legacy import actor_of, legacy_admin, legacy_changes, role_of, stored
from tests.environment import SUPERUSER
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, on_platform
from tests.isolation.rows import seen_by
from tests.world import Agency, make_staff

pytestmark = pytest.mark.requirement("ROLE-11")

ROLES = "/api/admin/roles/"
USER_KEYS = ("users:list", "users:read", "users:update", "users:ban", "users:reset-password")
ADMIN_KEYS = ("admins:read", "admins:update", "admins:reset-password", "admins:revoke-sessions")


def staff_with(*keys: str, priority: int) -> RoleActor:
    """Return the actor of a new person on the platform whose role holds exactly these permissions."""
    role = RoleFactory(scope="PLATFORM", reach=None, priority=priority, keys=keys)
    return actor_of(MembershipFactory(user=UserFactory(), organization=None, role=role).user)


def elsewhere(statement: str, *values: Any) -> None:
    """Run a statement as the server's superuser in another connection, and commit it."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ[SUPERUSER], dbname=name, autocommit=True) as other:
        assert other.execute(statement, values).rowcount > 0, "The statement found nothing to change."


def ban(actor: RoleActor, user: User) -> None:
    with acting(actor):
        BanUser(actor, user.pk, "because of a test").execute()


# Before an account is mapped


@pytest.mark.django_db
@pytest.mark.parametrize("legacy_role", LegacyRole)
def test_a_legacy_administrator_may_do_what_the_built_in_role_may(legacy_role: LegacyRole) -> None:
    actor, mapped = actor_of(legacy_admin(legacy_role)), actor_of(make_staff(BUILT_IN[legacy_role]))
    assert (actor.role_id, actor.role_name, actor.priority) == (mapped.role_id, mapped.role_name, mapped.priority)
    assert actor.permissions == mapped.permissions != frozenset()


@pytest.mark.django_db
def test_a_legacy_administrator_uses_console_and_api_and_a_plain_person_does_not(browse: Any, call: Any) -> None:
    legacy, plain = legacy_admin("ADMIN"), UserFactory()
    assert [browse(person).get("/admin/").status_code for person in (legacy, plain)] == [200, 404]
    assert [call(person).get(ROLES).status_code for person in (legacy, plain)] == [200, 404]


@pytest.mark.django_db
def test_an_analyst_of_old_is_refused_what_an_analyst_is_refused(call: Any) -> None:
    tokens = "/api/admin/tokens/"
    assert call(legacy_admin("SUPER_ADMIN")).get(tokens).status_code == 200
    assert call(legacy_admin("ANALYST")).get(tokens).status_code == call(make_staff("analyst")).get(tokens).status_code
    assert call(legacy_admin("ANALYST")).get(tokens).status_code == 403


@pytest.mark.django_db
def test_the_console_is_among_the_places_of_a_legacy_administrator(agency: Agency) -> None:
    legacy = legacy_admin("SUPPORT")
    MembershipFactory(user=legacy, organization=agency.organization, role=built_in("org-viewer"))
    assert [(place.slug, place.role) for place in places_of(legacy.pk)] == [
        ("", "Support agent"),
        ("larkmoor", "Viewer"),
    ]
    assert [place.slug for place in places_of(agency.viewer.pk)] == ["larkmoor"]


@pytest.mark.django_db
def test_a_legacy_role_opens_no_organization(agency: Agency) -> None:
    legacy = legacy_admin("SUPER_ADMIN")
    assert resolve(legacy.pk, slug=agency.slug) == Denial(Reason.NOT_A_MEMBER)
    assert isinstance(resolve(legacy.pk), RoleActor)


@pytest.mark.django_db
def test_a_banned_legacy_administrator_is_refused() -> None:
    legacy = legacy_admin("ADMIN")
    assert isinstance(resolve(legacy.pk), RoleActor)
    ban(actor_of(make_staff("super-admin")), legacy)
    assert resolve(legacy.pk) == Denial(Reason.BANNED)


@pytest.mark.requirement("PDP-6")
@pytest.mark.parametrize(("legacy_role", "status"), [("", 404), ("ANALYST", 403)])
def test_a_legacy_role_taken_away_by_another_process_is_refused_at_the_next_request(
    committed_db: str, call: Any, legacy_role: str, status: int
) -> None:
    legacy, tokens = legacy_admin("SUPER_ADMIN"), "/api/admin/tokens/"
    caller = call(legacy)
    assert [caller.get(tokens).status_code for _ in range(2)] == [200, 200]
    elsewhere("UPDATE accounts_user SET legacy_role = %s WHERE id = %s", legacy_role, legacy.pk)
    assert caller.get(tokens).status_code == status


# Once there is a membership


@pytest.mark.django_db
@pytest.mark.parametrize("active", [True, False])
def test_a_membership_wins_whether_its_role_is_active_or_not(active: bool) -> None:
    legacy = legacy_admin("SUPER_ADMIN")
    role = RoleFactory(scope="PLATFORM", reach=None, keys=("roles:list",), is_active=active)
    with on_platform():
        Membership.objects.bulk_create([Membership(user=legacy, role=role)])
    told = resolve(legacy.pk)
    assert (told.role_id == role.pk) if isinstance(told, RoleActor) else (told == Denial(Reason.ROLE_INACTIVE))
    assert isinstance(told, RoleActor) is active


@pytest.mark.django_db
def test_a_legacy_role_never_comes_back_with_a_membership_removed() -> None:
    admin = actor_of(make_staff("super-admin"))
    legacy = legacy_admin("ADMIN")
    with on_platform():
        membership = Membership.objects.create(user=legacy, role=built_in("analyst"))
        User.objects.filter(pk=legacy.pk).update(legacy_role="SUPER_ADMIN")
    assert actor_of(legacy).role_name == "analyst"
    with acting(admin):
        RemoveMembership(admin, membership).execute()
    assert resolve(legacy.pk) == Denial(Reason.NOT_A_MEMBER)
    assert stored(legacy).legacy_role == ""


@pytest.mark.django_db
def test_a_membership_of_an_organization_leaves_a_legacy_role_alone(agency: Agency) -> None:
    legacy = legacy_admin("ADMIN")
    MembershipFactory(user=legacy, organization=agency.organization, role=built_in("org-viewer"))
    assert actor_of(legacy).role_name == "platform-admin"


# Who may write it (threat 2)


@pytest.mark.django_db
@pytest.mark.parametrize("change", ["SET legacy_role = 'SUPER_ADMIN'", "SET legacy_role = ''"])
def test_only_the_platform_writes_a_legacy_role(agency: Agency, change: str) -> None:
    legacy = legacy_admin("ANALYST")
    statement = f"UPDATE accounts_user {change} WHERE id = %s"
    with seen_by(SystemActor("test")) as cursor:
        cursor.execute(statement, [legacy.pk])
        assert cursor.rowcount == 1
    with seen_by(None) as cursor:
        cursor.execute("UPDATE accounts_user SET name = 'Renamed' WHERE id = %s", [legacy.pk])
        assert cursor.rowcount == 1
        with pytest.raises(Error, match="Only the platform changes the legacy role"):
            cursor.execute(statement, [legacy.pk])


@pytest.mark.django_db
def test_an_account_made_outside_of_the_platform_has_no_legacy_role() -> None:
    insert = "INSERT INTO accounts_user (id, email, name, password, is_active, is_superuser, is_service, created_at"
    values = "VALUES (gen_random_uuid(), %s, '', '', true, false, false, now()"
    with seen_by(None) as cursor:
        cursor.execute(f"{insert}) {values})", ["plain@people.example"])
        with pytest.raises(Error, match="Only the platform changes the legacy role"):
            cursor.execute(f"{insert}, legacy_role) {values}, 'ADMIN')", ["admin@people.example"])


@pytest.mark.django_db
@pytest.mark.parametrize("fields", [{"legacy_role": "OWNER"}, {"legacy_role": "ADMIN", "is_service": True}])
def test_the_database_knows_the_four_legacy_roles_and_gives_none_to_a_service_account(fields: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="accounts_user_legacy_role_is_known"), transaction.atomic():
        UserFactory(**fields)


@pytest.mark.django_db
def test_no_page_of_the_console_writes_a_legacy_role(browse: Callable[[Any], Browser]) -> None:
    analyst, browser = legacy_admin("ANALYST"), browse(make_staff("super-admin"))
    page = reverse("admin:accounts_user_change", args=(analyst.pk,))
    assert b"legacy_role" not in browser.get(page).content
    browser.post(page, {"name": "Renamed", "email": analyst.email, "legacy_role": "SUPER_ADMIN"})
    assert stored(analyst).legacy_role == "ANALYST"


# Rank: a legacy administrator counts as staff of the role (threats 2 and 4)


@pytest.mark.django_db
@pytest.mark.requirement("ASSIGN-4")
@pytest.mark.parametrize("action", [BanUser, SendPasswordReset, EndSessions])
def test_nobody_acts_on_a_legacy_administrator_above_them(action: Any) -> None:
    legacy = legacy_admin("ADMIN")  # priority 80
    below, beside = (staff_with(*USER_KEYS, *ADMIN_KEYS, priority=priority) for priority in (79, 80))
    reason = {"reason": "because of a test"} if action is BanUser else {}
    with pytest.raises(AccessDenied) as refused, acting(below):
        action(below, legacy.pk, **reason).execute()
    assert refused.value.denial.reason is Reason.OUTRANKED
    with acting(beside):
        assert action(beside, legacy.pk, **reason).execute() == legacy


@pytest.mark.django_db
def test_acting_on_a_legacy_administrator_takes_the_permissions_for_staff() -> None:
    legacy, plain = legacy_admin("ANALYST"), UserFactory()
    without = staff_with(*USER_KEYS, "admins:read", priority=90)
    with acting(without):
        SendPasswordReset(without, plain.pk).execute()
    with pytest.raises(AccessDenied) as refused, acting(without):
        SendPasswordReset(without, legacy.pk).execute()
    assert refused.value.denial.key == "admins:reset-password"


@pytest.mark.django_db
@pytest.mark.requirement("ASSIGN-4")
def test_a_platform_admin_cannot_ban_a_legacy_super_admin_in_the_console(browse: Callable[[Any], Browser]) -> None:
    make_staff("super-admin")
    legacy, plain, page = legacy_admin("SUPER_ADMIN"), UserFactory(), reverse("admin:accounts_user_ban")
    browser = browse(make_staff("platform-admin"))
    answers = [browser.post(page, {"pk": [str(person.pk)], "reason": "test"}) for person in (plain, legacy)]
    assert [answer.status_code for answer in answers] == [302, 403]
    assert [stored(person).is_active for person in (plain, legacy)] == [False, True]


@pytest.mark.django_db
@pytest.mark.requirement("ASSIGN-4")
def test_a_legacy_super_admin_does_not_count_as_the_one_who_is_left() -> None:
    mapped, legacy = make_staff("super-admin"), legacy_admin("SUPER_ADMIN")
    actor = actor_of(legacy)
    with pytest.raises(AccessDenied) as refused, acting(actor):
        BanUser(actor, mapped.pk, "because of a test").execute()
    assert refused.value.denial.reason is Reason.LAST_OF_ITS_KIND
    MembershipFactory(user=UserFactory(), organization=None, role=built_in("super-admin"))
    ban(actor, mapped)
    assert not stored(mapped).is_active


@pytest.mark.django_db
@pytest.mark.requirement("ASSIGN-4")
def test_a_legacy_super_admin_is_banned_only_while_there_is_a_mapped_one() -> None:
    legacy, other = legacy_admin("SUPER_ADMIN"), legacy_admin("SUPER_ADMIN")
    actor = actor_of(other)
    with pytest.raises(AccessDenied) as refused, acting(actor):
        BanUser(actor, legacy.pk, "because of a test").execute()
    assert refused.value.denial.reason is Reason.LAST_OF_ITS_KIND
    make_staff("super-admin")
    ban(actor, legacy)
    assert not stored(legacy).is_active


@pytest.mark.django_db
@pytest.mark.requirement("ASSIGN-2")
def test_a_legacy_administrator_assigns_up_to_their_own_rank(browse: Callable[[Any], Browser]) -> None:
    browser, person = browse(legacy_admin("ADMIN")), UserFactory()

    def assign(role: str) -> int:
        fields = {"user": str(person.pk), "role": str(built_in(role).pk)}
        return browser.post(reverse("admin:roles_membership_add"), fields).status_code

    assert assign("super-admin") != 302
    assert role_of(person.email) is None
    assert assign("analyst") == 302
    assert role_of(person.email) == "analyst"


def assign_as(actor: RoleActor, user: User, role: str) -> None:
    with acting(actor):
        AssignRole(actor, user, Role.objects.get(name=role, is_system=True)).execute()


@pytest.mark.django_db
@pytest.mark.requirement("ASSIGN-3")
def test_a_legacy_administrator_does_not_map_themselves() -> None:
    legacy, other = legacy_admin("ADMIN"), legacy_admin("ADMIN")
    with pytest.raises(AccessDenied) as refused:
        assign_as(actor_of(legacy), legacy, "platform-admin")
    assert refused.value.denial.reason is Reason.SELF
    assign_as(actor_of(legacy), other, "platform-admin")
    assert role_of(other.email) == "platform-admin"


@pytest.mark.django_db
@pytest.mark.requirement("ASSIGN-4")
def test_nobody_gives_another_role_to_a_legacy_administrator_above_them() -> None:
    legacy = legacy_admin("SUPER_ADMIN")
    with pytest.raises(AccessDenied) as refused:
        assign_as(actor_of(make_staff("platform-admin")), legacy, "analyst")
    assert refused.value.denial.reason is Reason.OUTRANKED
    assign_as(actor_of(make_staff("super-admin")), legacy, "analyst")
    assert role_of(legacy.email) == "analyst"


@pytest.mark.django_db
@pytest.mark.requirement("AUD-2")
def test_a_role_assigned_in_place_of_a_legacy_role_leaves_its_history() -> None:
    legacy = legacy_admin("ADMIN")
    assign_as(actor_of(make_staff("super-admin")), legacy, "analyst")
    assert stored(legacy).legacy_role == ""
    assert legacy_changes(legacy) == [["ADMIN", ""]]


@pytest.mark.django_db
def test_what_stands_in_for_a_membership_is_held_to_the_rules_of_one() -> None:
    legacy, plain = legacy_admin("SUPPORT"), UserFactory()
    actor = actor_of(make_staff("analyst"))
    with on_platform():
        standing = standing_membership(legacy.pk)
        assert standing is not None
        assert (standing.pk, standing.user, standing.role.name) == (legacy.pk, legacy, "support-agent")
        assert (standing_role(plain.pk), standing_membership(plain.pk)) == (None, None)
        with pytest.raises(AccessDenied):
            access.require_may_act_on(actor, standing, access.ASSIGN_PLATFORM)
