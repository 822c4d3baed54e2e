"""Processes that are killed: nobody else notices (PDP-6, REL-2)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from itertools import count

import pytest

from audit.models import AccessRecord
from roles.actions import AssignMany
from roles.engine.loading import read_version
from roles.models import Membership
from tests.concurrency import at_once
from tests.factories import built_in, inside, on_platform
from tests.live import ROOT, LiveServer, live_server
from tests.roles.authzen.asking import EVALUATION, Answer, post, question
from tests.roles.authzen.conftest import token_of
from tests.roles.engine.waiting import held, number_of, until
from tests.roles.racing import WAITING, by, held_up, role_of
from tests.world import Agency, make_agency

pytestmark = [pytest.mark.requirement("PDP-6"), pytest.mark.requirement("REL-2")]

_number = count(1)


@pytest.fixture
def agency(module_db: str) -> Agency:
    return make_agency(f"Harbor{next(_number)}")


LOCKS = (
    "SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
    " WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'"
)


class TestTheServerIsKilledWhileItLoads:
    """The process that answers, with kill -9, at the statement that reads the assignments."""

    def children(self, parent: int) -> set[int]:
        """Return the processes that a process has started."""
        listed = subprocess.run(["/bin/ps", "-A", "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=True)
        rows = (line.split(None, 2) for line in listed.stdout.splitlines())
        return {int(pid) for pid, started_by, name in rows if int(started_by) == parent and not name.endswith("ps")}

    @pytest.mark.slow
    def test_another_process_and_a_new_one_answer_rightly(self, module_db: str, agency: Agency) -> None:
        token = token_of(agency, agency.owner)
        asked = question(agency.member, "clients:read", "client", agency.clients[0])

        def ask(server: LiveServer) -> Answer:
            return post(server.url, token, EVALUATION, asked)

        others = self.children(os.getpid())
        with live_server(module_db) as struck, ExitStack() as ends:
            [keeper] = self.children(os.getpid()) - others
            [killed] = self.children(keeper)
            standing = ends.enter_context(live_server(module_db))
            assert ask(standing).decision

            def strike() -> None:
                until(lambda: number_of(WAITING) == 1, "the snapshot is being loaded")
                assert ask(standing).decision
                os.kill(killed, signal.SIGKILL)
                until(lambda: bool(self.children(keeper) - {killed}), "another process takes over")
                assert ask(standing).decision

            with held("LOCK TABLE clients_clientgrant IN ACCESS EXCLUSIVE MODE"):
                failed, struck_down = at_once([lambda: ask(struck), strike])
            assert isinstance(failed, OSError | HTTPException), failed
            assert struck_down is None, struck_down
            until(lambda: number_of(LOCKS) == 0, "nothing is locked any more")
            assert ask(struck).decision
            with inside(agency.organization):
                Membership.objects.filter(user=agency.member).delete()
            assert not ask(struck).decision
            assert not ask(standing).decision


WRITER = """
import sys
import django
django.setup()
from uuid import UUID
from roles.actions import UnassignMany
from roles.actors import resolve
from tenancy.context import acting
organization, owner, member = map(UUID, sys.argv[1:])
actor = resolve(owner, organization_id=organization)
with acting(actor):
    UnassignMany(actor, [member]).execute()
    print("changed", flush=True)
    sys.stdin.read()
"""


class TestTheWriterIsKilledBeforeItsCommit:
    @contextmanager
    def writer(self, database_url: str, agency: Agency) -> Iterator[subprocess.Popen[str]]:
        """Run a process that has removed the member, and has not committed it, until the block ends."""
        ids = [str(one.pk) for one in (agency.organization, agency.owner, agency.member)]
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, *ids],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": database_url, "DJANGO_SETTINGS_MODULE": "iam_dashboard.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert writer.stdout is not None and writer.stdout.readline() == "changed\n"
            yield writer
        finally:
            writer.kill()
            writer.communicate()

    @pytest.mark.slow
    def test_nothing_has_happened_and_who_waited_goes_on(self, module_db: str, agency: Agency) -> None:
        organization = agency.organization.pk
        before = read_version(organization)
        waiting = by(agency.actor("owner"), AssignMany, [agency.viewer.pk], built_in("org-member"))
        with self.writer(module_db, agency) as writer:
            assert read_version(organization) == before
            finish = held_up(waiting)
            writer.kill()
            [given] = finish()
        assert not isinstance(given, Exception), given
        assert role_of(agency, "member") == "org-member"
        assert role_of(agency, "viewer") == "org-member"
        after = read_version(organization)
        assert after.own > before.own and after.shared == before.shared
        with on_platform():
            assert not AccessRecord.objects.filter(operation="remove_membership").exists()
            assert AccessRecord.objects.filter(operation="assign_role", organization_id=organization).count() == 1
        until(lambda: number_of(LOCKS) == 0, "nothing is locked any more")
