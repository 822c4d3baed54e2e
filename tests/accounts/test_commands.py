"""Management commands whose transaction PostgreSQL breaks off: they say so in a sentence, and nothing is half done."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.roles.engine.waiting import held

pytestmark = pytest.mark.requirement("REL-2")


@pytest.fixture
def impatient(committed_db: str) -> Iterator[None]:
    """Let this process wait for a lock only for a moment."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    yield
    connection.close()


@pytest.fixture
def legacy_file(tmp_path: Path) -> str:
    file = tmp_path / "legacy.csv"
    file.write_text("email,legacy_role\nsomebody@iam.example,ADMIN\n")
    return str(file)


@pytest.mark.parametrize("command", ["sync_roles", "create_super_admin", "import_legacy_admins"])
def test_a_command_that_is_broken_off_says_so(command: str, impatient: None, legacy_file: str) -> None:
    arguments = {"create_super_admin": ["first@iam.example"], "import_legacy_admins": [legacy_file]}.get(command, [])
    everything = "LOCK TABLE accounts_user, roles_role, roles_membership, roles_permission IN ACCESS EXCLUSIVE MODE"
    with held(everything), pytest.raises(CommandError, match="nothing was changed. Try again"):
        call_command(command, *arguments)
