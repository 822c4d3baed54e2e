"""On which day a role, and each permission through it, was last used: what the hint of an unused one stands on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts.models import ApiToken
from audit.recording import record_allowed
from roles import catalogue, usage
from roles.actions import DeleteRole, UpdateRole
from roles.family import family_of
from roles.models import Membership, PermissionUse, Role, RoleUse
from tenancy.context import acting
from tenancy.errors import AccessDenied, Denial, Reason
from tests.factories import MembershipFactory, RoleFactory, built_in, inside, on_platform
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ADM-2")]


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    usage._noted.clear()
    yield
    usage._noted.clear()


def days_ago(days: int) -> date:
    return timezone.now().date() - timedelta(days=days)


def uses(agency: Agency) -> dict[str, int]:
    today = timezone.now().date()
    with inside(agency.organization):
        return {use.role.name: (today - use.last_used_on).days for use in RoleUse.objects.select_related("role")}


def used_keys(agency: Agency) -> dict[tuple[str, str], int]:
    """Return how many days ago each permission was used, by role and key, as the agency sees it."""
    today = timezone.now().date()
    with inside(agency.organization):
        found = PermissionUse.objects.select_related("role")
        return {(use.role.name, use.permission_id): (today - use.last_used_on).days for use in found}


def use(agency: Agency, person: str, *keys: str) -> None:
    with acting(agency.actor(person)):
        for key in keys:
            record_allowed(key)


# Roles


def test_acting_with_a_role_is_noted_by_day_and_place(agency: Agency, other_agency: Agency) -> None:
    with acting(agency.actor("viewer")):
        pass
    assert uses(agency) == {"org-viewer": 0}
    assert uses(other_agency) == {}


def test_an_old_day_moves_on(agency: Agency) -> None:
    with inside(agency.organization):
        RoleUse.objects.create(
            role=built_in("org-viewer"), organization=agency.organization, last_used_on=days_ago(100)
        )
    assert uses(agency) == {"org-viewer": 100}
    with acting(agency.actor("viewer")):
        pass
    assert uses(agency) == {"org-viewer": 0}


def test_it_is_written_once_a_day(agency: Agency) -> None:
    actor = agency.actor("viewer")
    with acting(actor):
        pass
    with inside(agency.organization):
        RoleUse.objects.all().delete()
    with acting(actor):
        pass
    assert uses(agency) == {}


def test_what_was_denied_is_no_use(agency: Agency) -> None:
    with pytest.raises(AccessDenied), acting(agency.actor("viewer")):
        raise AccessDenied(Denial(Reason.MISSING_PERMISSION))
    assert uses(agency) == {}
    with acting(agency.actor("viewer")):
        pass
    assert uses(agency) == {"org-viewer": 0}


def test_what_was_rolled_back_around_a_note_is_noted_the_next_time(agency: Agency) -> None:
    viewer = agency.actor("viewer")
    with pytest.raises(ZeroDivisionError), inside(agency.organization):
        with acting(viewer):
            record_allowed("clients:read")
        raise ZeroDivisionError
    assert (uses(agency), used_keys(agency)) == ({}, {})
    use(agency, "viewer", "clients:read")
    assert (uses(agency), used_keys(agency)) == ({"org-viewer": 0}, {("org-viewer", "clients:read"): 0})


# Permissions


@pytest.mark.requirement("AUD-7")
def test_what_an_action_used_is_noted_by_role_and_place(agency: Agency, other_agency: Agency) -> None:
    use(agency, "member", "clients:write", "tasks:read")
    assert used_keys(agency) == {("org-member", "clients:write"): 0, ("org-member", "tasks:read"): 0}
    assert used_keys(other_agency) == {}


@pytest.mark.requirement("AUD-7")
def test_several_permissions_are_noted_in_one_statement_and_none_twice(agency: Agency) -> None:
    use(agency, "member", "clients:read")
    with CaptureQueriesContext(connection) as first:
        use(agency, "member", "clients:read", "tasks:read", "notes:read")
    with CaptureQueriesContext(connection) as second:
        use(agency, "member", "clients:read", "tasks:read", "notes:read")
    assert [sum("use (role_id" in query["sql"] for query in made) for made in (first, second)] == [1, 0]
    assert len(first) == len(second) + 1


@pytest.mark.requirement("AUD-7")
def test_a_permission_used_long_ago_moves_on(agency: Agency) -> None:
    with inside(agency.organization):
        note(built_in("org-member"), "clients:read", 100, agency.organization)
    use(agency, "member", "clients:read")
    assert used_keys(agency) == {("org-member", "clients:read"): 0}


@pytest.mark.requirement("AUD-7")
def test_a_permission_that_the_actor_does_not_hold_is_not_noted(agency: Agency) -> None:
    """Some records tell of what another was allowed, or of no permission at all."""
    use(agency, "viewer", "clients:delete", "membership", "clients:read + tasks:read")
    assert used_keys(agency).keys() == {("org-viewer", "clients:read"), ("org-viewer", "tasks:read")}


@pytest.mark.requirement("AUD-7")
def test_a_page_uses_the_permission_of_its_route(agency: Agency, browse: Callable[[Any], Browser]) -> None:
    assert browse(agency.viewer).get(f"/o/{agency.slug}/clients/").status_code == 200
    assert used_keys(agency) == {("org-viewer", "clients:read"): 0}


@pytest.mark.requirement("AUD-7")
def test_a_token_uses_permissions_too(agency: Agency) -> None:
    with inside(agency.organization):
        credential, secret = AuthToken.objects.create(user=agency.manager)
        ApiToken.objects.create(
            credential=credential, user=agency.manager, organization=agency.organization, name="Reporting"
        )
    headers = {"Authorization": f"Token {secret}"}
    answer = APIClient().post(f"/api/orgs/{agency.slug}/clients/", {"name": "Fennel"}, format="json", headers=headers)
    assert answer.status_code == 201
    assert used_keys(agency) == {("org-manager", "clients:write"): 0}


@pytest.mark.requirement("AUD-7")
@pytest.mark.parametrize(("body", "version", "status"), [({"status": "gone"}, '"1"', 400), ({"city": "x"}, '"7"', 412)])
def test_a_request_whose_work_was_undone_used_nothing(
    agency: Agency, call: Callable[[Any], APIClient], body: dict[str, str], version: str, status: int
) -> None:
    url = f"/api/orgs/{agency.slug}/clients/{agency.clients[0].pk}/"
    answer = call(agency.manager).patch(url, body, format="json", headers={"If-Match": version})
    assert answer.status_code == status
    assert used_keys(agency) == {}


@pytest.mark.requirement("AUD-7")
def test_the_platform_notes_its_own_use(call: Callable[[Any], APIClient]) -> None:
    assert call(make_staff("super-admin")).get("/api/admin/roles").status_code == 200
    with on_platform():
        [noted] = PermissionUse.objects.filter(organization=None).select_related("role")
        assert (noted.role.name, noted.permission_id, noted.last_used_on) == ("super-admin", "roles:list", days_ago(0))


@pytest.mark.requirement("AUD-7")
@pytest.mark.parametrize("person", ["owner", "member"])
def test_an_organization_sees_its_own_uses_only(agency: Agency, other_agency: Agency, person: str) -> None:
    """An actor with assigned reach, too: their database role is another."""
    use(agency, person, "clients:read")
    use(other_agency, person, "tasks:read")
    with acting(agency.actor(person)):
        assert {one.organization_id for one in PermissionUse.objects.all()} == {agency.organization.pk}


@pytest.mark.requirement("AUD-7")
def test_the_uses_of_a_role_go_with_it(agency: Agency) -> None:
    role = RoleFactory(organization=agency.organization, keys=("clients:read",), priority=30)
    with inside(agency.organization):
        note(role, "clients:read", 3)
    with acting(agency.actor("owner")) as entered:
        DeleteRole(entered.actor, role.pk).execute()
    with on_platform():
        assert not PermissionUse.objects.filter(role_id=role.pk).exists()


# What was not used


OLD = 200


def note(role: Role, key: str, days: int, organization: Any = None) -> None:
    PermissionUse.objects.create(
        role=role, permission_id=key, organization=organization or role.organization, last_used_on=days_ago(days)
    )


def old_role(agency: Agency, *keys: str, days: int = OLD, people: int = 1, **values: Any) -> Role:
    """Return a role of the agency that was made so many days ago, with people who have it."""
    role: Role = RoleFactory(organization=agency.organization, keys=keys, **{"priority": 30, **values})
    with on_platform():
        Role.objects.filter(pk=role.pk).update(created_at=timezone.now() - timedelta(days=days))
    for _ in range(people):
        MembershipFactory(organization=agency.organization, role=role)
    return role


def unused(role: Role) -> dict[str, str]:
    with on_platform():
        return dict(usage.unused_permissions(Role.objects.get(pk=role.pk), family_of(role.pk)))


@pytest.mark.requirement("ADM-3")
def test_what_was_never_used_tells_how_old_the_role_is(agency: Agency) -> None:
    assert unused(old_role(agency, "clients:read")) == {"clients:read": "Not used so far (role is 200 days old)"}


@pytest.mark.requirement("ADM-3")
def test_ninety_days_without_use_are_called_unused_from_the_next_on(agency: Agency) -> None:
    role = old_role(agency, "clients:read", "tasks:read")
    with on_platform():
        note(role, "clients:read", 90)
        note(role, "tasks:read", 91)
    day = days_ago(91)
    assert unused(role) == {"tasks:read": f"Not used since {day.day} {day:%B %Y}"}


@pytest.mark.requirement("ADM-3")
@pytest.mark.parametrize(("days", "people", "is_unused"), [(90, 1, False), (91, 1, True), (91, 0, False)])
def test_a_young_role_and_one_that_nobody_has_have_nothing_unused(
    agency: Agency, days: int, people: int, is_unused: bool
) -> None:
    assert bool(unused(old_role(agency, "clients:read", days=days, people=people))) is is_unused


@pytest.mark.requirement("ADM-3")
def test_what_was_granted_of_late_is_not_called_unused(agency: Agency) -> None:
    role = old_role(agency, "tasks:read")
    with acting(agency.actor("owner")) as entered:
        UpdateRole(entered.actor, role.pk, {"permissions": ["tasks:read", "notes:read"]}).execute()
    assert unused(role).keys() == {"tasks:read"}


@pytest.mark.requirement("ADM-3")
@pytest.mark.requirement("ROLE-3")
def test_the_use_and_the_people_of_an_heir_count(agency: Agency) -> None:
    base = old_role(agency, "clients:read", "tasks:read", people=0)
    heir = old_role(agency, parent=base)
    with on_platform():
        note(heir, "clients:read", 1)
    assert unused(base).keys() == {"tasks:read"}
    assert unused(heir) == {}


@pytest.mark.requirement("ADM-3")
def test_what_a_used_permission_needs_is_used_with_it(agency: Agency) -> None:
    role = old_role(agency, "clients:read", "clients:write", "tasks:read")
    with on_platform():
        note(role, "clients:write", 1)
    assert unused(role).keys() == {"tasks:read"}


@pytest.mark.requirement("ADM-3")
def test_a_wildcard_is_used_with_any_permission_that_it_stands_for(agency: Agency) -> None:
    role = old_role(agency, catalogue.ADMIN)
    assert unused(role).keys() == {catalogue.ADMIN}
    with on_platform():
        note(role, "notes:delete", 1)
    assert unused(role) == {}


@pytest.mark.requirement("ADM-3")
def test_a_built_in_role_is_used_where_anybody_used_it(agency: Agency, other_agency: Agency) -> None:
    """The platform looks at all organizations, each of them at itself."""
    role = built_in("org-manager")
    with on_platform():
        Role.objects.filter(pk=role.pk).update(created_at=timezone.now() - timedelta(days=OLD))
        note(role, "tasks:read", 1, other_agency.organization)
        assert Membership.objects.filter(role=role).count() == 2
    assert "tasks:read" not in unused(role)
    with inside(agency.organization):
        assert "tasks:read" in usage.unused_permissions(Role.objects.get(pk=role.pk), family_of(role.pk))
