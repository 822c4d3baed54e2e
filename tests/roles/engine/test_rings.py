"""Transactions that wait for each other: where an order prevents it no ring closes, and one that does is broken off
with nothing half done (PDP-6, REL-2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Thread
from typing import Any

import psycopg
import pytest
from django.db import connections
from django.test import Client as Browser
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.actions.legacy import ImportLegacyAdmins, LegacyFile, LegacyRow
from accounts.actions.users import BanUser
from accounts.models import User
from roles.actions import AssignMany, DeleteRole, UpdateRole, assign
from roles.legacy import LegacyRole
from roles.models import Membership, Role
from tenancy.context import acting
from tenancy.errors import Overtaken
from tests.concurrency import PATIENCE
from tests.factories import MembershipFactory, UserFactory, built_in, on_platform
from tests.isolation.rows import superuser_dsn
from tests.roles.engine.waiting import held, number_of, until
from tests.roles.racing import WAITING, Call, by, role_of, shared_role, super_admin
from tests.world import Agency, make_agency

pytestmark = [pytest.mark.requirement("PDP-6"), pytest.mark.requirement("REL-2")]

_number = count(1)


@pytest.fixture
def neighbours(module_db: str) -> tuple[Agency, Agency]:
    """Two agencies, the one first whose version is locked first."""
    one, other = (make_agency(f"Neighbour{next(_number)}", clients=0) for _ in range(2))
    return (one, other) if one.organization.pk < other.organization.pk else (other, one)


def version_held(agency: Agency) -> Any:
    """Keep the version of the agency's policy from moving until the block ends."""
    return held("SELECT 1 FROM roles_policyversion WHERE organization_id = %s FOR UPDATE", agency.organization.pk)


def member_of(*agencies: Agency, platform: str = "", legacy_role: str = "") -> User:
    """Return somebody new with a role in each of the agencies, and on the platform if it is named."""
    user = UserFactory(legacy_role=legacy_role)
    for agency in agencies:
        MembershipFactory(user=user, organization=agency.organization, role=built_in("org-viewer"))
    if platform:
        MembershipFactory(user=user, organization=None, role=built_in(platform))
    return user


def holders(role: Role, *agencies: Agency) -> list[Membership]:
    """Return the memberships of somebody new with the role in each of the agencies, made in that order."""
    return [MembershipFactory(user=UserFactory(), organization=one.organization, role=role) for one in agencies]


def ban(*users: User) -> Call:
    """Return the call that bans people one after another, in one transaction."""
    actor = super_admin()

    def call() -> None:
        with acting(actor):
            for user in users:
                BanUser(actor, user.pk, "because of a test").execute()

    return call


def end(role: Role) -> Call:
    return by(super_admin(), DeleteRole, role.pk, built_in("org-member"))


def importing(*users: User) -> Call:
    """Return the call that maps legacy analysts."""
    rows = tuple(LegacyRow(line, user.email, LegacyRole.ANALYST) for line, user in enumerate(users, 2))
    return by(super_admin(), ImportLegacyAdmins, LegacyFile(rows))


def taking_away(*held: Membership) -> Call:
    """Return the request by which the console takes their role from people."""
    browser = Browser()
    browser.force_login(make_super_admin(), backend="accounts.backends.SignInBackend")
    address = reverse("admin:roles_role_people-remove", args=[held[0].role_id])
    return lambda: browser.post(address, {"membership": [str(one.pk) for one in held], "stage": "save"}).status_code


def make_super_admin() -> User:
    return User.objects.get(pk=super_admin().user_id)


def is_active(user: User) -> bool:
    with on_platform():
        return User.objects.get(pk=user.pk).is_active


def one_after_another(*calls: Call) -> Callable[[], list[Any]]:
    """Start the calls, each once the one before waits for a lock, and return when all of them do.

    What is returned gives what each call returned or raised.
    """
    outcomes: list[Any] = [None] * len(calls)

    def run(place: int, call: Call) -> None:
        try:
            outcomes[place] = call()
        except Exception as error:
            outcomes[place] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=one, daemon=True) for one in enumerate(calls)]
    for started, thread in enumerate(threads, 1):
        thread.start()
        until(lambda: number_of(WAITING) == started, f"{started} wait: {outcomes}")  # noqa: B023

    def finish() -> list[Any]:
        for thread in threads:
            thread.join(PATIENCE)
        return outcomes

    return finish


def none_failed(outcomes: list[Any]) -> bool:
    return not [one for one in outcomes if isinstance(one, Exception)]


