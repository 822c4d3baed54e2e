"""A file brings in legacy administrators: all that it names, or none of them (ROLE-11)."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from accounts.actions.legacy import IMPORTER, ImportLegacyAdmins, read_legacy_file
from accounts.models import User
from audit.models import AccessRecord, ModelChange
from roles.legacy import BUILT_IN, LegacyRole
from roles.models import Membership, Role
from tenancy.context import acting
from tenancy.errors import AccessDenied
from tests.accounts.legacy import actor_of, legacy_admin, legacy_changes, role_of, stored
from tests.concurrency import at_once, failures
from tests.factories import MembershipFactory, UserFactory, built_in, on_platform
from tests.world import make_staff

pytestmark = pytest.mark.requirement("ROLE-11")

ROLES = "/api/admin/roles/"


@pytest.fixture
def bring_in(tmp_path: Path) -> Callable[..., str]:
    """Return a function that runs the command on a file of these lines and returns what it said."""

    def run(*lines: str, **options: bool) -> str:
        file, said = tmp_path / "admins.csv", StringIO()
        file.write_text("\n".join(["email,legacy_role", *lines]), encoding="utf-8")
        call_command("import_legacy_admins", str(file), stdout=said, **options)
        return said.getvalue()

    return run


# The file


@pytest.mark.parametrize(
    "content",
    [
        b"email,legacy_role\nada@old.example,ADMIN\n",
        b"\xef\xbb\xbfemail,legacy_role\r\nada@old.example,ADMIN\r\n",
        b"Legacy_Role , EMAIL\n\nADMIN, Ada@Old.example \n,\n\n",
        b"email,legacy_role\nada@old.example,ADMIN\nADA@old.example,ADMIN",
        b'"email","legacy_role"\n"ada@old.example","ADMIN"',
    ],
)
def test_a_file_is_read_however_it_was_saved(content: bytes) -> None:
    read = read_legacy_file(content)
    assert read.problems == ()
    assert [(row.email, row.legacy_role) for row in read.rows] == [("ada@old.example", LegacyRole.ADMIN)]


@pytest.mark.parametrize(
    ("content", "line", "sentence"),
    [
        (b"", 1, "The columns are “”"),
        (b"ada@old.example,ADMIN\n", 1, "Write: email,legacy_role"),
        (b"email;legacy_role\nada@old.example;ADMIN\n", 1, "Write: email,legacy_role"),
        (b"email,legacy_role,email\n", 1, "Write: email,legacy_role"),
        (b"email,legacy_role\nada@old.example,ADMIN\n\xff\xfe@old.example,ADMIN\n", 3, "not UTF-8"),
        (b"email,legacy_role\n\nada@old.example,OWNER\n", 3, "“OWNER” is no legacy role"),
        (b"email,legacy_role\nada@old.example,admin\n", 2, "SUPER_ADMIN, ADMIN, SUPPORT, ANALYST"),
        (b"email,legacy_role\nada@old.example,\n", 2, "“” is no legacy role"),
        (b"email,legacy_role\nada@old.example\n", 2, "1 columns, not 2"),
        (b"email,legacy_role\nada@old.example,ADMIN,x\n", 2, "3 columns, not 2"),
        (b"email,legacy_role\nada,ADMIN\n", 2, "“ada” is not an e-mail address"),
        (b"email,legacy_role\n\x1b[31mada@old.example,ADMIN\n", 2, "“[31mada@old.example” is not"),
        (b"email,legacy_role\nbot@service.x.invalid,ADMIN\n", 2, "can be written to"),
        (b'email,legacy_role\n"a\nb",ADMIN\nada@old.example,BOSS\n', 4, "“BOSS”"),
        (b"email,legacy_role\nada@old.example,ADMIN\nADA@old.example,ANALYST\n", 3, "is ADMIN in line 2"),
        (b'email,legacy_role\nada@old.example,"ADMIN\n', 2, "not CSV"),
        (b"email,legacy_role\n" + b"x" * 1_000_000, 1, "larger than 1,000,000 bytes"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_by_line(content: bytes, line: int, sentence: str) -> None:
    problems = [problem for problem in read_legacy_file(content).problems if problem.line == line]
    assert len(problems) == 1
    assert sentence in problems[0].sentence


# The import


@pytest.mark.django_db
@pytest.mark.parametrize("legacy_role", LegacyRole)
def test_an_account_gets_the_role_that_its_legacy_role_has_become(
    legacy_role: LegacyRole, bring_in: Callable[..., str], call: Any
) -> None:
    legacy = legacy_admin(legacy_role, email="ada@old.example")
    before = actor_of(legacy)
    said = bring_in(f"ada@old.example,{legacy_role}")
    after = actor_of(legacy)
    assert role_of("ada@old.example") == BUILT_IN[legacy_role]
    assert stored(legacy).legacy_role == ""
    assert (after.role_id, after.permissions) == (before.role_id, before.permissions)
    assert call(legacy).get(ROLES).status_code == call(make_staff(BUILT_IN[legacy_role])).get(ROLES).status_code
    assert "1 mapped, 0 of them new; 0 unchanged." in said


@pytest.mark.django_db
def test_a_file_brings_in_an_account_without_a_legacy_value(bring_in: Callable[..., str]) -> None:
    UserFactory(email="ada@old.example")
    bring_in("ada@old.example,SUPPORT")
    assert role_of("ada@old.example") == "support-agent"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "bad",
    [
        "eve@old.example,OWNER",
        "not an address,ADMIN",
        "eve@old.example",
        "eve@old.example,ADMIN",
        "ada@old.example,ANALYST",
    ],
)
def test_one_bad_line_and_nothing_of_the_file_is_applied(bad: str, bring_in: Callable[..., str]) -> None:
    ada = legacy_admin("ADMIN", email="ada@old.example")
    legacy_admin("SUPPORT", email="bob@old.example")
    with pytest.raises(CommandError, match=r"(?s)line 3: .*1 problem: nothing of the file was applied"):
        bring_in("ada@old.example,ADMIN", bad, "bob@old.example,SUPPORT")
    assert (role_of("ada@old.example"), role_of("bob@old.example")) == (None, None)
    assert stored(ada).legacy_role == "ADMIN"
    with on_platform():
        assert not AccessRecord.objects.filter(operation="import_legacy_admin").exists()
    bring_in("ada@old.example,ADMIN", "bob@old.example,SUPPORT")
    assert (role_of("ada@old.example"), role_of("bob@old.example")) == ("platform-admin", "support-agent")


@pytest.mark.django_db
def test_every_problem_is_told_at_once_in_the_order_of_the_file(bring_in: Callable[..., str]) -> None:
    with pytest.raises(CommandError) as refused:
        bring_in("nobody@old.example,ADMIN", "bad,BAD", "ada@old.example,OWNER")
    lines = str(refused.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["line 2", "line 3", "line 3", "line 4", "4 problems"]


def already_analyst() -> None:
    MembershipFactory(user=UserFactory(email="ada@old.example"), organization=None, role=built_in("analyst"))


def inactive_role() -> None:
    UserFactory(email="ada@old.example")
    with on_platform():
        Role.objects.filter(name="platform-admin").update(is_active=False)


def second_address() -> None:
    user = UserFactory(email="ada@new.example")
    with on_platform():
        EmailAddress.objects.create(user=user, email="ada@old.example", verified=True, primary=False)


@pytest.mark.django_db
@pytest.mark.requirement("ASSIGN-2")
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (already_analyst, "is Analyst on the platform already, not Platform admin"),
        (lambda: legacy_admin("ANALYST", email="ada@old.example"), "has the legacy role ANALYST, not ADMIN"),
        (lambda: UserFactory(email="ada@old.example", is_service=True), "is a service account"),
        (lambda: UserFactory(email="ada@old.example", is_active=False), "is banned or inactive"),
        (inactive_role, "The role Platform admin is inactive"),
        (second_address, "is a second address"),
        (lambda: None, "has no account"),
    ],
)
def test_nobody_is_promoted_demoted_or_let_in_by_the_way(
    given: Callable[[], Any], sentence: str, bring_in: Callable[..., str]
) -> None:
    given()
    before = role_of("ada@old.example")
    with pytest.raises(CommandError, match=f"line 2: .*{sentence}"):
        bring_in("ada@old.example,ADMIN")
    assert role_of("ada@old.example") == before


@pytest.mark.django_db
def test_a_missing_account_is_made_on_request_and_cannot_sign_in_yet(bring_in: Callable[..., str]) -> None:
    said = bring_in("Ada@Old.example,SUPPORT", create_accounts=True)
    with on_platform():
        made = User.objects.get(email="ada@old.example")
        address = EmailAddress.objects.get(user=made)
    assert not made.has_usable_password()
    assert not address.verified
    assert role_of("ada@old.example") == "support-agent"
    assert "line 2: ada@old.example becomes Support agent (a new account)" in said
    assert "send each a password link" in said


@pytest.mark.django_db
def test_a_dry_run_shows_the_same_and_changes_nothing(bring_in: Callable[..., str]) -> None:
    ada = legacy_admin("ADMIN", email="ada@old.example")
    said = bring_in("ada@old.example,ADMIN", "new@old.example,ANALYST", create_accounts=True, dry_run=True)
    assert "line 2: ada@old.example becomes Platform admin" in said
    assert "2 would be mapped, 1 of them new; 0 unchanged." in said
    assert "Nothing was changed." in said
    assert (role_of(ada.email), stored(ada).legacy_role) == (None, "ADMIN")
    with on_platform():
        assert not User.objects.filter(email="new@old.example").exists()


@pytest.mark.django_db
def test_a_dry_run_tells_problems_too(bring_in: Callable[..., str]) -> None:
    with pytest.raises(CommandError, match="line 2: ada@old.example has no account"):
        bring_in("ada@old.example,ADMIN", dry_run=True)


@pytest.mark.django_db
def test_a_file_brought_in_again_changes_nothing(bring_in: Callable[..., str]) -> None:
    lines = ["ada@old.example,ADMIN", "bob@old.example,SUPPORT"]
    bring_in(*lines, create_accounts=True)

    def records() -> tuple[int, int]:
        with on_platform():
            return AccessRecord.objects.count(), ModelChange.objects.count()

    before = records()
    assert "0 mapped, 0 of them new; 2 unchanged." in bring_in(*lines)
    assert records() == before


@pytest.mark.django_db
def test_who_is_still_to_be_mapped_is_counted(bring_in: Callable[..., str]) -> None:
    legacy_admin("ADMIN", email="ada@old.example")
    legacy_admin("ANALYST")
    assert "Accounts that still work by their legacy role: 1." in bring_in("ada@old.example,ADMIN")


@pytest.mark.django_db
def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="The file cannot be read"):
        call_command("import_legacy_admins", str(tmp_path / "missing.csv"))


@pytest.mark.django_db
@pytest.mark.requirement("AUD-1")
@pytest.mark.requirement("AUD-2")
def test_each_administrator_brought_in_is_recorded_with_their_history(bring_in: Callable[..., str]) -> None:
    ada = legacy_admin("ADMIN", email="ada@old.example")
    bring_in("ada@old.example,ADMIN", "new@old.example,ANALYST", create_accounts=True)
    with on_platform():
        held = Membership.objects.get(user=ada)
        record = AccessRecord.objects.get(operation="import_legacy_admin", resource_id=str(held.pk))
        made = AccessRecord.objects.get(operation="create_legacy_admin")
        change = ModelChange.objects.get(object_pk=str(held.pk))
    assert (record.action, record.interface, record.actor_label) == ("roles:assign", "command", IMPORTER.label)
    assert record.detail == {"legacy_role": "ADMIN", "role": "platform-admin"}
    assert made.action == "admins:create"
    assert change.action == ModelChange.Action.CREATE
    assert legacy_changes(ada) == [["ADMIN", ""]]


@pytest.mark.django_db
@pytest.mark.requirement("ASSIGN-2")
def test_the_import_is_nobody_s_way_past_their_permissions() -> None:
    UserFactory(email="ada@old.example")
    file = read_legacy_file(b"email,legacy_role\nada@old.example,SUPER_ADMIN\n")
    analyst, admin = (actor_of(make_staff(role)) for role in ("analyst", "platform-admin"))
    for actor in (analyst, admin):
        with pytest.raises(AccessDenied), acting(actor):
            ImportLegacyAdmins(actor, file).execute()
    assert role_of("ada@old.example") is None
    with acting(IMPORTER):
        ImportLegacyAdmins(IMPORTER, file).execute()
    assert role_of("ada@old.example") == "super-admin"


def test_two_imports_at_once_map_each_account_once(committed_db: str) -> None:
    for name in ("ada", "bob"):
        legacy_admin("ADMIN", email=f"{name}@old.example")
    files = [
        read_legacy_file(b"email,legacy_role\nada@old.example,ADMIN\nbob@old.example,ADMIN\n"),
        read_legacy_file(b"email,legacy_role\nbob@old.example,ADMIN\nada@old.example,ADMIN\n"),
    ]

    def bring_in(file: Any) -> int:
        with acting(IMPORTER):
            return len(ImportLegacyAdmins(IMPORTER, file).execute().mappings)

    outcomes = at_once([lambda file=file: bring_in(file) for file in files])
    assert failures(outcomes) == []
    assert sorted(outcomes) == [0, 2]
