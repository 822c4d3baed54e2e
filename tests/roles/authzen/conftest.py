from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from knox.models import AuthToken

from accounts.models import ApiToken, User
from tests.factories import MembershipFactory, RoleFactory, UserFactory, inside
from tests.roles.authzen.asking import Service
from tests.roles.authzen.small_world import Plain
from tests.world import Agency, make_agency

_number = count(1)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """The event loop of the server."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def agency(module_db: str) -> Agency:
    """The agency whose services ask; a test that changes it makes one of its own."""
    return make_agency(f"Larkmoor{next(_number)}")


@pytest.fixture(scope="module")
def other_agency(module_db: str) -> Agency:
    return make_agency(f"Quaymark{next(_number)}")


@pytest.fixture(scope="module")
def service(agency: Agency, runner: asyncio.Runner) -> Service:
    """A service with a token of the owner."""
    return Service(runner, token_of(agency, agency.owner))


@pytest.fixture(scope="module")
def service_of(runner: asyncio.Runner) -> Callable[[Agency, User], Service]:
    """Return a function that gives a service a token of somebody in an agency."""
    return lambda agency, user: Service(runner, token_of(agency, user))


@pytest.fixture(scope="module")
def as_asked_by(runner: asyncio.Runner) -> Iterator[Callable[[str], Plain]]:
    """A function that gives a service to one of the small world's people, by name."""
    with ThreadPoolExecutor(1, thread_name_prefix="given") as threads:
        yield lambda name: Plain(runner, name, threads=threads)


def token_of(agency: Agency, user: User) -> str:
    """Return the secret of a new token, which the person need not have the right to issue."""
    with inside(agency.organization):
        credential, secret = AuthToken.objects.create(user=user)
        ApiToken.objects.create(credential=credential, user=user, organization=agency.organization, name="Service")
    return str(secret)


def hire(agency: Agency, *keys: str, reach: str = "all") -> User:
    """Return somebody new with a role of these permissions."""
    role = RoleFactory(organization=agency.organization, keys=keys, reach=reach)
    user = UserFactory()
    MembershipFactory(user=user, organization=agency.organization, role=role)
    return user
