"""Every route declares what it needs, and one without a declaration is refused at start-up (PDP-7)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import Client as Browser
from django.urls import path

from tenancy.middleware import ActingMiddleware
from tenancy.routes import Access, declares, member, permission, public, requirement_for, requires, routes
from tests.live import ROOT
from tests.world import make_staff

pytestmark = pytest.mark.requirement("PDP-7")


def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse("reached")


@requires("clients:teleport")
def asks_for_nonsense(request: HttpRequest) -> HttpResponse:
    return HttpResponse("reached")


@requires("users:list", "users:ban")
def declared(request: HttpRequest) -> HttpResponse:
    return HttpResponse("reached")


urlpatterns = [path("bare/", bare), path("nonsense/", asks_for_nonsense), path("declared/", declared)]


def messages(settings: Any) -> set[tuple[str, str]]:
    settings.TENANCY_URLCONFS = [__name__]
    return {(str(message.id), message.msg) for message in run_checks(tags=["urls"])}


def test_a_view_that_declares_nothing_is_found_by_the_check(settings: Any) -> None:
    found = messages(settings)
    assert ("tenancy.E001", "GET /bare/ does not declare what it needs.") in found
    assert not any("/declared/" in sentence for _, sentence in found)


@pytest.mark.requirement("PDP-1")
def test_a_key_that_the_catalogue_does_not_hold_is_found_by_the_check(settings: Any) -> None:
    sentence = "GET /nonsense/ asks for “clients:teleport”, which the catalogue does not hold."
    assert ("roles.E001", sentence) in messages(settings)


def test_the_server_does_not_start_with_an_undeclared_route(settings: Any) -> None:
    settings.TENANCY_URLCONFS = [__name__]
    with pytest.raises(ImproperlyConfigured, match="do not declare what they need: GET /bare/"):
        ActingMiddleware(lambda request: HttpResponse())


def test_a_process_with_an_undeclared_route_ends_before_it_serves() -> None:
    program = (
        "from django.conf import settings; settings.TENANCY_URLCONFS = ['tests.tenancy.test_routes'];"
        "import iam_dashboard.wsgi"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False
    )
    assert ended.returncode != 0
    assert "GET /bare/" in ended.stderr


@pytest.mark.django_db
def test_a_route_slipped_in_after_the_start_is_denied(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    browser = Browser()
    browser.force_login(make_staff("platform-admin"), backend="accounts.backends.SignInBackend")
    assert browser.get("/declared/").content == b"reached"
    answer = browser.get("/bare/")
    assert answer.status_code == 403
    assert b"reached" not in answer.content


def test_every_route_of_the_project_declares_what_it_needs() -> None:
    for urlconf in ("iam_dashboard.urls", "iam_dashboard.urls_domain"):
        found = list(routes(urlconf))
        assert len(found) > 100
        assert [route.pattern for route in found if route.requirement is None] == []


def test_public_routes_say_why() -> None:
    open_routes = [route for route in routes("iam_dashboard.urls") if route.requirement.access is Access.PUBLIC]  # type: ignore[union-attr]
    assert open_routes
    assert all(route.requirement and route.requirement.why for route in open_routes)


def test_coverage_is_whole_and_machine_readable() -> None:
    said = StringIO()
    call_command("access_coverage", json=True, stdout=said)
    coverage = json.loads(said.getvalue())
    assert coverage["covered"] == 1
    assert {"clients:read", "roles:list", "organizations:suspend", "agents:execute"} <= set(coverage["used_keys"])
    assert len(coverage["used_keys"]) + len(coverage["unused_keys"]) == 226
    assert {"route", "console page", "model"} == {way["kind"] for way in coverage["ways"]}


def test_coverage_is_readable_by_people() -> None:
    said = StringIO()
    call_command("access_coverage", stdout=said)
    assert "100% declare what they need" in said.getvalue()
    assert "GET /o/<slug:organization>/clients/" in said.getvalue()


def test_a_view_may_ask_for_something_else_by_method() -> None:
    view = declares({"get": permission("team:list"), "post": permission("team:invite")})(lambda request: None)
    assert str(requirement_for(view, "", "GET")) == "team:list"
    assert str(requirement_for(view, "", "HEAD")) == "team:list"
    assert str(requirement_for(view, "", "POST")) == "team:invite"
    assert requirement_for(view, "", "DELETE") is None


def test_a_permission_names_at_least_one_key() -> None:
    with pytest.raises(ValueError, match="at least one key"):
        permission()


def test_a_requirement_reads_as_a_sentence() -> None:
    assert str(permission("a:b", "c:d")) == "a:b + c:d"
    assert str(member("their first page")) == "member: their first page"
    assert str(public("sign-in")) == "public: sign-in"