class TestNobodyWaitsInARing:
    """Pairs of verbs that change several organizations meet where they would close a ring, were the versions of the
    organizations not locked in one order."""

    def test_people_of_a_role_that_ends_are_changed_in_the_order_of_their_organizations(
        self, neighbours: tuple[Agency, Agency], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(assign, "MOST_AT_ONCE", 1)
        one, other = neighbours
        role = shared_role(one, "clients:read")
        held = holders(role, other, one)
        banned = member_of(one, other)
        with version_held(one):
            finish = one_after_another(ban(banned), end(role))
        outcomes = finish()
        assert none_failed(outcomes), outcomes
        assert not is_active(banned)
        with on_platform():
            given = Membership.objects.filter(pk__in=[membership.pk for membership in held])
            assert list(given.values_list("role__name", flat=True)) == ["org-member"] * 2

    def test_administrators_are_brought_in_after_their_organizations_are_changed(
        self, neighbours: tuple[Agency, Agency]
    ) -> None:
        one, _ = neighbours
        role = shared_role(one, "clients:read")
        holders(role, one)
        named = [member_of(legacy_role="ANALYST"), member_of(one, legacy_role="ANALYST")]
        with version_held(one):
            finish = one_after_another(end(role), importing(*named))
        outcomes = finish()
        assert none_failed(outcomes), outcomes
        with on_platform():
            assert Membership.objects.filter(user__in=named, organization=None).count() == 2
            assert set(User.objects.filter(pk__in=[user.pk for user in named]).values_list("legacy_role")) == {("",)}

    def test_a_role_is_taken_away_in_the_order_of_the_organizations(self, neighbours: tuple[Agency, Agency]) -> None:
        one, other = neighbours
        role = shared_role(one, "clients:read")
        # The console lists people by their addresses, which are numbered as they are made.
        first, second = holders(role, one, other), holders(role, other, one)
        with version_held(one):
            finish = one_after_another(taking_away(*first), taking_away(*second))
        assert finish() == [302, 302]
        with on_platform():
            assert not Membership.objects.filter(role=role).exists()

    def test_people_of_the_same_organizations_are_banned_at_once(self, neighbours: tuple[Agency, Agency]) -> None:
        one, other = neighbours
        people = [member_of(one, other), member_of(other, one, platform="analyst")]
        with version_held(one):
            finish = one_after_another(*map(ban, people))
        outcomes = finish()
        assert none_failed(outcomes), outcomes
        assert not any(is_active(user) for user in people)

    def test_an_edit_for_everybody_waits_with_changes_in_an_organization(
        self, neighbours: tuple[Agency, Agency]
    ) -> None:
        one, _ = neighbours
        role = shared_role(one, "clients:read")
        holders(role, one)
        edit = by(super_admin(), UpdateRole, role.pk, {"permissions": ["notes:read"]})
        give = by(one.actor("owner"), AssignMany, [one.viewer.pk], built_in("org-member"))
        banning = ban(member_of(one, platform="analyst"))
        with held("SELECT 1 FROM roles_policyversion WHERE organization_id IS NULL FOR UPDATE"):
            finish = one_after_another(banning, edit, give)
        outcomes = finish()
        assert none_failed(outcomes), outcomes


class TestARingIsBrokenOff:
    """Where a request does several things one after another, rings can close. PostgreSQL breaks one of them off."""

    def test_of_two_transactions_one_is_undone_and_goes_through_when_tried_again(
        self, neighbours: tuple[Agency, Agency]
    ) -> None:
        one, other = neighbours
        forth, back = [member_of(one), member_of(other)], [member_of(other), member_of(one)]
        calls = [ban(*forth), ban(*back)]
        with version_held(one), version_held(other):
            finish = one_after_another(*calls)
        outcomes = finish()
        [overtaken] = [place for place, outcome in enumerate(outcomes) if outcome is not None]
        assert isinstance(outcomes[overtaken], Overtaken), outcomes
        assert [is_active(user) for user in (forth, back)[overtaken]] == [True, True]
        assert [is_active(user) for user in (forth, back)[not overtaken]] == [False, False]
        calls[overtaken]()
        assert [is_active(user) for user in (forth, back)[overtaken]] == [False, False]

    @contextmanager
    def rival(self, agency: Agency) -> Iterator[Callable[[User], None]]:
        """Hold the agency's version. What is yielded wants the person's memberships besides, and outwaits whoever has
        them."""
        with psycopg.connect(superuser_dsn()) as rival:
            rival.execute("SET deadlock_timeout = '1min'")
            version = "SELECT 1 FROM roles_policyversion WHERE organization_id = %s FOR UPDATE"
            rival.execute(version, (agency.organization.pk,))
            yield lambda user: rival.execute("SELECT 1 FROM roles_membership WHERE user_id = %s FOR UPDATE", (user.pk,))  # type: ignore[func-returns-value]
            rival.rollback()

    def test_the_api_answers_that_there_was_a_conflict(self, neighbours: tuple[Agency, Agency]) -> None:
        one, _ = neighbours
        role, before = shared_role(one, "clients:read"), role_of(one, "viewer")
        client = APIClient()
        client.force_login(make_super_admin(), backend="accounts.backends.SignInBackend")
        sent = {"users": [str(one.viewer.pk)], "organization": str(one.organization.pk)}
        address = f"/api/admin/roles/{role.pk}/assign"
        with self.rival(one) as wants:
            finish = one_after_another(lambda: client.post(address, sent, format="json"))
            wants(one.viewer)
            [answer] = finish()
        assert answer.status_code == 409, answer
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "Try again" in answer.json()["detail"]
        assert role_of(one, "viewer") == before
        assert client.post(address, sent, format="json").status_code == 200
        assert role_of(one, "viewer") == role.name

    def test_the_console_says_that_somebody_else_was_faster(self, neighbours: tuple[Agency, Agency]) -> None:
        one, _ = neighbours
        held = holders(shared_role(one, "clients:read"), one)
        browser = Browser()
        browser.force_login(make_super_admin(), backend="accounts.backends.SignInBackend")
        address = reverse("admin:roles_role_people-remove", args=[held[0].role_id])
        sent = {"membership": [str(held[0].pk)], "stage": "save"}
        with self.rival(one) as wants:
            finish = one_after_another(lambda: browser.post(address, sent))
            wants(held[0].user)
            [answer] = finish()
        assert answer.status_code == 409, answer
        assert "Somebody else was faster" in answer.content.decode()
        with on_platform():
            assert Membership.objects.filter(pk=held[0].pk).exists()
        assert browser.post(address, sent).status_code == 302
