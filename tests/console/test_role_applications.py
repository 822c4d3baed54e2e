"""Permissions of an organization's applications wherever the console tells of roles and their permissions."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from roles import catalogue
from roles.family import family_of
from roles.hints import HintKind
from roles.models import Role
from roles.usage import unused_permissions
from roles.wording import describe
from tenancy.actors import Reach, Scope
from tenancy.context import acting
from tests.console.role_pages import address, send, stored, summarized, ticked
from tests.factories import MembershipFactory, RoleFactory, UserFactory, on_platform
from tests.roles.applications import keys_of, register
from tests.world import Agency

pytestmark = [pytest.mark.requirement("ADM-3"), pytest.mark.requirement("PDP-3")]


@pytest.fixture
def keys(agency: Agency) -> dict[str, str]:
    return keys_of(register(agency))


@pytest.fixture
def clerk(agency: Agency, keys: dict[str, str]) -> Role:
    """A custom role of the agency with one person, which holds a permission of the application."""
    held = ("clients:read", keys["invoice:read"])
    role: Role = RoleFactory(organization=agency.organization, name="clerk", display_name="Clerk", keys=held)
    MembershipFactory(user=UserFactory(name="Ines"), organization=agency.organization, role=role)
    return role


def last_category(browser: Browser, role: Role) -> Any:
    return browser.get(address("permissions", role)).context["form"].matrix_field.matrix().categories[-1]


def test_the_matrix_of_an_organization_s_role_has_a_category_of_each_application(
    desk: Browser, clerk: Role, keys: dict[str, str], other_agency: Agency
) -> None:
    category = last_category(desk, clerk)
    assert category.name == "Billing desk"
    assert [(row.label, [cell.key for cell in row.cells]) for row in category.rows] == [
        ("invoice", [keys["invoice:read"], keys["invoice:update"]]),
        ("report", [keys["report:update"]]),
    ]
    assert [cell.key for cell in category.cells if cell.is_on] == [keys["invoice:read"]]
    theirs = RoleFactory(organization=other_agency.organization)
    shared = RoleFactory(organization=None)
    assert {last_category(desk, role).name for role in (theirs, shared)} == {"Client Workspace"}


def test_they_are_ticked_reviewed_and_saved_like_any_other(desk: Browser, clerk: Role, keys: dict[str, str]) -> None:
    form = ticked(desk, clerk, add=(keys["invoice:update"],), drop=(keys["invoice:read"],))
    review = send(desk, "permissions", clerk, form)
    [shown] = review.context["effects"]
    assert (shown.effect.gained, shown.effect.lost) == ((keys["invoice:update"],), (keys["invoice:read"],))
    assert "Update invoices" in review.content.decode()
    send(desk, "permissions", clerk, form, "save")
    assert stored(clerk).permissions == {"clients:read", keys["invoice:update"]}


def test_those_of_another_organization_cannot_be_sent(desk: Browser, clerk: Role, other_agency: Agency) -> None:
    foreign = keys_of(register(other_agency))["invoice:read"]
    refused = send(desk, "permissions", clerk, ticked(desk, clerk, add=(foreign,)), "save")
    assert refused.status_code == 400
    assert foreign not in stored(clerk).permissions


def test_inherited_ones_are_locked_with_their_source(
    desk: Browser, agency: Agency, clerk: Role, keys: dict[str, str]
) -> None:
    heir = RoleFactory(organization=agency.organization, parent=clerk)
    cells = {cell.key: cell for cell in last_category(desk, heir).cells}
    assert cells[keys["invoice:read"]].note == "Inherited from Clerk"
    assert not cells[keys["invoice:update"]].note
    chief = RoleFactory(organization=agency.organization, display_name="Chief", keys=(catalogue.ADMIN,))
    deputy = RoleFactory(organization=agency.organization, parent=chief)
    assert {cell.note for cell in last_category(desk, chief).cells} == {"Included in Organization Admin"}
    assert {cell.note for cell in last_category(desk, deputy).cells} == {"Inherited from Chief"}


def test_the_sentence_tells_of_them(desk: Browser, agency: Agency, clerk: Role, keys: dict[str, str]) -> None:
    told = desk.get(address("permissions", clerk)).context["sentence"]
    assert "look at Billing desk" in told
    url = reverse("admin:roles_role_describe", args=(clerk.pk,))
    answer = desk.post(url, {"permissions": ["clients:read", *keys.values()]}).json()
    assert "do everything in Billing desk" in answer["sentence"]
    new = desk.post(
        reverse("admin:roles_role_describe-new"),
        {"permissions": [*keys.values()], "organization": str(agency.organization.pk), "reach": "all"},
    ).json()
    assert new["sentence"] == "Can do everything in Billing desk; cannot see clients."
    assert describe(keys.values(), Scope.TENANT, Reach.ALL) == "Cannot do anything yet."


def test_two_roles_are_compared_by_them(desk: Browser, agency: Agency, clerk: Role, keys: dict[str, str]) -> None:
    other = RoleFactory(organization=agency.organization, keys=("clients:read",))
    page = desk.get(address("compare"), {"a": clerk.pk, "b": other.pk})
    only, *_ = page.context["parts"]
    assert (only["count"], [one.name for one in only["categories"]]) == (1, ["Billing desk"])


def test_a_clone_on_the_create_page_starts_with_them(desk: Browser, clerk: Role, keys: dict[str, str]) -> None:
    page = desk.get(address("add"), {"clone": clerk.pk})
    new = page.context["new"]
    assert not new.left_out
    assert keys["invoice:read"] in {cell.key for cell in new.permissions.matrix_field.matrix().cells}
    assert keys["invoice:read"] in new.permissions["permissions"].value()


def test_hints_of_a_list_count_them_in(agency: Agency, clerk: Role, keys: dict[str, str]) -> None:
    twin = RoleFactory(organization=agency.organization, keys=("clients:read", keys["invoice:read"]))
    other = RoleFactory(organization=agency.organization, keys=("clients:read", keys["invoice:update"]))
    with acting(agency.actor("owner")) as entered:
        found = summarized(entered.actor, [clerk, twin, other])
    twins = {
        pk: [hint.other for hint in one.hints if hint.kind is HintKind.TWIN and hint.other in {clerk.pk, twin.pk}]
        for pk, one in found.items()
    }
    assert twins == {clerk.pk: [twin.pk], twin.pk: [clerk.pk], other.pk: []}
    assert found[clerk.pk].granted == 1


def test_they_are_never_called_unused(clerk: Role, keys: dict[str, str]) -> None:
    """What outside services ask is not noted, so that nothing is known of their use."""
    with on_platform():
        Role.objects.filter(pk=clerk.pk).update(created_at="2020-01-01T00:00Z")
        clerk.refresh_from_db()
        unused = unused_permissions(clerk, family_of(clerk.pk))
    assert set(unused) == {"clients:read"}


def test_the_catalogue_of_the_console_shows_what_is_shipped(desk: Browser, clerk: Role, keys: dict[str, str]) -> None:
    page = desk.get(reverse("admin:roles_permission_changelist"), {"q": "invoices"}).content.decode()
    assert "Client Invoices" in page and keys["invoice:read"] not in page
