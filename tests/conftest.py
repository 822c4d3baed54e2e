from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections
from django.test import Client as Browser
from rest_framework.test import APIClient

from tests.environment import copy_database, drop_database
from tests.world import Agency, make_agency


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """The database was made before Django's settings were read; see tests.environment."""


@pytest.fixture(autouse=True)
def _cheap_passwords(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _empty_cache() -> None:
    from django.core.cache import cache

    cache.clear()


@contextmanager
def _own_database(blocker: Any, name: str) -> Iterator[str]:
    connection = connections["default"]
    with blocker.unblock():
        before = connection.settings_dict["NAME"]
        connection.close()
        url = copy_database(name)
        connection.settings_dict["NAME"] = name
        try:
            yield url
        finally:
            connections.close_all()
            connection.settings_dict["NAME"] = before
            drop_database(name)


@pytest.fixture
def committed_db(django_db_blocker: Any, worker_id: str) -> Iterator[str]:
    """A database of the test's own in which transactions really commit; yields its URL for other processes."""
    with _own_database(django_db_blocker, f"iam_committed_{worker_id}") as url:
        yield url


@pytest.fixture(scope="module")
def module_db(django_db_blocker: Any, worker_id: str) -> Iterator[str]:
    """The same for all tests of a module: each makes a world of its own in it."""
    with _own_database(django_db_blocker, f"iam_module_{worker_id}") as url:
        yield url


@pytest.fixture
def agency(db: None) -> Agency:
    """An agency with one person of each role, three clients, and the member assigned to the first of them."""
    return make_agency("Larkmoor")


@pytest.fixture
def other_agency(db: None) -> Agency:
    """Another agency, whose rows nobody of the first may ever see."""
    return make_agency("Quaymark")


@pytest.fixture
def browse() -> Callable[[Any], Browser]:
    """Return a browser signed in as the user."""

    def signed_in(user: Any) -> Browser:
        browser = Browser()
        browser.force_login(user, backend="accounts.backends.SignInBackend")
        return browser

    return signed_in


@pytest.fixture
def call() -> Callable[[Any], APIClient]:
    """Return an API client signed in as the user by session, without CSRF."""

    def signed_in(user: Any) -> APIClient:
        client = APIClient()
        client.force_login(user, backend="accounts.backends.SignInBackend")
        return client

    return signed_in
