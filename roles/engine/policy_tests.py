"""Policy tests: what an owner wants to stay true of who may and who must not do what, asked of the engine.

`roles.engine.policy_files` reads them. A question that says nothing, because there is no such action, role or
organization, is a failure whatever was expected: a misspelt denial would hold for ever.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice, product
from typing import Any
from uuid import UUID

from roles.access import LIST_TEAM
from roles.engine.objects import ORGANIZATION, kinds
from roles.engine.snapshot import NOTHING, Snapshot, Version
from roles.engine.store import snapshots
from tenancy.actors import Actor, Reach
from tenancy.errors import AccessDenied, ActionRefused, Denial, Reason
from tenancy.policies import require

ASK = (LIST_TEAM, "team:read")
MOST_QUESTIONS = 10_000
#: A subject that begins so stands for everybody who has the role of that slug.
ROLE_PREFIX = "role:"


class Expectation(StrEnum):
    """What the answer to a question has to be."""

    ALLOW = "allow"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Resource:
    """What something is done to. Without an id it is the organization."""

    kind: str = ORGANIZATION
    object_id: str = ""
    properties: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}".strip()


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One sentence of a policy: every subject may, or must not, do every action to every resource."""

    name: str
    subjects: tuple[str, ...]
    actions: tuple[str, ...]
    resources: tuple[Resource, ...]
    expect: Expectation
    line: int | None = None


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """The tests of one organization, by its slug. It is empty when the file names none."""

    organization: str
    tests: tuple[PolicyTest, ...]


@dataclass(frozen=True, slots=True)
class Failure:
    """An answer that was not as expected, and why it came out so. The texts are empty when nothing could be asked."""

    sentence: str
    subject: str = ""
    action: str = ""
    resource: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test came out. One that asks about nobody is neither held nor broken."""

    test: PolicyTest
    asked: int
    failures: tuple[Failure, ...]

    @property
    def is_skipped(self) -> bool:
        """Whether there was nobody to ask about."""
        return not (self.asked or self.failures)


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes, as of one version.

    `strangers` are subjects without a role here, to whom everything is denied, and `missing` are resources that there
    are not, to which everything is denied.
    """

    version: Version
    outcomes: tuple[Outcome, ...]
    strangers: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def held(self) -> bool:
        """Whether every answer was as expected."""
        return not any(outcome.failures for outcome in self.outcomes)

    def asked(self, expectation: Expectation | None = None) -> int:
        """Return how many questions were asked: all, or those that expected this."""
        return sum(one.asked for one in self.outcomes if expectation in {None, one.test.expect})

    @property
    def failed(self) -> int:
        """How many answers were not as expected."""
        return sum(len(outcome.failures) for outcome in self.outcomes)


class TooManyQuestions(ActionRefused):
    """The tests ask more than is answered at once."""


def run_for(actor: Actor, tests: PolicyFile) -> Report:
    """Ask all questions for a member of the organization, as things are now.

    The answers tell of everybody and everything in it, by name: raises AccessDenied without the permissions to list the
    team and to read it, and for somebody with assigned reach. Raises ActionRefused for tests of another organization,
    and TooManyQuestions.
    """
    for key in ASK:
        require(actor, key)
    if actor.organization_id is None or actor.reach is not Reach.ALL:
        raise AccessDenied(
            Denial(
                Reason.OUT_OF_REACH,
                ASK[-1],
                sentence="Policy tests tell of every client. Only someone who reaches all of them runs the tests.",
            )
        )
    return run(tests, actor.organization_id)


def run(tests: PolicyFile, organization_id: UUID) -> Report:
    """Ask all questions as things are now. Raises ActionRefused for tests of another organization."""
    snapshot = snapshots.current(organization_id)
    if tests.organization and tests.organization not in snapshot.names:
        raise ActionRefused(f"The tests are for the organization “{tests.organization}”, which is another one.")
    subjects = _all_subjects(snapshot, tests)
    snapshot = _looked_up(snapshot, tests)
    outcomes = tuple(_outcome(snapshot, test, named) for test, named in zip(tests.tests, subjects, strict=True))
    named = {one for test in tests.tests for one in test.subjects if not one.startswith(ROLE_PREFIX)}
    strangers = sorted(one for one in named if snapshot.person(one) is None)
    resources = (one for test in tests.tests for one in test.resources if one.kind in kinds())
    missing = {str(one) for one in resources if not snapshot.objects.exists(one.kind, one.object_id)}
    return Report(snapshot.version, outcomes, tuple(strangers), tuple(sorted(missing)))


