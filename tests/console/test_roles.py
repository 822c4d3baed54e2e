"""Roles and the catalogue in the console: what each role has, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client as Browser
from django.urls import reverse

from roles import catalogue
from roles.inheritance import held_permissions
from roles.models import Permission
from tests.factories import MembershipFactory, OrganizationFactory, RoleFactory, UserFactory, built_in, on_platform
from tests.world import Agency

ROLES, PERMISSIONS = "admin:roles_role_changelist", "admin:roles_permission_changelist"


@pytest.mark.requirement("ROLE-8")
@pytest.mark.requirement("ROLE-3")
def test_an_inherited_permission_names_the_role_it_comes_from(db: None, console: Callable[[str], Browser]) -> None:
    organization = OrganizationFactory()
    base = RoleFactory(organization=organization, display_name="Base", keys=("clients:read", "notes:read"))
    middle = RoleFactory(organization=organization, display_name="Middle", parent=base, keys=("notes:read",))
    top = RoleFactory(organization=organization, display_name="Top", parent=middle, keys=("tasks:read",))

    with on_platform():
        held = held_permissions(top)
    page = console("super-admin").get(reverse("admin:roles_role_permissions", args=(top.pk,))).content.decode()

    assert [(entry.permission.key, str(entry.source), entry.is_inherited) for entry in held["Client Workspace"]] == [
        ("clients:read", "Base", True),
        ("tasks:read", "Top", False),
        ("notes:read", "Middle", True),
    ]
    assert "Inherited from Base" in page
    assert "Inherited from Middle" in page


@pytest.mark.requirement("ROLE-8")
def test_an_inactive_parent_passes_nothing_on(db: None) -> None:
    organization = OrganizationFactory()
    base = RoleFactory(organization=organization, keys=("clients:read",))
    top = RoleFactory(organization=organization, parent=base, keys=("tasks:read",))
    with on_platform():
        both = held_permissions(top)
        base.is_active = False
        base.save(update_fields=["is_active"])
        alone = held_permissions(top)

    assert [entry.permission.key for entry in both["Client Workspace"]] == ["clients:read", "tasks:read"]
    assert [entry.permission.key for entry in alone["Client Workspace"]] == ["tasks:read"]


@pytest.mark.requirement("ROLE-3")
def test_a_role_shows_who_has_it(agency: Agency, console: Callable[[str], Browser]) -> None:
    browser = console("super-admin")

    viewers = browser.get(reverse("admin:roles_role_people", args=(built_in("org-viewer").pk,))).content.decode()

    assert agency.viewer.email in viewers
    assert agency.owner.email not in viewers


@pytest.mark.requirement("ROLE-10")
def test_the_nine_built_in_roles_are_listed_under_the_tab_of_their_scope(
    db: None, console: Callable[[str], Browser]
) -> None:
    browser = console("super-admin")

    def names(scope: str) -> set[str]:
        shown = browser.get(reverse(ROLES), {"scope__exact": scope}).context["cl"].queryset
        with on_platform():
            return {role.name for role in shown}

    shipped = catalogue.built_in_roles()
    assert names("PLATFORM") == {role.slug for role in shipped if role.scope == "PLATFORM"}
    assert names("TENANT") == {role.slug for role in shipped if role.scope == "TENANT"}


def test_the_number_of_people_is_counted_by_role(db: None, console: Callable[[str], Browser]) -> None:
    role = RoleFactory(organization=OrganizationFactory())
    for _ in range(2):
        MembershipFactory(user=UserFactory(), organization=role.organization, role=role)

    shown = console("super-admin").get(reverse(ROLES), {"q": role.display_name}).context["cl"].result_list

    assert [found.people_count for found in shown] == [2]


@pytest.mark.requirement("PERM-2")
def test_the_catalogue_is_listed_in_its_own_order_and_filtered(db: None, console: Callable[[str], Browser]) -> None:
    browser = console("super-admin")
    entries = list(catalogue.entries().values())

    everything = browser.get(reverse(PERMISSIONS)).context["cl"]
    security = browser.get(reverse(PERMISSIONS), {"scope__exact": "PLATFORM", "category": "Security"}).context["cl"]

    assert everything.result_count == len(entries)
    assert [row.key for row in everything.result_list] == [entry.key for entry in entries[:100]]
    assert [row.key for row in security.result_list] == [entry.key for entry in entries if entry.category == "Security"]


@pytest.mark.requirement("PERM-1")
def test_a_permission_whose_key_has_colons_has_a_page(db: None, console: Callable[[str], Browser]) -> None:
    browser = console("super-admin")
    with on_platform():
        permission = Permission.objects.get(key="audit:read")
    listed = browser.get(reverse(PERMISSIONS), {"q": "audit:read"})

    link = next(word for word in listed.content.decode().split('"') if word.startswith("/admin/roles/permission/audit"))
    page = browser.get(link.replace("&amp;", "&"))

    assert page.status_code == 200
    assert permission.name in page.content.decode()
