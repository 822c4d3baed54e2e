"""Who asks: looked up once for each token and state of the policy, and known until the token is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from threading import current_thread
from typing import Any

import psycopg
import pytest
from django.utils import timezone

from accounts.decisions import authenticate
from accounts.models import ApiToken
from roles.actors import RoleActor
from roles.authzen import askers as askers_module
from roles.authzen.askers import MOST_STRANGERS_AT_ONCE, Asker, Askers
from roles.authzen.errors import Forbidden, TooManyRefusals, Unauthenticated
from roles.authzen.limits import Rate, RefusalLimit
from roles.authzen.versions import Versions
from roles.engine.snapshot import Version
from roles.models import Role
from tenancy.errors import Reason
from tests.factories import MembershipFactory, built_in, inside
from tests.isolation.rows import superuser_dsn
from tests.roles.authzen.conftest import hire, token_of
from tests.roles.authzen.playing import Line, played
from tests.roles.authzen.test_freshness import move
from tests.world import Agency

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-6")]

MOST_REFUSALS = 5
ADDRESS = "192.0.2.7"
SCOPE = {"type": "http", "method": "POST", "path": "/access/v1/evaluation", "headers": [], "client": (ADDRESS, 4711)}


@dataclass
class Desk:
    """The askers of one event loop, and what has been done for them: how often each token was looked up, the names of
    the threads that did so, and whose use was noted. Noting fails with `failure`, if there is one."""

    failure: Exception | None = None
    looked_up: list[str] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    noted: list[RoleActor] = field(default_factory=list)
    line: Line = field(default_factory=Line)
    refusals: RefusalLimit = field(default_factory=lambda: RefusalLimit(Rate(MOST_REFUSALS, 60)))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Desk]:
        versions = Versions(self.line.connect)
        with ThreadPoolExecutor(4, thread_name_prefix="given") as threads:
            self.askers = Askers(self._look_up, self._note, versions, threads, self.refusals)
            try:
                yield self
                await self._settle()
            finally:
                await versions.close()

    def _look_up(self, authorization: str) -> Asker:
        self.looked_up.append(authorization)
        self.threads.append(current_thread().name)
        return authenticate(authorization)

    def _note(self, actor: RoleActor) -> None:
        self.threads.append(current_thread().name)
        self.noted.append(actor)
        if self.failure is not None:
            raise self.failure

    async def _settle(self) -> None:
        """Wait until all is done that is done beside the answers."""
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)

    async def find(self, *tokens: str) -> list[tuple[Asker, Version]]:
        """Return who asks with each of the tokens, one after another."""
        return [await self.askers.find(f"Bearer {token}" if token else "", SCOPE) for token in tokens]

    def close_address(self) -> None:
        for _ in range(MOST_REFUSALS):
            self.refusals.count(ADDRESS)


def asked(desk: Desk, *tokens: str) -> list[tuple[Asker, Version]]:
    """Return who asks with each of the tokens, one after another, at a desk that has just been opened."""

    async def play() -> list[tuple[Asker, Version]]:
        async with desk.open():
            return await desk.find(*tokens)

    return played(play())


def change(statement: str, *values: Any) -> None:
    """Change something behind the application's back."""
    with psycopg.connect(superuser_dsn(), autocommit=True) as database:
        assert database.execute(statement, values).rowcount > 0  # type: ignore[call-overload]


@pytest.fixture
def token(agency: Agency) -> str:
    return token_of(agency, agency.owner)


def test_a_token_is_looked_up_once(agency: Agency, token: str) -> None:
    desk = Desk()
    (first, version), (again, same_version) = asked(desk, token, token)
    assert first is again and first.actor.user_id == agency.owner.pk
    assert version == same_version and first.version.covers(version)
    assert desk.looked_up == [f"Bearer {token}"]


def test_each_token_has_its_own_asker(agency: Agency, token: str) -> None:
    (owner, _), (member, _) = asked(Desk(), token, token_of(agency, agency.member))
    assert (owner.actor.user_id, member.actor.user_id) == (agency.owner.pk, agency.member.pk)


def test_what_blocks_is_done_in_the_threads_that_are_given(token: str) -> None:
    desk = Desk()
    asked(desk, token)
    assert len(desk.threads) == 2 and all(name.startswith("given") for name in desk.threads)


def test_a_crowd_with_one_new_token_has_it_looked_up_no_more_often_than_it_has_turns(token: str) -> None:
    desk = Desk()

    async def play() -> None:
        async with desk.open():
            await asyncio.gather(*(desk.find(token) for _ in range(30)))

    played(play())
    assert 1 <= len(desk.looked_up) <= MOST_STRANGERS_AT_ONCE


def test_an_asker_is_looked_up_again_when_the_policy_has_moved(agency: Agency, token: str) -> None:
    desk = Desk()

    async def play() -> None:
        async with desk.open():
            [(before, _)] = await desk.find(token)
            statements = desk.line.statements
            move(agency)
            [(after, version)] = await desk.find(token)
            assert after.version.own > before.version.own and after.version.covers(version)
            assert desk.line.statements == statements + 1
            await desk.find(token)

    played(play())
    assert desk.looked_up == [f"Bearer {token}"] * 2


