"""The figures of bench.roles: imported once Django is set up."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from threading import Barrier, BrokenBarrierError, Thread
from typing import Any
from uuid import UUID

import psycopg
from django.test import Client as WebClient
from knox.models import AuthToken

from accounts.models import ApiToken, User
from bench.harness import Line, note
from bench.roles import PEOPLE
from bench.roles_editors import CSRF, GIVEN, TAKEN, ApiEditor, ConsoleEditor, Editor, named
from bench.web import web_server
from roles.actors import resolve
from roles.impact import impact_of_update
from roles.models import Role
from tenancy.actors import SystemActor
from tenancy.context import acting

TARGET_MS = 100
PREVIEW_OF_ALL_MS = 1000
WITHOUT_PAUSES = 15.0


def require_right_preview(dsn: str) -> None:
    """Compare the preview of an edit that touches everyone with what PostgreSQL says person by person, edit applied."""
    actor = resolve(named("editor 1"))
    with acting(actor):
        crew = Role.objects.get(pk=named("crew"))
        own = set(crew.permissions.values_list("key", flat=True))
        values = {"permissions": (own - {TAKEN}) | {GIVEN}}
        impact = impact_of_update(actor, crew.pk, values)
        told = {
            (membership.user_id, effect.gained, effect.lost)
            for effect in impact.effects
            for membership in impact.people_of(effect)
        }
    with psycopg.connect(dsn) as server:
        people = server.execute("SELECT user_id, role_id FROM roles_membership").fetchall()
        before = _effective(server)
        server.execute("DELETE FROM roles_rolepermission WHERE role_id = %s", [crew.pk])
        for key in values["permissions"]:
            server.execute("INSERT INTO roles_rolepermission (role_id, permission_id) VALUES (%s, %s)", [crew.pk, key])
        after = _effective(server)
        server.rollback()
    found = {
        (user, tuple(sorted(after[role] - before[role])), tuple(sorted(before[role] - after[role])))
        for user, role in people
        if after[role] != before[role]
    }
    told = {(user, tuple(sorted(gained)), tuple(sorted(lost))) for user, gained, lost in told}
    if told != found or not found:
        raise AssertionError(f"The preview names {len(told):,} people, PostgreSQL {len(found):,}.")
    note(f"The preview of an edit agrees with PostgreSQL about {len(found):,} people who gain or lose by it.")


def _effective(server: psycopg.Connection[Any]) -> dict[UUID, set[str]]:
    asked = "SELECT r.id, p.permission_id FROM roles_role r LEFT JOIN LATERAL iam_effective_permissions(r.id) p ON true"
    held: dict[UUID, set[str]] = defaultdict(set)
    for role, key in server.execute(asked):
        held[role] |= {key} if key else set()
    return held


def measure(*, editors: int, seconds: float, pauses: tuple[float, float]) -> Iterator[Line]:
    """Yield the figures of the editors at work by API and in the console, of one who asks about everyone, and of the
    API without pauses."""
    users = [User(pk=named(f"editor {number}")) for number in range(1, editors + 1)]
    by_api, by_console = [_token(user) for user in users], [_session(user) for user in users]
    with web_server(API_WRITE_RATE="100000000/min", DATABASE_POOL_SIZE="10") as port:
        faces = (("API", ApiEditor, by_api), ("console", ConsoleEditor, by_console))
        for (face, make, signed_in), pause in zip(faces, pauses, strict=True):
            note(f"{editors} editors work by {face} for {seconds:.0f} s, pausing {pause} s on average …")
            times = _run([make(number, port, one, pause) for number, one in enumerate(signed_in, 1)], seconds)
            done = sum(map(len, times.values()))
            note(f"… and made {done:,} requests, {done / seconds:.0f} a second.")
            for name, taken in sorted(times.items()):
                for percentile in (50, 95, 99):
                    limit = TARGET_MS if percentile == 95 else None
                    yield _line(f"{face}: {name}, {editors} editors, p{percentile}", taken, percentile, limit)
        one = ApiEditor(1, port, by_api[0], 0)
        for _ in range(20):
            one.preview_of_all()
        for percentile in (50, 95):
            limit = PREVIEW_OF_ALL_MS if percentile == 95 else None
            yield _line(
                f"API: preview for {PEOPLE:,} people, p{percentile}", one.times["preview of all"], percentile, limit
            )
        times = _run([ApiEditor(number, port, one, 0) for number, one in enumerate(by_api, 1)], WITHOUT_PAUSES)
        every = [one for taken in times.values() for one in taken]
        name = f"API: {editors} editors without pauses"
        yield Line(name, round(len(every) / WITHOUT_PAUSES, 1), "requests/s", "", None, "for information", None)
        yield _line(f"{name}, p95", every, 95, None)


def _run(workers: Sequence[Editor], seconds: float) -> dict[str, list[float]]:
    """Let the editors work, and return the seconds that each kind of request took. Raises what went wrong for one."""
    start = Barrier(len(workers) + 1)
    end = [float("inf")]
    failed: list[BaseException] = []

    def work(editor: Editor) -> None:
        try:
            editor.work(lambda: bool(failed) or time.monotonic() > end[0], start)
        except BrokenBarrierError:
            pass  # another has failed, and says why
        except BaseException as error:
            failed.append(error)
            start.abort()

    threads = [Thread(target=work, args=(editor,)) for editor in workers]
    for thread in threads:
        thread.start()
    try:
        start.wait()
        end[0] = time.monotonic() + seconds
    except BrokenBarrierError:
        pass
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    times: dict[str, list[float]] = defaultdict(list)
    for editor in workers:
        for name, taken in editor.times.items():
            times[name] += taken
    return times


def _token(user: User) -> Mapping[str, str]:
    with acting(SystemActor("bench")):
        credential, secret = AuthToken.objects.create(user=user)
        ApiToken.objects.create(credential=credential, user=user, organization=None, name="bench")
    return {"Authorization": f"Token {secret}", "Content-Type": "application/json"}


def _session(user: User) -> Mapping[str, str]:
    browser = WebClient()
    with acting(SystemActor("bench")):
        user = User.objects.get(pk=user.pk)
    browser.force_login(user, backend="accounts.backends.SignInBackend")
    cookies = f"sessionid={browser.cookies['sessionid'].value}; csrftoken={CSRF}"
    form = "application/x-www-form-urlencoded"
    return {"Cookie": cookies, "X-CSRFToken": CSRF, "Content-Type": form}


def _line(name: str, taken: list[float], percent: int, limit: int | None) -> Line:
    """Return the nearest-rank percentile of some seconds, in milliseconds."""
    ordered = sorted(taken)
    value = ordered[max(0, -(-len(ordered) * percent // 100) - 1)] * 1000
    ok = None if limit is None else value <= limit
    return Line(name, round(value, 1), "ms", "", None, f"≤ {limit} ms" if limit else "for information", ok)
