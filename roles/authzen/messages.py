"""What outside services send (AuthZEN 1.0, sections 5 to 8), read and checked in one go. Unknown fields are ignored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum
from typing import Annotated, Any, NoReturn, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from roles.authzen.errors import BadRequest

MOST_EVALUATIONS = 1_000
DEFAULT_LIMIT = 50
MOST_RESULTS = 1_000

Properties = dict[str, Any]
Form = TypeVar("Form")


class Subject(Struct, frozen=True, gc=False):
    """Who would act: a person or a service account, by id or e-mail address (section 5.1)."""

    type: str
    id: str
    properties: Properties | UnsetType = UNSET


class Action(Struct, frozen=True, gc=False):
    """What they would do (section 5.3)."""

    name: str
    properties: Properties | UnsetType = UNSET


class Resource(Struct, frozen=True, gc=False):
    """To what they would do it (section 5.2)."""

    type: str
    id: str
    properties: Properties | UnsetType = UNSET


class Wanted(Struct, frozen=True, gc=False):
    """A subject or resource that is searched for: its type alone counts, and its id is ignored (section 8)."""

    type: str
    properties: Properties | UnsetType = UNSET


class Context(Struct, frozen=True, gc=False):
    """What we know of a context: `at_least` is the version of an answer; nothing older is to be answered."""

    at_least: Annotated[str, Meta(pattern=r"^[0-9]{1,19}\.[0-9]{1,19}\Z")] | UnsetType = UNSET


class Evaluation(Struct, frozen=True, gc=False):
    """One question (section 6.1)."""

    subject: Subject
    action: Action
    resource: Resource
    context: Context | UnsetType = UNSET


class Item(Struct, frozen=True, gc=False):
    """One question of several; what it leaves out is the default's (section 7.1.1)."""

    subject: Subject | UnsetType = UNSET
    action: Action | UnsetType = UNSET
    resource: Resource | UnsetType = UNSET
    context: Context | UnsetType = UNSET


class Semantic(Enum):
    """Which answer ends the evaluation of several questions (section 7.1.2)."""

    EXECUTE_ALL = "execute_all"
    DENY_ON_FIRST_DENY = "deny_on_first_deny"
    PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"


class Options(Struct, frozen=True, gc=False):
    """How several questions are evaluated."""

    evaluations_semantic: Semantic = Semantic.EXECUTE_ALL


class BadItem(Struct, frozen=True, gc=False):
    """A question that cannot be read among others that can, with what is wrong with it."""

    wrong: str
    context: Context | UnsetType = UNSET


_Listed = Meta(max_length=MOST_EVALUATIONS)


class _Whole(Item, frozen=True, gc=False, kw_only=True):
    """Several questions, each of which leaves nothing out: most batches, and read without a second look."""

    evaluations: Annotated[list[Evaluation], _Listed, Meta(min_length=1)]
    options: Options = Options()


class _Several(Item, frozen=True, gc=False):
    evaluations: Annotated[list[Item], _Listed] | UnsetType = UNSET
    options: Options = Options()


class _Unread(Item, frozen=True, gc=False):
    evaluations: Annotated[list[Raw], _Listed] | UnsetType = UNSET
    options: Options = Options()


class Evaluations(Struct, frozen=True, gc=False):
    """Several questions, each with its own entities or else the default ones. `context` is the default context."""

    questions: Sequence[Evaluation | BadItem]
    context: Context | UnsetType
    semantic: Semantic


class Page(Struct, frozen=True, gc=False):
    """Which part of the results is asked for (section 8.2.1)."""

    token: str | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=0)] | UnsetType = UNSET


class SubjectSearch(Struct, frozen=True, gc=False):
    """Who may do this to that? (section 8.4)"""

    subject: Wanted
    action: Action
    resource: Resource
    context: Properties | UnsetType = UNSET
    page: Page | UnsetType = UNSET


