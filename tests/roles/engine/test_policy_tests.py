"""Policy tests: what is asked, and what is told of an answer that came out otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from uuid import uuid4
from xml.etree import ElementTree

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from roles.engine import policy_tests
from roles.engine.loading import read_version
from roles.engine.policy_files import parse, read_yaml
from roles.engine.policy_tests import Expectation, Report, TooManyQuestions, run
from tenancy.errors import ActionRefused
from tests.factories import MembershipFactory, RoleFactory, UserFactory, inside
from tests.roles.engine.test_policy_files import one
from tests.world import Agency, make_agency

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "docs" / "examples" / "policy.yaml"
pytestmark = pytest.mark.requirement("PDP-1")


def report(agency: Agency, text: str) -> Report:
    return run(parse(read_yaml(text.encode())), agency.organization.pk)


def sentences(agency: Agency, text: str) -> list[str]:
    return [failure.sentence for outcome in report(agency, text).outcomes for failure in outcome.failures]


@pytest.mark.django_db
def test_the_example_holds_in_an_agency_as_it_comes(agency: Agency, other_agency: Agency) -> None:
    made = run(parse(read_yaml(EXAMPLE.read_bytes())), agency.organization.pk)
    assert made.held, [outcome.failures for outcome in made.outcomes]
    assert made.asked(Expectation.ALLOW) == 4
    assert made.asked(Expectation.DENY) == 13
    assert made.strangers == ("owner@quaymark.example",)


@pytest.mark.django_db
def test_every_combination_is_asked(agency: Agency) -> None:
    mine, other, _ = agency.clients
    made = report(
        agency,
        f"""
        tests:
          - name: Reading
            subjects: [member@larkmoor.example, viewer@larkmoor.example]
            actions: [clients:read, contacts:read]
            resources: [{{type: client, id: {mine.pk}}}, {{type: client, id: {other.pk}}}]
            expect: allow
        """,
    )
    [outcome] = made.outcomes
    assert outcome.asked == 8
    assert {failure.resource for failure in outcome.failures} == {f"client {other.pk}"}
    assert made.failed == 4


@pytest.mark.django_db
@pytest.mark.requirement("PDP-2")
def test_an_answer_that_came_out_otherwise_is_explained(agency: Agency) -> None:
    assert sentences(agency, one("member@larkmoor.example", "team:remove")) == [
        "member@larkmoor.example's role “Member” does not include “Remove Team Members” (team:remove)."
    ]
    [outcome] = report(agency, one(str(agency.owner.pk), "team:remove", "deny")).outcomes
    [allowed] = outcome.failures
    assert (allowed.subject, allowed.action, allowed.resource) == (agency.owner.email, "team:remove", "organization")
    assert allowed.sentence.startswith("owner@larkmoor.example has “Remove Team Members” (team:remove) by the role")


@pytest.mark.django_db
def test_a_role_stands_for_everybody_who_has_it_now(agency: Agency) -> None:
    role = RoleFactory(organization=agency.organization, name="desk", keys=("reports:read",))
    text = one("role:desk", "reports:read")
    assert report(agency, text).outcomes[0].is_skipped
    for _ in range(2):
        MembershipFactory(user=UserFactory(), organization=agency.organization, role=role)
    made = report(agency, text)
    assert (made.asked(), made.held) == (2, True)


@pytest.mark.django_db
@pytest.mark.parametrize("expect", ["allow", "deny"])
@pytest.mark.parametrize("subject", ["member@larkmoor.example", "role:desk"])
def test_a_question_that_says_nothing_fails_whatever_was_expected(agency: Agency, subject: str, expect: str) -> None:
    """Also about a role that nobody has: it would come out otherwise as soon as somebody has it."""
    RoleFactory(organization=agency.organization, name="desk")
    assert sentences(agency, one("role:org-membr", "clients:delete", expect)) == [
        "There is no role “org-membr” here, so nothing was asked."
    ]
    assert sentences(agency, one(subject, "clients:delet", expect)) == [
        "There is no action “clients:delet” on a thing of the kind “organization”, so nothing was asked."
    ]
    assert sentences(agency, one(subject, "clients:read", expect, "{type: boat, id: 1}")) == [
        "There is no action “clients:read” on a thing of the kind “boat”, so nothing was asked."
    ]


@pytest.mark.django_db
def test_an_action_that_there_is_not_is_told_once(agency: Agency) -> None:
    text = one("[owner@larkmoor.example, role:org-viewer]", "[clients:delet, team:remove]").replace("'", "")
    [outcome] = report(agency, text).outcomes
    assert outcome.asked == 2
    unknown, denied = outcome.failures
    assert (unknown.subject, unknown.action, unknown.resource) == ("", "clients:delet", "organization")
    assert (denied.subject, denied.action) == (agency.viewer.email, "team:remove")


@pytest.mark.django_db
def test_another_organization_cannot_be_asked_about(agency: Agency, other_agency: Agency) -> None:
    for name in ("Larkmoor", other_agency.slug):
        text = one("viewer@larkmoor.example", "team:remove", "deny", f"{{type: organization, id: {name}}}")
        [failure] = report(agency, text).outcomes[0].failures
        assert failure.sentence == f"“{name}” is another organization."
        assert (failure.subject, failure.action, failure.resource) == ("", "", f"organization {name}")
    for name in (agency.slug, agency.organization.pk):
        text = one("viewer@larkmoor.example", "team:remove", "deny", f"{{type: organization, id: {name}}}")
        assert report(agency, text).held


@pytest.mark.django_db
def test_a_client_that_there_is_not_is_named(agency: Agency) -> None:
    """Ids are compared as they are written."""
    there, missing = str(agency.clients[0].pk), str(agency.clients[1].pk).upper()
    asked = f"[{{type: client, id: {there}}}, {{type: client, id: {missing}}}]"
    made = report(agency, one("viewer@larkmoor.example", "clients:delete", "deny", asked))
    assert (made.held, made.missing) == (True, (f"client {missing}",))


@pytest.mark.django_db
def test_a_subject_without_a_role_here_is_denied_everything_and_named(agency: Agency) -> None:
    made = report(agency, one("membr@larkmoor.example", "clients:read", "deny"))
    assert (made.held, made.strangers) == (True, ("membr@larkmoor.example",))


@pytest.mark.django_db
def test_a_stranger_who_should_be_allowed_is_named_as_written(agency: Agency) -> None:
    [failure] = report(agency, one("membr@larkmoor.example", "clients:read")).outcomes[0].failures
    assert failure.subject == "membr@larkmoor.example"


@pytest.mark.django_db
def test_tests_of_another_organization_are_not_run(agency: Agency) -> None:
    with pytest.raises(ActionRefused, match="for the organization “quaymark”, which is another one"):
        report(agency, f"organization: quaymark\n{one('a', 'clients:read')}")


@pytest.mark.django_db
def test_too_many_questions_are_not_asked(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_tests, "MOST_QUESTIONS", 3)
    assert report(agency, one("[a, b, c]", "clients:read", "deny").replace("'", "")).asked() == 3
    several = one("a", "[clients:read, clients:write]", "deny", "[organization, {type: client, id: 1}]").replace(
        "'", ""
    )
    two_tests = one("[a, b]", "clients:read", "deny").replace("'", "")
    two_tests = two_tests.replace("}]", "}, ") + two_tests.removeprefix("tests: [")
    nobody = one("[role:a, role:b, role:c, role:d]", "clients:read", "deny").replace("'", "")
    for text in (one("[a, b, c, d]", "clients:read", "deny").replace("'", ""), several, two_tests, nobody):
        with pytest.raises(TooManyQuestions, match="ask more than the 3 questions that are answered at once"):
            report(agency, text)


@pytest.mark.django_db
def test_a_report_tells_of_which_version_it_is_and_who_is_a_stranger(agency: Agency) -> None:
    text = one("[member@larkmoor.example, nobody@larkmoor.example]", "clients:delete", "deny").replace("'", "")
    made = report(agency, text)
    assert made.version == read_version(agency.organization.pk)
    assert made.strangers == ("nobody@larkmoor.example",)


@pytest.mark.django_db
def test_what_cannot_be_asked_is_named_in_its_failure(agency: Agency) -> None:
    [unknown] = report(agency, one("role:org-membr", "clients:read")).outcomes[0].failures
    assert (unknown.subject, unknown.action, unknown.resource) == ("role:org-membr", "", "")


@pytest.mark.django_db
def test_all_clients_are_looked_up_in_one_statement(agency: Agency) -> None:
    asked = ", ".join(f"{{type: client, id: {client.pk}}}" for client in agency.clients)
    text = one("owner@larkmoor.example", "clients:delete", resource=f"[{asked}]")
    with CaptureQueriesContext(connection) as captured:
        assert report(agency, text).held
    assert sum("clients_client WHERE id = ANY" in query["sql"] for query in captured) == 1


@pytest.mark.django_db
def test_the_report_is_xml_whatever_a_test_is_called(agency: Agency, tmp_path: Path) -> None:
    text = f"organization: larkmoor\n{one('viewer@larkmoor.example', 'clients:read')}".replace("One", '"a\\uffffb"')
    _, told = command(tmp_path, text, "--format", "junit")
    [case] = ElementTree.fromstring(told.strip()).iter("testcase")  # noqa: S314
    assert case.get("name") == "a\ufffdb"


@pytest.mark.django_db
def test_so_are_those_that_there_are_not(agency: Agency) -> None:
    asked = ", ".join(f"{{type: client, id: {uuid4()}}}" for _ in range(20))
    text = one("owner@larkmoor.example", "clients:read", "deny", resource=f"[{asked}]")
    with CaptureQueriesContext(connection) as captured:
        assert report(agency, text).held
    assert sum("clients_client WHERE id = ANY" in query["sql"] for query in captured) == 1


def command(tmp_path: Path, text: str, *options: str) -> tuple[int, str]:
    """Run the command on a file and return its exit status and what it wrote."""
    file, written = tmp_path / "policy.yaml", StringIO()
    file.write_text(text)
    try:
        call_command("policy_test", str(file), *options, stdout=written)
    except CommandError as failed:
        return failed.returncode, f"{written.getvalue()}\n{failed}"
    return 0, written.getvalue()


@pytest.mark.django_db
def test_the_command_tells_how_many_of_each_and_leaves_in_peace(
    agency: Agency, other_agency: Agency, tmp_path: Path
) -> None:
    status, told = command(tmp_path, EXAMPLE.read_text())
    assert status == 0
    assert "17 questions in 5 tests" in told
    assert "4 expect allow, 13 expect deny, 0 came out otherwise." in told
    assert "Nobody here, so denied everything: owner@quaymark.example." in told
    assert "Not there" not in told
    missing = one("viewer@larkmoor.example", "clients:delete", "deny", "{type: client, id: harbor}")
    assert (
        "Not there, so denied to everybody: client harbor."
        in command(tmp_path, f"organization: larkmoor\n{missing}")[1]
    )


@pytest.mark.django_db
def test_the_command_fails_with_1_when_an_answer_is_not_as_expected(agency: Agency, tmp_path: Path) -> None:
    with inside(agency.organization):
        agency.member.memberships.update(role=RoleFactory(organization=agency.organization, keys=("admin:*",)))
    text = f"organization: larkmoor\n{one('member@larkmoor.example', 'team:remove', 'deny')}"
    status, told = command(tmp_path, text)
    assert status == 1
    assert "FAILED  One (line 2, 1 questions)" in told
    assert "member@larkmoor.example team:remove organization: member@larkmoor.example has " in told


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tests: [", "This is not YAML"),
        (one("a", "clients:read"), "Say at the top of the file which organization it is for"),
        (f"organization: nowhere\n{one('a', 'clients:read')}", "There is no organization “nowhere”."),
    ],
)
def test_the_command_fails_with_2_for_a_file_of_no_use(tmp_path: Path, text: str, told: str) -> None:
    status, written = command(tmp_path, text)
    assert (status, told in written) == (2, True)


def in_a_process(file: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command as continuous integration does."""
    command = [sys.executable, "manage.py", "policy_test", str(file), *options]
    return subprocess.run(command, cwd=ROOT, env=os.environ | environment, capture_output=True, timeout=60)


