"""What stands out about roles: reckoned for a page of them, in a number of statements that does not grow with it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from roles import catalogue
from roles.actors import resolve
from roles.hints import HintKind
from roles.models import Role, RoleUse
from roles.templates import TEMPLATES, RoleTemplate
from tenancy.context import acting
from tests.console.role_pages import summarized
from tests.factories import MembershipFactory, OrganizationFactory, RoleFactory, on_platform
from tests.world import make_staff

pytestmark = pytest.mark.requirement("ADM-2")

TEN = tuple(
    f"{thing}:read" for thing in ("clients", "contacts", "campaigns", "documents", "tasks", "notes", "invoices")
)
TEN = (*TEN, "reports:read", "charts:read", "memory:read")


def hints(role: Role) -> Collection[HintKind]:
    with on_platform():
        reader = User.objects.filter(email="super-admin@iam.example").first()
    with acting(resolve((reader or make_staff("super-admin")).pk)) as entered:  # type: ignore[arg-type]
        found = summarized(entered.actor, [Role.objects.get(pk=role.pk)])[role.pk]
    return {hint.kind for hint in found.hints}


def made_days_ago(role: Role, days: int) -> None:
    with on_platform():
        Role.objects.filter(pk=role.pk).update(created_at=timezone.now() - timedelta(days=days))


def used_days_ago(role: Role, days: int) -> None:
    with on_platform():
        RoleUse.objects.update_or_create(
            role=role,
            organization=role.organization,
            defaults={"last_used_on": timezone.now().date() - timedelta(days=days)},
        )


def test_a_role_that_nobody_has_is_noticed(db: None) -> None:
    role = RoleFactory(organization=OrganizationFactory())

    assert hints(role) == {HintKind.UNHELD}
    MembershipFactory(organization=role.organization, role=role)
    assert hints(role) == set()


def test_a_role_not_used_for_ninety_days_is_noticed(db: None) -> None:
    role = RoleFactory(organization=OrganizationFactory())
    MembershipFactory(organization=role.organization, role=role)
    made_days_ago(role, 200)

    assert hints(role) == {HintKind.UNUSED}
    used_days_ago(role, 90)
    assert hints(role) == set()
    used_days_ago(role, 91)
    assert hints(role) == {HintKind.UNUSED}


def test_a_role_with_a_dangerous_permission_is_noticed_inherited_or_not(db: None) -> None:
    base = RoleFactory(organization=OrganizationFactory(), keys=("clients:delete",))
    heir = RoleFactory(organization=base.organization, parent=base, keys=("clients:read",))

    assert HintKind.DANGEROUS in hints(base)
    assert HintKind.DANGEROUS in hints(heir)


def test_nearly_the_same_begins_at_nine_of_ten(db: None) -> None:
    organization = OrganizationFactory()
    role = RoleFactory(organization=organization, keys=TEN)
    near = RoleFactory(organization=organization, keys=TEN[:9])
    far = RoleFactory(organization=organization, keys=TEN[:8])

    assert HintKind.TWIN in hints(role)
    assert HintKind.TWIN not in hints(far)  # eight of nine
    with on_platform():
        near.delete()
    assert HintKind.TWIN not in hints(role)


def test_roles_of_another_organization_are_no_twins(db: None) -> None:
    role = RoleFactory(organization=OrganizationFactory(), keys=TEN)
    RoleFactory(organization=OrganizationFactory(), keys=TEN)

    assert HintKind.TWIN not in hints(role)
    RoleFactory(organization=role.organization, keys=TEN)
    assert HintKind.TWIN in hints(role)


@pytest.mark.requirement("PERM-4")
@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.slug)
def test_a_template_holds_permissions_of_its_own_scope_and_none_is_dangerous(template: RoleTemplate) -> None:
    assert template.permissions <= catalogue.keys_of(template.scope)
    assert template.permissions == catalogue.with_companions(template.permissions)
    assert not any(catalogue.is_dangerous(key) for key in template.permissions)