class ResourceSearch(Struct, frozen=True, gc=False):
    """To what may they do this? (section 8.5)"""

    subject: Subject
    action: Action
    resource: Wanted
    context: Properties | UnsetType = UNSET
    page: Page | UnsetType = UNSET


class ActionSearch(Struct, frozen=True, gc=False):
    """What may they do to that? (section 8.6)"""

    subject: Subject
    resource: Resource
    context: Properties | UnsetType = UNSET
    page: Page | UnsetType = UNSET


Search = SubjectSearch | ResourceSearch | ActionSearch

_evaluation = msgspec.json.Decoder(Evaluation)
_whole = msgspec.json.Decoder(_Whole)
_several = msgspec.json.Decoder(_Several)
_unread = msgspec.json.Decoder(_Unread)
_item = msgspec.json.Decoder(Item)
_searches: dict[type[Search], msgspec.json.Decoder[Search]] = {
    form: msgspec.json.Decoder(form) for form in (SubjectSearch, ResourceSearch, ActionSearch)
}


def read_evaluation(body: bytes) -> Evaluation:
    """Return the question of a body. Raises BadRequest for any other body."""
    return _read(_evaluation, body)


def read_evaluations(body: bytes) -> Evaluation | Evaluations:
    """Return the questions of a body, or the one question when its list of them is absent or empty (section 7.1).

    A question of the list that cannot be read is a BadItem. Raises BadRequest when it is about the whole body.
    """
    try:
        whole = _whole.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_several(body)
    return Evaluations(whole.evaluations, whole.context, whole.options.evaluations_semantic)


def _read_several(body: bytes) -> Evaluation | Evaluations:
    try:
        several: _Several | _Unread = _several.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # One of the questions may be at fault, and the others are to be answered.
        several = _read(_unread, body)
    if not several.evaluations:
        return read_evaluation(body)
    questions = [_completed(one, several) for one in several.evaluations]
    return Evaluations(questions, several.context, several.options.evaluations_semantic)


def read_search(form: type[Search], body: bytes) -> Search:
    """Return the search of a body. Raises BadRequest for any other body."""
    return _read(_searches[form], body)


def version_asked(context: Properties | UnsetType) -> str | UnsetType:
    """Return the `at_least` of a search's context. Raises BadRequest when it is none."""
    if isinstance(context, UnsetType):
        return UNSET
    try:
        return msgspec.convert(context, Context).at_least
    except msgspec.ValidationError as error:
        raise BadRequest(f"The context does not have the form it must have: {_in_words(error)}.") from error


def _completed(item: Item | Raw, default: Item) -> Evaluation | BadItem:
    """Return the question with what it leaves out, an entity as a whole, from the default."""
    if isinstance(item, Raw):
        try:
            item = _item.decode(item)
        except msgspec.ValidationError as error:
            return BadItem(f"{_in_words(error)}.")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            _refuse(error)
    subject = item.subject or default.subject
    action = item.action or default.action
    resource = item.resource or default.resource
    if subject and action and resource:
        return Evaluation(subject, action, resource, item.context)
    named = {"subject": subject, "action": action, "resource": resource}
    missing = " and ".join(name for name, entity in named.items() if not entity)
    return BadItem(f"It has no {missing}, and the request has no default.", item.context)


def _read(decoder: msgspec.json.Decoder[Form], body: bytes) -> Form:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        _refuse(error)


def _refuse(error: Exception) -> NoReturn:
    match error:
        case msgspec.ValidationError():
            wrong = f"The body does not have the form it must have: {_in_words(error)}."
        case RecursionError():
            wrong = "The body is nested too deeply."
        case _:
            wrong = f"The body is not JSON in UTF-8: {error}."
    raise BadRequest(wrong) from error


def _in_words(error: msgspec.ValidationError) -> str:
    """Return what is wrong, a version told as what it is: a caller sends back what came with an answer."""
    return re.sub(r"`str` matching regex '.*'", "a version as it came with an answer", str(error))
