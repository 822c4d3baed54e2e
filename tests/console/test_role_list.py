"""The list of roles: its tabs, columns, filters and what can be done from it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from roles.models import Role, RoleUse
from tests.console.role_pages import address, exists, stored
from tests.factories import MembershipFactory, OrganizationFactory, RoleFactory, UserFactory, built_in, on_platform
from tests.world import Agency, make_staff

pytestmark = pytest.mark.requirement("ADM-2")

LIST = "/admin/roles/role/"


def rows(browser: Browser, **query: str) -> dict[str, Any]:
    """Return the rows shown, by the slug of their role."""
    return {row["slug"]: row for row in browser.get(LIST, query).context["cl"].rows}


@pytest.mark.requirement("ROLE-2")
def test_roles_are_found_by_words_and_filtered(agency: Agency, console: Callable[[str], Browser]) -> None:
    browser = console("super-admin")
    RoleFactory(organization=agency.organization, name="planner", display_name="Planner", description="Plans weeks.")
    RoleFactory(organization=agency.organization, name="sleeper", display_name="Sleeper", is_active=False)
    RoleFactory(scope="PLATFORM", reach=None, name="watcher", display_name="Watcher")

    assert set(rows(browser, q="weeks")) == {"planner"}
    assert set(rows(browser, is_system__exact="0")) == {"planner", "sleeper", "watcher"}
    assert set(rows(browser, is_active__exact="0")) == {"sleeper"}
    assert set(rows(browser, organization=str(agency.organization.pk))) == {"planner", "sleeper"}
    assert set(rows(browser, scope__exact="PLATFORM", is_system__exact="0")) == {"watcher"}


@pytest.mark.requirement("ROLE-2")
def test_the_form_of_filters_may_leave_fields_empty(agency: Agency, console: Callable[[str], Browser]) -> None:
    browser = console("super-admin")
    RoleFactory(organization=agency.organization, name="planner")
    fields = {field["name"]: field["value"] for field in browser.get(LIST).context["fields"]} | {"q": ""}
    assert set(fields.values()) == {""}

    sent = {**fields, "organization": str(agency.organization.pk), "scope__exact": "TENANT"}
    assert set(rows(browser, **sent)) == {"planner"}


@pytest.mark.requirement("ROLE-2")
def test_roles_are_sorted_by_a_column(agency: Agency, console: Callable[[str], Browser]) -> None:
    browser = console("super-admin")
    page = browser.get(LIST)
    by_people = next(header["url_primary"] for header in page.context["headers"] if header["text"] == "people")
    for name, people in (("crowd", 3), ("pair", 2)):
        role = RoleFactory(organization=agency.organization, name=name)
        for _ in range(people):
            MembershipFactory(organization=agency.organization, role=role)

    counts = [int(row["people"]) for row in browser.get(f"{LIST}{by_people}").context["cl"].rows]

    assert counts == sorted(counts)
    assert counts[-1] == 3


def test_permissions_are_counted_with_the_inherited_ones(agency: Agency, console: Callable[[str], Browser]) -> None:
    base = RoleFactory(organization=agency.organization, name="base", keys=("clients:read", "notes:read"))
    RoleFactory(organization=agency.organization, name="top", parent=base, keys=("notes:read", "tasks:read"))

    top = rows(console("super-admin"))["top"]

    assert (top["granted"], top["total"]) == ("3", "101")


def test_the_last_use_is_told(agency: Agency, console: Callable[[str], Browser]) -> None:
    role = RoleFactory(organization=agency.organization, name="planner")
    browser = console("super-admin")

    assert rows(browser)["planner"]["used"] == "never"
    for passed, told in ((400, "1 year ago"), (0, "today")):
        with on_platform():
            RoleUse.objects.update_or_create(
                role=role,
                organization=agency.organization,
                defaults={"last_used_on": timezone.now().date() - timedelta(days=passed)},
            )
        assert rows(browser)["planner"]["used"] == told


def test_icons_are_drawn_and_names_are_not_markup(agency: Agency, console: Callable[[str], Browser]) -> None:
    RoleFactory(organization=agency.organization, name="odd", display_name="<svg>Odd", description="<b>bold</b>")

    browser = console("super-admin")
    shown = browser.get(LIST).content.decode()

    assert "<svg>Odd" not in shown and "<b>bold" not in shown
    assert "&lt;svg&gt;Odd" in shown
    assert "&lt;svg class" not in shown
    assert shown.count("#pencil") == shown.count("#trash") == len(rows(browser))


@pytest.mark.requirement("ROLE-4")
def test_a_row_offers_to_edit_and_delete_only_what_the_actor_may(
    agency: Agency, console: Callable[[str], Browser]
) -> None:
    RoleFactory(scope="PLATFORM", reach=None, name="below", priority=10, keys=("users:list",))
    RoleFactory(scope="PLATFORM", reach=None, name="above", priority=90)
    RoleFactory(scope="PLATFORM", reach=None, name="beyond", priority=10, keys=("billing:refunds",))

    listed = rows(console("platform-admin"))

    offered = {name: not row["not_edited"] for name, row in listed.items() if not row["is_system"]}
    assert offered == {"below": True, "above": False, "beyond": False}
    assert "ranks above your own role" in listed["above"]["not_edited"]
    assert "permissions that you lack" in listed["beyond"]["not_edited"]
    assert "built in" in listed["analyst"]["not_edited"]
    assert "Delete Roles" in listed["below"]["not_deleted"]
    assert not rows(console("super-admin"))["below"]["not_deleted"]


def test_someone_who_may_only_read_is_offered_nothing_else(
    agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    role = RoleFactory(organization=agency.organization, name="planner")

    page = browse(staff_with("roles:list", "roles:read")).get(LIST)

    assert page.context["bulk"] == []
    assert not page.context["may_create"]
    text = page.content.decode()
    assert address("change", role) in text
    assert address("delete", role) not in text
    assert f"{address('add')}?clone" not in text


def test_templates_are_offered_until_there_is_a_role_of_ones_own(
    agency: Agency, console: Callable[[str], Browser]
) -> None:
    browser = console("super-admin")

    def offered(scope: str) -> set[str]:
        return {template.slug for template in browser.get(LIST, {"scope__exact": scope}).context["starters"]}

    assert offered("TENANT") == {"account-manager", "content-editor", "billing"}
    RoleFactory(organization=agency.organization)
    assert offered("TENANT") == set()
    assert offered("PLATFORM") == {"support-lead", "auditor", "release-manager"}


@pytest.mark.requirement("PERF-2")
def test_the_list_asks_the_database_as_often_for_forty_roles_as_for_four(console: Callable[[str], Browser]) -> None:
    browser = console("super-admin")

    def statements(made: int) -> int:
        for _ in range(made):
            organization = OrganizationFactory()
            parent = RoleFactory(organization=organization, keys=("clients:read",))
            MembershipFactory(organization=organization, role=RoleFactory(organization=organization, parent=parent))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert browser.get(LIST, {"is_system__exact": "0"}).status_code == 200
        return len(asked)

    browser.get(LIST)
    few = statements(2)
    assert statements(18) == few


def test_two_chosen_roles_lead_to_their_comparison(agency: Agency, console: Callable[[str], Browser]) -> None:
    browser = console("super-admin")
    one, other = built_in("org-admin"), built_in("org-owner")

    def compare(*roles: Role) -> Any:
        chosen = {"action": "compare", "index": "0", ACTION_CHECKBOX_NAME: [str(role.pk) for role in roles]}
        return browser.post(LIST, chosen)

    led = compare(one, other)["Location"]
    assert led.startswith(address("compare"))
    assert str(one.pk) in led
    assert str(other.pk) in led
    assert compare(one)["Location"] == LIST


@pytest.mark.requirement("ROLE-7")
def test_a_selection_is_looked_over_then_deactivated_and_activated_at_once(
    agency: Agency, console: Callable[[str], Browser]
) -> None:
    browser = console("super-admin")
    roles = [RoleFactory(organization=agency.organization, keys=("clients:read",)) for _ in "ab"]
    MembershipFactory(organization=agency.organization, role=roles[0])
    chosen = {
        "action": "deactivate",
        "index": "0",
        ACTION_CHECKBOX_NAME: [*(str(r.pk) for r in roles), str(built_in("analyst").pk)],
    }

    asked = browser.get(browser.post(LIST, chosen)["Location"])

    assert {one.role for one in asked.context["taking_part"]} == set(roles)
    assert [one.role.name for one in asked.context["left_out"]] == ["analyst"]
    assert {one.effects for one in asked.context["taking_part"]} == {"lose 1", ""}
    assert all(stored(role).is_active for role in roles)
    for verb, active in (("deactivate", False), ("activate", True)):
        done = browser.post(address("selection"), {"verb": verb, "pk": [str(role.pk) for role in roles]})
        assert done.status_code == 302
        assert {stored(role).is_active for role in roles} == {active}


@pytest.mark.requirement("ROLE-5")
def test_a_selection_is_deleted_without_the_roles_that_people_have(
    agency: Agency, console: Callable[[str], Browser]
) -> None:
    browser = console("super-admin")
    empty, held = (RoleFactory(organization=agency.organization) for _ in "ab")
    MembershipFactory(organization=agency.organization, role=held)
    keys = [str(empty.pk), str(held.pk)]

    asked = browser.get(address("selection"), {"verb": "delete-many", "pk": keys})
    forged = browser.post(address("selection"), {"verb": "delete-many", "pk": keys})

    assert [one.role for one in asked.context["taking_part"]] == [empty]
    assert forged.status_code == 409
    assert exists(empty.pk)
    assert browser.post(address("selection"), {"verb": "delete-many", "pk": keys[:1]}).status_code == 302
    assert not exists(empty.pk)
    assert exists(held.pk)


@pytest.mark.requirement("ROLE-4")
def test_a_forged_selection_is_refused_as_a_whole(agency: Agency, browse: Callable[[Any], Browser]) -> None:
    browser = browse(make_staff("platform-admin"))
    mine = RoleFactory(scope="PLATFORM", reach=None, priority=10, keys=("users:list",))
    above = RoleFactory(scope="PLATFORM", reach=None, priority=90)

    def deactivate(*roles: Role) -> int:
        return browser.post(address("selection"), {"verb": "deactivate", "pk": [str(r.pk) for r in roles]}).status_code

    assert deactivate(mine, above) == 403
    assert stored(mine).is_active
    assert stored(above).is_active
    assert deactivate(mine) == 302
    assert not stored(mine).is_active


def test_a_person_of_no_name_is_not_counted_twice(agency: Agency, console: Callable[[str], Browser]) -> None:
    role = RoleFactory(organization=agency.organization, name="planner")
    MembershipFactory(user=UserFactory(name=""), organization=agency.organization, role=role)

    assert rows(console("super-admin"))["planner"]["people"] == "1"
