"""A role has its parent's permissions too, to any depth, and never its own child's (ROLE-8). The database holds it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import Error, transaction

from roles.actors import effective_permissions
from roles.models import Role, RolePermission
from tests.concurrency import at_once, failures
from tests.factories import OrganizationFactory, RoleFactory, built_in, on_platform

pytestmark = pytest.mark.requirement("ROLE-8")


def line_of(organization: Any, *keys: str) -> list[Role]:
    """Return roles of which each inherits from the one before, each with one key of its own."""
    made: list[Role] = []
    for key in keys:
        made.append(RoleFactory(organization=organization, parent=made[-1] if made else None, keys=(key,)))
    return made


def reparent(role: Role, parent: Role | None) -> None:
    with on_platform():
        Role.objects.filter(pk=role.pk).update(parent=parent)


@pytest.mark.django_db
def test_permissions_come_down_a_long_line() -> None:
    keys = ("clients:read", "contacts:read", "notes:read", "tasks:read", "team:list", "org:settings:read")
    last = line_of(OrganizationFactory(), *keys)[-1]
    assert effective_permissions(last.pk) == set(keys)


@pytest.mark.django_db
def test_a_role_may_inherit_from_a_built_in_one() -> None:
    role = RoleFactory(organization=OrganizationFactory(), parent=built_in("org-viewer"), keys=("clients:write",))
    with on_platform():
        held = set(built_in("org-viewer").permissions.values_list("key", flat=True))
    assert effective_permissions(role.pk) == held | {"clients:write"}


@pytest.mark.django_db
def test_what_stands_above_an_inactive_role_is_not_inherited() -> None:
    top, middle, last = line_of(OrganizationFactory(), "clients:read", "contacts:read", "notes:read")
    with on_platform():
        Role.objects.filter(pk=middle.pk).update(is_active=False)
    assert effective_permissions(last.pk) == {"notes:read"}
    assert effective_permissions(top.pk) == {"clients:read"}


@pytest.mark.django_db
@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_circle_is_refused(length: int) -> None:
    made = line_of(OrganizationFactory(), *["clients:read"] * length)
    with pytest.raises(Error, match="cannot inherit from itself"):
        reparent(made[0], made[-1])


@pytest.mark.django_db
def test_a_parent_of_another_organization_is_refused() -> None:
    own, foreign = (RoleFactory(organization=OrganizationFactory()) for _ in range(2))
    with pytest.raises(Error, match="of the same scope, and of the same organization or built in"):
        reparent(own, foreign)


@pytest.mark.django_db
def test_a_parent_of_the_other_scope_is_refused() -> None:
    own = RoleFactory(organization=OrganizationFactory())
    with pytest.raises(Error, match="of the same scope"):
        reparent(own, built_in("analyst"))


@pytest.mark.django_db
def test_a_role_keeps_its_scope_and_its_organization() -> None:
    role = RoleFactory(organization=OrganizationFactory())
    elsewhere = OrganizationFactory()
    for change in ({"scope": "PLATFORM", "reach": None}, {"organization": elsewhere}):
        with pytest.raises(Error), on_platform():
            Role.objects.filter(pk=role.pk).update(**change)


@pytest.mark.django_db
@pytest.mark.requirement("PERM-4")
@pytest.mark.parametrize(("scope", "key"), [("TENANT", "users:ban"), ("PLATFORM", "clients:read")])
def test_the_database_refuses_a_key_of_the_other_scope(scope: str, key: str) -> None:
    tenant = scope == "TENANT"
    role = RoleFactory(
        organization=OrganizationFactory() if tenant else None, scope=scope, reach="all" if tenant else None
    )
    with pytest.raises(Error, match="permissions of its own scope only"), on_platform():
        RolePermission.objects.create(role=role, permission_id=key)


def test_two_edits_that_together_close_a_circle_are_not_both_made(committed_db: str) -> None:
    """Threat 7: each of the two is allowed by itself."""
    organization = OrganizationFactory()
    one, other = RoleFactory(organization=organization), RoleFactory(organization=organization)

    def slowly(role: Role, parent: Role) -> None:
        with transaction.atomic():
            reparent(role, parent)

    outcomes = at_once([lambda: slowly(one, other), lambda: slowly(other, one)])
    assert len(failures(outcomes)) == 1
    assert "cannot inherit from itself" in str(failures(outcomes)[0])
