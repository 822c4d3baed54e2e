"""A pooled connection carries nothing from one person's work to the next one's (threat 11)."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.live import ROOT
from tests.world import make_agency

PROGRAM = """
import json, sys
import django
django.setup()
from uuid import UUID
from django.db import connection
from clients.models import Client
from roles.actors import resolve
from tenancy.context import acting

def look():
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), current_user, current_setting('app.organization_id', true)")
        backend, role, organization = cursor.fetchone()
    seen = {"backend": backend, "role": role, "organization": organization or "", "clients": Client.objects.count()}
    connection.close()
    return seen

before = look()
actor = resolve(UUID(sys.argv[1]), organization_id=UUID(sys.argv[2]))
connection.close()
try:
    with acting(actor):
        within = Client.objects.count()
        with connection.cursor() as cursor:
            cursor.execute(sys.argv[3])
        raise ZeroDivisionError
except Exception as error:
    ended = type(error).__name__
connection.close()
print(json.dumps({"before": before, "within": within, "ended": ended, "after": look()}))
"""


@pytest.mark.requirement("CLI-5")
@pytest.mark.parametrize(
    ("statement", "error"),
    [("SELECT 1", "ZeroDivisionError"), ("SELECT 1 / 0", "DataError"), ("ROLLBACK", "ZeroDivisionError")],
)
def test_the_next_user_of_a_pooled_connection_starts_from_nothing(
    committed_db: str, statement: str, error: str
) -> None:
    agency = make_agency("Larkmoor")
    environment = {**os.environ, "DATABASE_URL": committed_db, "DATABASE_POOL_SIZE": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(agency.owner.pk), str(agency.organization.pk), statement],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout.splitlines()[-1])
    assert told["within"] == 3
    nothing = {"backend": told["before"]["backend"], "role": "iam_app", "organization": "", "clients": 0}
    assert told["before"] == nothing
    assert told["after"] == nothing
    assert told["ended"] == error
