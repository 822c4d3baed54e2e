"""Decisions, one or many in a request (AuthZEN 1.0, sections 6 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from roles.actors import RoleActor
from roles.authzen.access import Sight, require_about
from roles.authzen.messages import BadItem, Evaluation, Evaluations, Semantic
from roles.authzen.places import Place
from roles.engine.snapshot import NOTHING, Version
from tenancy.errors import Reason

SUBJECT_TYPE = "user"


def require_askable(asked: Evaluation | Evaluations, actor: RoleActor) -> None:
    """Raise Forbidden when a question is about somebody whom the actor may not ask about."""
    questions = (asked,) if isinstance(asked, Evaluation) else asked.questions
    require_about(actor, (one.subject.id for one in questions if isinstance(one, Evaluation)))


def versions_asked(asked: Evaluation | Evaluations) -> Sequence[Version]:
    """Return the versions that the answer must be as new as."""
    questions = asked.questions if isinstance(asked, Evaluations) else [asked]
    contexts = {one.context or asked.context for one in questions}
    return [Version.parse(text) for text in {one.at_least for one in contexts if one} if text]


async def evaluate(asked: Evaluation | Evaluations, actor: RoleActor, place: Place) -> bytes:
    """Return the answer as JSON."""
    sight = Sight(actor, place.snapshot)
    if isinstance(asked, Evaluation):
        [answer] = await place.objects.settle(lambda: _answers([asked], sight, place))
        return answer
    answers = await place.objects.settle(lambda: _answers(asked.questions, sight, place))
    return b'{"evaluations":[' + b",".join(_cut(answers, asked.semantic, place)) + b"]}"


def _answers(questions: Sequence[Evaluation | BadItem], sight: Sight, place: Place) -> list[bytes]:
    judge, answers = place.snapshot.judge, place.answers
    seen = None if sight.is_whole else sight.seen
    found = []
    for one in questions:
        if isinstance(one, BadItem):
            found.append(_written(one))
            continue
        subject, resource = one.subject, one.resource
        if subject.type != SUBJECT_TYPE:
            found.append(answers[Reason.NOT_A_MEMBER])
            continue
        action, kind, object_id = one.action.name, resource.type, resource.id
        if seen is not None:
            object_id = seen(action, kind, object_id)
        found.append(answers[judge(subject.id, action, kind, object_id, resource.properties or NOTHING)])
    return found


def _written(bad: BadItem) -> bytes:
    """Return the answer to a question that cannot be read: a denial that says what is wrong (section 7.2.1)."""
    error = {"status": HTTPStatus.BAD_REQUEST, "message": bad.wrong}
    return msgspec.json.encode({"decision": False, "context": {"error": error}})


def _cut(answers: Sequence[bytes], semantic: Semantic, place: Place) -> Sequence[bytes]:
    """Return the answers up to the one that ends the evaluation, itself included (section 7.1.2.1)."""
    if semantic is Semantic.EXECUTE_ALL:
        return answers
    granted = place.answers[Reason.GRANTED]
    wanted = semantic is Semantic.PERMIT_ON_FIRST_PERMIT
    for position, answer in enumerate(answers, 1):
        if (answer is granted) is wanted:
            return answers[:position]
    return answers