def _all_subjects(snapshot: Snapshot, tests: PolicyFile) -> list[list[str]]:
    """Return whom each test is about. Raises TooManyQuestions as soon as it is clear."""
    found, asked = [], 0
    for test in tests.tests:
        found.append(list(islice(_subjects(snapshot, test), MOST_QUESTIONS + 1)))
        # Of a role that nobody has, or that there is not, it is looked whether the question says anything.
        asked += max(len(found[-1]), len(test.subjects)) * len(test.actions) * len(test.resources)
        if asked > MOST_QUESTIONS:
            raise TooManyQuestions(
                f"These tests ask more than the {MOST_QUESTIONS:,} questions that are answered at once: split the file."
            )
    return found


def _subjects(snapshot: Snapshot, test: PolicyTest) -> Iterator[str]:
    """Yield whom the test is about: a person by the id or address it names them by, the people of a role by id."""
    for subject in test.subjects:
        if subject.startswith(ROLE_PREFIX):
            for role_id in _roles(snapshot, subject):
                yield from snapshot.people_by_role.get(role_id, ())
        else:
            yield subject


def _roles(snapshot: Snapshot, subject: str) -> list[UUID]:
    slug = subject.removeprefix(ROLE_PREFIX)
    return [role_id for role_id, held in snapshot.held.items() if held.role.name == slug]


@dataclass(frozen=True, slots=True)
class _LookedUp:
    """The objects that the tests name, by kind: which of them there are was found out at once."""

    there: Mapping[str, set[str]]

    def exists(self, kind: str, object_id: str) -> bool:
        return object_id in self.there[kind]

    def confirm(self, kind: str, ids: Iterable[str]) -> set[str]:
        return self.there[kind].intersection(ids)

    def following(self, kind: str, after: str, limit: int) -> list[str]:
        return sorted(one for one in self.there[kind] if one > after)[:limit]


def _looked_up(snapshot: Snapshot, tests: PolicyFile) -> Snapshot:
    """Return the snapshot for the questions of these tests: for each kind, one statement finds out which of the objects
    that they name there are, instead of one for each question."""
    ids = defaultdict(set)
    for test in tests.tests:
        for resource in test.resources:
            ids[resource.kind].add(resource.object_id)
    asked = copy(snapshot)
    asked.objects = _LookedUp({kind: snapshot.objects.confirm(kind, named) for kind, named in ids.items()})
    return asked


def _outcome(snapshot: Snapshot, test: PolicyTest, subjects: list[str]) -> Outcome:
    questions = [
        (subject, action, resource)
        for subject, action, resource in product(subjects, test.actions, test.resources)
        if (resource.kind, action) in snapshot.rules
    ]
    answers = (_failure(snapshot, test, *question) for question in questions)
    wrong = (one for one in answers if one is not None)
    return Outcome(test, len(questions), (*_misspelt(snapshot, test), *wrong))


def _misspelt(snapshot: Snapshot, test: PolicyTest) -> Iterator[Failure]:
    """Yield what says nothing about anybody here."""
    for subject in test.subjects:
        if subject.startswith(ROLE_PREFIX) and not _roles(snapshot, subject):
            role = subject.removeprefix(ROLE_PREFIX)
            yield Failure(f"There is no role “{role}” here, so nothing was asked.", subject)
    for action, kind in product(test.actions, dict.fromkeys(one.kind for one in test.resources)):
        if (kind, action) not in snapshot.rules:
            sentence = f"There is no action “{action}” on a thing of the kind “{kind}”, so nothing was asked."
            yield Failure(sentence, "", action, kind)
    for resource in test.resources:
        if resource.kind == ORGANIZATION and resource.object_id not in {"", *snapshot.names}:
            yield Failure(f"“{resource.object_id}” is another organization.", "", "", str(resource))


def _failure(snapshot: Snapshot, test: PolicyTest, subject: str, action: str, resource: Resource) -> Failure | None:
    question = (subject, action, resource.kind, resource.object_id or snapshot.place, resource.properties)
    if snapshot.permits(*question) == (test.expect is Expectation.ALLOW):
        return None
    person = snapshot.person(subject)
    named = person.email if person else subject
    return Failure(str(snapshot.explain(*question)), named, action, str(resource))
