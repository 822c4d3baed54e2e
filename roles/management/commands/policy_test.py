from __future__ import annotations

import re
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree

from django.apps import apps
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error as DatabaseError
from rest_framework.renderers import JSONRenderer

from roles.api.policy_tests import ReportShown
from roles.engine.policy_files import PolicyFileRefused, parse, read_yaml
from roles.engine.policy_tests import Expectation, Outcome, PolicyFile, Report, run
from tenancy.actors import SystemActor
from tenancy.context import Origin, acting
from tenancy.errors import ActionRefused
from tenancy.text import without_invisible

STANDARD_INPUT = "-"
BROKEN, UNUSABLE, UNANSWERED = 1, 2, 3


class Command(BaseCommand):
    help = (
        "Run a file of policy tests. Exits with 1 when an answer is not as expected, with 2 for a file of no use, and"
        " with 3 when there is no answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", help="The YAML file, or - to read it from standard input.")
        parser.add_argument("--format", choices=sorted(WRITERS), default="text", help="How the outcome is written.")

    def handle(self, *args: Any, file: str = "", format: str = "text", **options: Any) -> None:
        try:
            tests = parse(read_yaml(_content(file)))
            report = run(tests, _organization(tests))
        except (PolicyFileRefused, ActionRefused, OSError) as unusable:
            told = "\n".join(map(without_invisible, str(unusable).splitlines()))
            raise CommandError(f"The file cannot be used.\n{told}", returncode=UNUSABLE) from unusable
        except DatabaseError as failed:
            raise CommandError(f"PostgreSQL gives no answer: {failed}", returncode=UNANSWERED) from failed
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")  # what is written has signs that other encodings do not
        self.stdout.write(WRITERS[format](report))
        if not report.held:
            raise CommandError(_summary(report), returncode=BROKEN)


def _content(file: str) -> bytes:
    return sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()


def _organization(tests: PolicyFile) -> UUID:
    """Return the id of the organization that the file is for. Raises ActionRefused when there is none."""
    if not tests.organization:
        raise ActionRefused("Say at the top of the file which organization it is for: “organization: its-slug”.")
    model = apps.get_model(settings.TENANCY_ORGANIZATION_MODEL)
    with acting(SystemActor("policy tests"), Origin("command", "policy_test")):
        found: UUID | None = model._default_manager.filter(slug=tests.organization).values_list("pk", flat=True).first()
    if found is None:
        raise ActionRefused(f"There is no organization “{tests.organization}”.")
    return found


def _summary(report: Report) -> str:
    allow, deny = (report.asked(expectation) for expectation in Expectation)
    skipped = sum(outcome.is_skipped for outcome in report.outcomes)
    return (
        f"{report.asked()} questions in {len(report.outcomes)} tests at version {report.version}:"
        f" {allow} expect allow, {deny} expect deny, {report.failed} came out otherwise."
        + (f" {skipped} tests asked about nobody." if skipped else "")
    )


def _text(report: Report) -> str:
    lines = []
    for outcome in report.outcomes:
        state = "skipped" if outcome.is_skipped else "FAILED" if outcome.failures else "ok"
        lines.append(f"{state:8}{outcome.test.name} (line {outcome.test.line}, {outcome.asked} questions)")
        lines += [f"        {' '.join(told)}" for told in _failures(outcome)]
    if report.strangers:
        lines.append(f"Nobody here, so denied everything: {', '.join(report.strangers)}.")
    if report.missing:
        lines.append(f"Not there, so denied to everybody: {', '.join(report.missing)}.")
    return "\n".join([*lines, _summary(report)])


def _failures(outcome: Outcome) -> list[tuple[str, str]]:
    """Return the question and the sentence of each failure."""
    return [
        (" ".join(part for part in (one.subject, one.action, one.resource) if part) + ":", one.sentence)
        for one in outcome.failures
    ]


def _json(report: Report) -> str:
    """Return the report as the API answers it."""
    return JSONRenderer().render(ReportShown(report).data, "application/json; indent=2").decode()


#: Characters that XML 1.0 has no place for (section 2.2).
NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _junit(report: Report) -> str:
    """Return the report as continuous integration reads it: a test is a test case of one suite."""
    failed = sum(bool(outcome.failures) for outcome in report.outcomes)
    skipped = sum(outcome.is_skipped for outcome in report.outcomes)
    counts = {"tests": str(len(report.outcomes)), "failures": str(failed), "skipped": str(skipped)}
    suite = ElementTree.Element("testsuite", {"name": "policy", **counts})
    for outcome in report.outcomes:
        case = ElementTree.SubElement(suite, "testcase", {"classname": "policy", "name": outcome.test.name})
        if outcome.is_skipped:
            ElementTree.SubElement(case, "skipped", {"message": "Nobody was asked about."})
        if outcome.failures:
            failure = ElementTree.SubElement(case, "failure", {"message": outcome.failures[0].sentence})
            failure.text = "\n".join(" ".join(told) for told in _failures(outcome))
    ElementTree.indent(suite)
    return NO_XML.sub("\ufffd", ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True).decode())


WRITERS = {"text": _text, "json": _json, "junit": _junit}