def test_the_command_fails_with_3_without_a_database(tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(f"organization: larkmoor\n{one('a', 'clients:read')}")
    ended = in_a_process(file, DATABASE_URL="postgres://iam_app@127.0.0.1:1/iam", DATABASE_POOL_SIZE="0")
    assert ended.returncode == 3
    assert ended.stderr.startswith(b"CommandError: PostgreSQL gives no answer: ")


def test_the_report_is_written_in_utf_8_wherever_it_is_read(committed_db: str, tmp_path: Path) -> None:
    make_agency("Larkmoor")
    file = tmp_path / "policy.yaml"
    file.write_text(f"organization: larkmoor\n{one('viewer@larkmoor.example', 'team:remove')}")
    for options in ((), ("--format", "json"), ("--format", "junit")):
        ended = in_a_process(file, *options, DATABASE_URL=committed_db, PYTHONIOENCODING="latin-1")
        assert (ended.returncode, "“Viewer”" in ended.stdout.decode()) == (1, True)


@pytest.mark.django_db
def test_what_a_file_says_does_not_command_the_terminal(agency: Agency, tmp_path: Path) -> None:
    status, told = command(tmp_path, 'organization: larkmoor\n"\\e[31m": b\ntests: []')
    assert (status, "\x1b" in told, "[31m" in told) == (2, False, True)


@pytest.mark.django_db
def test_a_file_that_is_not_there_is_of_no_use() -> None:
    with pytest.raises(CommandError, match="No such file") as failed:
        call_command("policy_test", "nowhere.yaml")
    assert failed.value.returncode == 2


@pytest.mark.django_db
def test_the_outcome_is_written_for_machines(agency: Agency, tmp_path: Path) -> None:
    RoleFactory(organization=agency.organization, name="desk")
    text = """
organization: larkmoor
tests:
  - {name: Holds, subject: owner@larkmoor.example, action: team:remove, expect: allow}
  - {name: Broken <&>, subject: viewer@larkmoor.example, action: team:remove, expect: allow}
  - {name: About nobody, subject: role:desk, action: team:remove, expect: deny}
"""
    status, told = command(tmp_path, text, "--format", "json")
    report = json.loads(told.partition("\n\n")[0])
    assert (status, report["held"], report["asked"]) == (1, False, {"allow": 2, "deny": 0})
    assert [len(test["failures"]) for test in report["tests"]] == [0, 1, 0]
    _, told = command(tmp_path, text, "--format", "junit")
    suite = ElementTree.fromstring(told.partition("</testsuite>")[0] + "</testsuite>")  # noqa: S314
    assert {name: suite.attrib[name] for name in ("tests", "failures", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "skipped": "1",
    }
    assert [[part.tag for part in case] for case in suite] == [[], ["failure"], ["skipped"]]
