"""Roles on the platform are assigned, changed and removed in the console under the rules of every assignment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from audit.models import AccessRecord, ModelChange
from roles.models import Membership, Role
from tests.factories import RoleFactory, UserFactory, built_in, on_platform
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.requirement("ADM-1"), pytest.mark.requirement("ASSIGN-2")]

ADD = "admin:roles_membership_add"


def role_of(user: User) -> str | None:
    with on_platform():
        held = Membership.objects.filter(user=user, organization=None).select_related("role").first()
    return held.role.name if held else None


def assign(browser: Browser, user: User, role: Role) -> int:
    return browser.post(reverse(ADD), {"user": str(user.pk), "role": str(role.pk)}).status_code


def change(browser: Browser, user: User, role: Role) -> int:
    with on_platform():
        held = Membership.objects.get(user=user, organization=None)
    return browser.post(reverse("admin:roles_membership_change", args=(held.pk,)), {"role": str(role.pk)}).status_code


def remove(browser: Browser, membership: Membership) -> int:
    return browser.post(reverse("admin:roles_membership_remove"), {"pk": str(membership.pk)}).status_code


def membership_of(user: User) -> Membership:
    with on_platform():
        return Membership.objects.get(user=user)


def test_a_role_is_assigned_changed_and_removed(console: Callable[[str], Browser]) -> None:
    person, browser = UserFactory(), console("platform-admin")

    assert assign(browser, person, built_in("analyst")) == 302
    assert role_of(person) == "analyst"
    assert change(browser, person, built_in("support-agent")) == 302
    assert role_of(person) == "support-agent"
    assert remove(browser, membership_of(person)) == 302
    assert role_of(person) is None


@pytest.mark.requirement("AUD-2")
def test_an_assignment_leaves_its_record_and_its_history(browse: Callable[[Any], Browser], db: None) -> None:
    manager, person = make_staff("platform-admin"), UserFactory()

    assign(browse(manager), person, built_in("analyst"))

    held = membership_of(person)
    with on_platform():
        assert AccessRecord.objects.get(operation="assign_role").resource_id == str(held.pk)
        change = ModelChange.objects.get(object_pk=str(held.pk))
    assert (change.actor_id, change.interface, change.action) == (manager.pk, "console", ModelChange.Action.CREATE)


def test_only_roles_within_the_ceiling_are_offered_and_taken(console: Callable[[str], Browser]) -> None:
    stronger = RoleFactory(scope="PLATFORM", reach=None, priority=10, keys=("billing:refunds",))
    person, browser = UserFactory(), console("platform-admin")

    field = browser.get(reverse(ADD)).context["adminform"].form.fields["role"]
    with on_platform():
        offered = {role.name for role in field.queryset}

    assert {"platform-admin", "support-agent", "analyst"} <= offered
    assert not {"super-admin", stronger.name, "org-viewer"} & offered
    assert [assign(browser, person, role) for role in (built_in("super-admin"), stronger)] == [200, 200]
    assert role_of(person) is None
    assert assign(browser, person, built_in("analyst")) == 302


@pytest.mark.requirement("ASSIGN-4")
def test_someone_above_is_neither_changed_nor_removed(console: Callable[[str], Browser]) -> None:
    boss, peer = make_staff("super-admin"), make_staff("support-agent")
    browser = console("platform-admin")

    assert change(browser, boss, built_in("analyst")) == 403
    assert remove(browser, membership_of(boss)) == 403
    assert change(browser, peer, built_in("analyst")) == 302
    assert role_of(boss) == "super-admin"


@pytest.mark.requirement("ASSIGN-3")
def test_nobody_changes_or_removes_their_own(browse: Callable[[Any], Browser], db: None) -> None:
    me, peer = make_staff("platform-admin"), make_staff("analyst")
    browser = browse(me)

    assert change(browser, me, built_in("analyst")) == 403
    assert remove(browser, membership_of(me)) == 403
    assert remove(browser, membership_of(peer)) == 302


def test_memberships_of_organizations_are_to_read(agency: Agency, console: Callable[[str], Browser]) -> None:
    browser, analyst = console("super-admin"), make_staff("analyst")
    theirs = membership_of(agency.viewer)
    page = reverse("admin:roles_membership_change", args=(theirs.pk,))

    assert browser.get(page).status_code == 200
    assert browser.post(page, {"role": str(built_in("org-owner").pk)}).status_code == 403
    assert remove(browser, theirs) == 403
    assert membership_of(agency.viewer).role_id == theirs.role_id
    assert remove(browser, membership_of(analyst)) == 302


def test_a_person_with_a_role_is_not_given_another_by_adding(console: Callable[[str], Browser]) -> None:
    analyst, browser = make_staff("analyst"), console("super-admin")

    assert assign(browser, analyst, built_in("support-agent")) == 200
    assert role_of(analyst) == "analyst"
    assert assign(browser, UserFactory(), built_in("support-agent")) == 302


def test_a_person_whom_the_role_may_not_see_cannot_be_named(
    staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    keys = ("roles:list", "roles:assign")
    light = RoleFactory(scope="PLATFORM", reach=None, priority=10, keys=("roles:list",))
    person = UserFactory()

    assert assign(browse(staff_with(*keys)), person, light) == 200
    assert role_of(person) is None
    assert assign(browse(staff_with(*keys, "users:read")), person, light) == 302
