"""The catalogue and the nine built-in roles as the release ships them."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.models import AccessRecord
from roles import catalogue
from roles.actions import plan_sync
from roles.models import Permission, Role, RolePermission
from tenancy.actors import Scope
from tests.factories import built_in, on_platform

REQUIREMENTS = Path(__file__).resolve().parents[2] / "docs" / "requirements.md"
ROW = re.compile(
    r"^\| ([a-z-]+) \| (PLATFORM|TENANT) \| (\d+) \| (#\w{6}) \| ([a-z-]+) \| (–|all clients|assigned clients) \|$",
    re.M,
)
REACH = {"–": None, "all clients": "all", "assigned clients": "assigned"}


def sync(*options: str) -> str:
    said = StringIO()
    call_command("sync_roles", *options, stdout=said)
    return said.getvalue()


@pytest.mark.requirement("PERM-1")
@pytest.mark.parametrize(("scope", "number"), [(Scope.PLATFORM, 126), (Scope.TENANT, 100)])
def test_the_catalogue_has_as_many_keys_of_each_scope_as_required(scope: Scope, number: int) -> None:
    assert len(catalogue.keys_of(scope) - {catalogue.SUPER, catalogue.ADMIN}) == number


@pytest.mark.requirement("PERM-1")
def test_keys_are_categories_and_actions() -> None:
    assert all(re.fullmatch(r"[a-z-]+(:[a-z0-9-]+){1,2}|super:\*|admin:\*", key) for key in catalogue.entries())


@pytest.mark.requirement("PERM-1")
def test_the_workspace_has_eight_resources_of_three_keys() -> None:
    workspace = [entry.key for entry in catalogue.entries().values() if entry.category == "Client Workspace"]
    assert len(workspace) == 24
    assert {key.split(":")[1] for key in workspace} == {"read", "write", "delete"}


@pytest.mark.requirement("PERM-1")
def test_the_super_wildcard_covers_every_key_and_the_admin_one_every_tenant_key() -> None:
    assert catalogue.expand(frozenset({catalogue.SUPER})) == frozenset(catalogue.entries())
    assert catalogue.expand(frozenset({catalogue.ADMIN})) == catalogue.keys_of(Scope.TENANT)


@pytest.mark.requirement("PDP-1")
def test_a_key_outside_the_catalogue_is_dropped() -> None:
    assert catalogue.expand(frozenset({"clients:read", "clients:teleport"})) == {"clients:read"}


@pytest.mark.requirement("ROLE-10")
def test_the_nine_roles_are_those_of_the_requirements() -> None:
    required = {
        (name, scope, int(priority), color, icon, REACH[reach])
        for name, scope, priority, color, icon, reach in ROW.findall(REQUIREMENTS.read_text(encoding="utf-8"))
    }
    shipped = {(r.slug, r.scope, r.priority, r.color, r.icon, r.reach) for r in catalogue.built_in_roles()}
    assert len(required) == 9
    assert shipped == required


@pytest.mark.django_db
@pytest.mark.requirement("ROLE-10")
def test_what_is_seeded_is_what_is_shipped() -> None:
    with on_platform():
        held = {role.name: set(role.permissions.values_list("key", flat=True)) for role in Role.objects.built_in()}
        assert held == {role.slug: set(role.permissions) for role in catalogue.built_in_roles()}
        assert list(Permission.objects.values_list("key", flat=True)) == list(catalogue.entries())


@pytest.mark.django_db
@pytest.mark.requirement("ROLE-10")
def test_seeding_again_changes_nothing() -> None:
    assert sync("--apply") == "Nothing differs from the release.\n"


@pytest.mark.django_db
@pytest.mark.requirement("ROLE-10")
def test_a_difference_is_shown_and_left_alone_without_apply() -> None:
    with on_platform():
        RolePermission.objects.filter(role=built_in("analyst"), permission="users:list").delete()
    assert "+ analyst gains users:list" in sync()
    with on_platform():
        assert plan_sync().grants == (("analyst", "users:list"),)


@pytest.mark.django_db
@pytest.mark.requirement("ROLE-10")
def test_a_missing_permission_comes_back_with_apply_and_is_recorded() -> None:
    with on_platform():
        RolePermission.objects.filter(role=built_in("analyst"), permission="users:list").delete()
    sync("--apply")
    with on_platform():
        assert plan_sync().is_empty
        record = AccessRecord.objects.filter(operation="sync_roles").latest("id")
    assert record.detail["changes"] == ["+ analyst gains users:list"]


@pytest.mark.django_db
@pytest.mark.requirement("ROLE-10")
def test_no_permission_is_removed_silently() -> None:
    with on_platform():
        RolePermission.objects.create(role=built_in("analyst"), permission_id="users:ban")
    with pytest.raises(CommandError, match="1 permissions were left"):
        sync("--apply")
    with on_platform():
        assert plan_sync().removals == (("analyst", "users:ban"),)


@pytest.mark.django_db
@pytest.mark.requirement("ROLE-10")
def test_a_removal_that_is_asked_for_happens() -> None:
    with on_platform():
        RolePermission.objects.create(role=built_in("analyst"), permission_id="users:ban")
    assert "- analyst loses users:ban" in sync("--apply", "--allow-removals")
    with on_platform():
        assert plan_sync().is_empty


@pytest.mark.requirement("PERM-1")
@pytest.mark.parametrize(
    ("scope", "apart", "number"),
    [(Scope.PLATFORM, {"Super Access"}, 16), (Scope.TENANT, {"Admin Access", "Client Workspace"}, 12)],
)
def test_the_keys_stand_in_as_many_categories_as_required(scope: Scope, apart: set[str], number: int) -> None:
    assert len({entry.category for entry in catalogue.entries().values() if entry.scope is scope} - apart) == number


@pytest.mark.requirement("PERM-1")
@pytest.mark.parametrize("held", ["clients:read", "admin:*", "super:*", "app-0a1b2c3d:record:read", "no:such"])
def test_what_keys_amount_to_cannot_be_changed_by_whoever_is_told(held: str) -> None:
    assert isinstance(catalogue.expand(frozenset({held, "clients:read"})), frozenset)
