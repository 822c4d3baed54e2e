from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from playwright.sync_api import Browser, sync_playwright

from accounts.models import User
from tests.e2e.site import PASSWORD, Site
from tests.factories import on_platform
from tests.live import ROOT, live_server
from tests.world import make_agency, make_staff

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
# Playwright keeps an event loop in this thread, and Django would refuse to be asked for the world's rows beside it.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, for all tests; each person in it has a context of their own."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def static_root(tmp_path_factory: Any) -> Path:
    """The collected static files."""
    root: Path = tmp_path_factory.mktemp("static")
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT,
        env={**os.environ, "STATIC_ROOT": str(root)},
        check=True,
    )
    return root


@pytest.fixture(scope="module")
def site(module_db: str, static_root: Path, tmp_path_factory: Any) -> Iterator[Site]:
    """The product at work: an agency whose people all sign in with the same password."""
    agency = make_agency("Larkmoor", clients=4)
    with on_platform():
        for user in agency.people.values():
            user.set_password(PASSWORD)
            user.save()
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    mail: Path = tmp_path_factory.mktemp("mail")
    environment = {
        "STATIC_ROOT": str(static_root),
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "EMAIL_FILE_PATH": str(mail),
    }
    with live_server(module_db, **environment) as server:
        yield Site(server.url, agency, mail)


@pytest.fixture(scope="module")
def boss(module_db: str) -> User:
    """A super admin who can sign in."""
    user = make_staff("super-admin")
    with on_platform():
        user.set_password(PASSWORD)
        user.save()
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
