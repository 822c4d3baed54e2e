from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import User
from roles.models import Role
from tests.factories import MembershipFactory, RoleFactory, UserFactory
from tests.world import Agency, make_staff


@pytest.fixture
def console(db: None, browse: Callable[[Any], Browser]) -> Callable[[str], Browser]:
    """Return a browser signed in as a new person with that built-in platform role."""

    def signed_in(role: str) -> Browser:
        return browse(make_staff(role))

    return signed_in


@pytest.fixture
def staff_with(db: None) -> Callable[..., User]:
    """Return a new person on the platform whose role holds exactly these permissions."""

    def made(*keys: str, priority: int = 50) -> User:
        role = RoleFactory(scope="PLATFORM", reach=None, priority=priority, keys=keys)
        return MembershipFactory(user=UserFactory(), organization=None, role=role).user

    return made


@pytest.fixture
def desk(console: Callable[[str], Browser]) -> Browser:
    return console("super-admin")


@pytest.fixture
def planner(agency: Agency) -> Role:
    """A role of the agency with two people."""
    role = RoleFactory(
        organization=agency.organization,
        name="planner",
        display_name="Planner",
        keys=("clients:read", "tasks:read"),
        reach="assigned",
    )
    for name in ("Ines", "Juno"):
        MembershipFactory(user=UserFactory(name=name), organization=agency.organization, role=role)
    return role