def test_a_token_that_was_moved_is_told_with_the_version_of_where_it_leads_now(
    agency: Agency, other_agency: Agency
) -> None:
    person = hire(agency, "team:read")
    MembershipFactory(user=person, organization=other_agency.organization, role=built_in("org-admin"))
    desk, token, there = Desk(), token_of(agency, person), other_agency.organization.pk
    neighbour = token_of(other_agency, other_agency.owner)

    async def play() -> tuple[Asker, Version, Version]:
        async with desk.open():
            await desk.find(token)
            change("UPDATE accounts_apitoken SET organization_id = %s WHERE user_id = %s", there, person.pk)
            [(asker, version)] = await desk.find(token)
            [(_, theirs)] = await desk.find(neighbour)
            return asker, version, theirs

    asker, version, theirs = played(play())
    assert asker.organization_id == there and version == theirs


def test_without_a_token_nobody_is_looked_up() -> None:
    desk = Desk()
    with pytest.raises(Unauthenticated) as refused:
        asked(desk, "")
    assert refused.value.attempt is not None and refused.value.attempt[1].reason is Reason.NOT_SIGNED_IN
    assert desk.looked_up == []


@pytest.mark.parametrize("sent", ["", "iam_guess"])
def test_at_a_closed_address_nobody_who_is_not_known_is_looked_up(module_db: str, sent: str) -> None:
    desk = Desk()
    desk.close_address()
    with pytest.raises(TooManyRefusals):
        asked(desk, sent)
    assert desk.looked_up == []


def test_an_address_that_closes_while_somebody_waits_for_their_turn_is_closed_to_them(token: str) -> None:
    desk = Desk()

    async def play() -> list[Any]:
        async with desk.open():
            waiting = [asyncio.ensure_future(desk.find(f"iam_guess{one}")) for one in range(MOST_STRANGERS_AT_ONCE)]
            last = asyncio.ensure_future(desk.find(token))
            await asyncio.sleep(0)
            desk.close_address()
            return await asyncio.gather(*waiting, last, return_exceptions=True)

    *refused, last = played(play())
    assert {type(one) for one in refused} == {Unauthenticated} and isinstance(last, TooManyRefusals)


def test_a_token_that_is_refused_is_not_known_any_more(agency: Agency, token: str) -> None:
    desk = Desk()

    async def play() -> None:
        async with desk.open():
            await desk.find(token)
            desk.close_address()
            await desk.find(token)
            change("DELETE FROM accounts_apitoken WHERE user_id = %s", agency.owner.pk)
            with pytest.raises(Unauthenticated):
                await desk.find(token)
            with pytest.raises(TooManyRefusals):
                await desk.find(token)

    played(play())


def test_a_token_whose_time_is_over_is_refused_and_not_known_any_more(
    agency: Agency, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = timezone.now() + timedelta(hours=1)
    with inside(agency.organization):
        credential = ApiToken.objects.filter(user=agency.owner).latest("created_at").credential
        credential.expiry = ends
        credential.save()
    desk = Desk()

    async def play() -> Unauthenticated:
        async with desk.open():
            [(asker, _)] = await desk.find(token)
            assert asker.expires_at == ends.timestamp()
            monkeypatch.setattr(askers_module, "time", ends.timestamp)
            with pytest.raises(Unauthenticated) as refused:
                await desk.find(token)
            desk.close_address()
            with pytest.raises(TooManyRefusals):
                await desk.find(token)
            return refused.value

    attempt = played(play()).attempt
    assert attempt is not None and attempt[1].reason is Reason.TOKEN_REFUSED


def test_when_too_many_are_known_it_begins_anew(agency: Agency, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(askers_module, "MOST_KEPT", 2)
    desk, second, third = Desk(), token_of(agency, agency.admin), token_of(agency, agency.member)
    asked(desk, token, second, token, third, third, token)
    assert desk.looked_up == [f"Bearer {one}" for one in (token, second, third, token)]


def test_of_those_who_are_known_none_is_forgotten_for_another_of_them(
    agency: Agency, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(askers_module, "MOST_KEPT", 2)
    desk, second = Desk(), token_of(agency, agency.admin)

    async def play() -> None:
        async with desk.open():
            await desk.find(token, second)
            desk.close_address()
            move(agency)
            await desk.find(token, second)

    played(play())


def test_the_use_of_a_token_is_noted_once_a_minute(agency: Agency, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([1.0, 60.9, 61.0, 61.0])
    monkeypatch.setattr(askers_module, "monotonic", lambda: next(moments))
    desk = Desk()
    asked(desk, *[token] * 3, token_of(agency, agency.admin))
    assert [actor.user_id for actor in desk.noted] == [agency.owner.pk, agency.owner.pk, agency.admin.pk]


def test_of_a_token_that_was_refused_nothing_is_remembered(agency: Agency) -> None:
    """Not even that its use was noted, should it be let in again."""
    person = hire(agency, "team:read")
    desk, token = Desk(), token_of(agency, person)
    with inside(agency.organization):
        role = Role.objects.get(memberships__user=person).pk

    async def play() -> None:
        async with desk.open():
            await desk.find(token)
            change("UPDATE roles_role SET is_active = false WHERE id = %s", role)
            with pytest.raises(Forbidden):
                await desk.find(token)
            change("UPDATE roles_role SET is_active = true WHERE id = %s", role)
            await desk.find(token)

    played(play())
    assert [actor.user_id for actor in desk.noted] == [person.pk] * 2


def test_a_use_that_is_not_noted_is_logged_and_changes_no_answer(
    agency: Agency, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(failure=RuntimeError("no room"))
    assert [asker.actor.user_id for asker, _ in asked(desk, token)] == [agency.owner.pk]
    assert [one.exc_info and one.exc_info[1] for one in caplog.records] == [desk.failure]
