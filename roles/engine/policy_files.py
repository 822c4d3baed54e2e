"""Reading files of policy tests: YAML, or JSON that was parsed already, checked entry by entry.

Of YAML 1.2 only what such a file needs is read: mappings, lists, and scalars, each of which is text unless it is null,
so that `no` is no falsehood and `12` no number. An alias is refused, since a few of them can stand for more than fits
into memory, and so are tags and directives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from roles.engine.objects import ORGANIZATION
from roles.engine.policy_tests import MOST_QUESTIONS, ROLE_PREFIX, Expectation, PolicyFile, PolicyTest, Resource
from roles.engine.snapshot import NOTHING
from tenancy.text import UnfitTextError
from tenancy.text import line as one_line

MOST_BYTES = 1_048_576
MOST_CHARACTERS = 500
MOST_PROBLEMS = 50
MOST_VALUES = 150_000
DEEPEST = 8
#: How null is written without quotes (YAML 1.2, section 10.3.2).
NULLS = frozenset(("", "~", "null", "Null", "NULL"))
Path = tuple[str | int, ...]

_FILE_FIELDS = ("organization", "tests")
_TEST_FIELDS = ("name", "subject", "subjects", "action", "actions", "resource", "resources", "expect")
_RESOURCE_FIELDS = ("type", "id", "properties")


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a file: where, by the names and numbers that lead there and by the line of YAML, and what to
    do about it."""

    path: Path
    line: int | None
    sentence: str

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line else []
        match self.path:
            case ("tests", int(place), *within):
                where += [f"test {place + 1}", *map(str, within[:1])]
        told = ", ".join(where)
        return f"{told[:1].upper()}{told[1:]}: {self.sentence}" if told else self.sentence


class PolicyFileRefused(ValueError):
    """The file cannot be run. Nothing of it was."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Source:
    """What a file says, and on which line each part of it stands: on none if it was JSON."""

    value: Any
    lines: Mapping[Path, int] = field(default_factory=dict)


def read_yaml(raw: bytes) -> Source:
    """Return what a YAML file says. Raises PolicyFileRefused."""
    if len(raw) > MOST_BYTES:
        raise _refused(f"The file is too large: at most {MOST_BYTES:,} bytes are read. Split it.")
    try:
        text = raw.decode("utf-8-sig")
        for number, written in enumerate(text.splitlines(), 1):
            # Each is compared with all before it, and nobody else has the interpreter meanwhile.
            if written.lstrip("\ufeff").startswith("%"):
                raise _refused("Directives (%) are not read: leave it out.", number)
        reader = _Reader(text)
        return Source(reader.document(), reader.lines)
    except UnicodeDecodeError:
        raise _refused("The file is not UTF-8 text. Save it as such.") from None
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark
        raise _refused(f"This is not YAML: {wrong.problem}.", mark.line + 1 if mark else None) from wrong
    except yaml.YAMLError as wrong:
        raise _refused("The file holds a character that YAML does not allow.") from wrong


def parse(source: Source) -> PolicyFile:
    """Return the tests. Raises PolicyFileRefused with everything that is wrong with them."""
    form = _Form(source)
    read = form.file()
    if form.problems:
        raise PolicyFileRefused(form.problems)
    return read


def _refused(sentence: str, line: int | None = None, path: Path = ()) -> PolicyFileRefused:
    return PolicyFileRefused([Problem(path, line, sentence)])


class _Reader:
    """From the events of a YAML parser to values. Nothing is built that was not written out."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[Any] = iter(yaml.parse(text, Loader=yaml.CSafeLoader))
        self.lines: dict[Path, int] = {}

    def document(self) -> Any:
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        value = self._value(next(self.events), ())
        next(self.events)
        further = next(self.events)
        if not isinstance(further, yaml.StreamEndEvent):
            raise self._wrong(further, "A second document begins here. Keep one in a file.")
        return value

    def _value(self, event: Any, path: Path) -> Any:
        self.lines[path] = event.start_mark.line + 1
        if len(self.lines) > MOST_VALUES:
            raise self._wrong(event, f"At most {MOST_VALUES:,} values are read: split the file.", path)
        if isinstance(event, yaml.AliasEvent):
            raise self._wrong(event, "Aliases (*) are not read: write it out.", path)
        if event.tag is not None:
            raise self._wrong(event, "Tags (!) are not read: leave it out.", path)
        if isinstance(event, yaml.ScalarEvent):
            return None if not event.style and event.value in NULLS else event.value
        if len(path) > DEEPEST:
            raise self._wrong(event, "This is nested too deeply.", path)
        return self._list(path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(path)

    def _list(self, path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            found.append(self._value(event, (*path, len(found))))
        return found

    def _mapping(self, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._wrong(event, "A name is a word, followed by a colon.", path)
            if len(event.value) > MOST_CHARACTERS:
                raise self._wrong(event, f"This name is too long: at most {MOST_CHARACTERS} characters.")
            if event.value in found:
                raise self._wrong(event, f"“{event.value[:50]}” stands here twice. Delete one.", path)
            found[event.value] = self._value(next(self.events), (*path, event.value))
        return found

    def _wrong(self, event: Any, sentence: str, path: Path = ()) -> PolicyFileRefused:
        return _refused(sentence, event.start_mark.line + 1, path)


class _Form:
    """Reads a file as it should be, and notes each place where it is not."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []

    def file(self) -> PolicyFile:
        value = self._mapping(self.source.value, (), _FILE_FIELDS, "A file has “organization” and “tests”.")
        organization = value.get("organization")
        slug = "" if organization is None else self._text(organization, ("organization",))
        tests = value.get("tests")
        if not isinstance(tests, list) or not tests:
            self._refuse(("tests",), "Give a list with at least one test.")
            tests = []
        if len(tests) > MOST_QUESTIONS:
            self._refuse(("tests",), f"At most {MOST_QUESTIONS:,} tests are read: split the file.")
            tests = []
        read = (self._test(test, ("tests", place)) for place, test in enumerate(tests))
        return PolicyFile(slug, tuple(filter(None, read)))

    def _test(self, value: Any, path: Path) -> PolicyTest | None:
        known = self._mapping(value, path, _TEST_FIELDS, "A test is a mapping with “name”, “subject” and so on.")
        if not known:
            return None
        expect = known.get("expect")
        if expect not in tuple(Expectation):
            self._refuse((*path, "expect"), "Say “allow” or “deny”.")
        return PolicyTest(
            name=self._text(known.get("name"), (*path, "name"), "Give the test a name."),
            subjects=self._several(known, path, "subject", self._subject),
            actions=self._several(known, path, "action", self._text),
            resources=self._several(known, path, "resource", self._resource, Resource()),
            expect=Expectation.ALLOW if expect == Expectation.ALLOW else Expectation.DENY,
            line=self.source.lines.get(path),
        )

    def _several(
        self,
        known: Mapping[str, Any],
        path: Path,
        name: str,
        read: Callable[[Any, Path], Any],
        default: Any = None,
    ) -> tuple[Any, ...]:
        """Return one or many of something, under its name or the plural of it."""
        plural = f"{name}s"
        if name in known and plural in known:
            self._refuse((*path, plural), f"Write “{name}” or “{plural}”, not both.")
            return ()
        if name not in known and plural not in known and default is not None:
            return (default,)
        key = name if name in known else plural
        value = known.get(key)
        if value is None or value == []:
            self._refuse((*path, key), f"Name at least one {name}.")
            return ()
        if not isinstance(value, list):
            return (read(value, (*path, key)),)
        if len(value) > MOST_QUESTIONS:
            self._refuse((*path, key), f"At most {MOST_QUESTIONS:,} are read: split the file.")
            return ()
        return tuple(read(one, (*path, key, place)) for place, one in enumerate(value))

    def _subject(self, value: Any, path: Path) -> str:
        """Return who is asked about: people in lower case, as they are known, and roles as they are written."""
        written = self._text(value, path)
        return written if written.startswith(ROLE_PREFIX) else written.lower()

    def _resource(self, value: Any, path: Path) -> Resource:
        if value == ORGANIZATION:
            return Resource()
        known = self._mapping(
            value, path, _RESOURCE_FIELDS, "A resource is “organization”, or a mapping with “type” and “id”."
        )
        if not known:
            return Resource()
        kind = self._text(known.get("type"), (*path, "type"), "Say the type of the resource.")
        object_id = known.get("id")
        properties = known.get("properties")
        if object_id is not None:
            self._text(object_id, (*path, "id"))
        elif kind and kind != ORGANIZATION:
            self._refuse((*path, "id"), f"Say which {kind}, by its id.")
        if properties is not None and not isinstance(properties, dict):
            self._refuse((*path, "properties"), "Properties are a mapping of names to values.")
        # Ids are compared as they are written.
        return Resource(kind, object_id or "", properties or NOTHING)

    def _mapping(self, value: Any, path: Path, known: tuple[str, ...], sentence: str) -> Mapping[str, Any]:
        """Return the mapping, or an empty one after noting that it is none. Unknown names are noted."""
        if not isinstance(value, dict) or not value:
            self._refuse(path, sentence)
            return NOTHING
        for name in value:
            if name not in known:
                listed = ", ".join(known)
                self._refuse(path, f"There is no “{str(name)[:50]}” here. Known are: {listed}.", (*path, name))
        return value

    def _text(self, value: Any, path: Path, missing: str = "Write some text here.") -> str:
        if not isinstance(value, str):
            self._refuse(path, missing if value is None else "This is text: put it in quotes.")
            return ""
        try:
            text = one_line(value)
        except UnfitTextError as unfit:
            self._refuse(path, str(unfit))
            return ""
        if not text:
            self._refuse(path, missing)
        if len(text) > MOST_CHARACTERS:
            self._refuse(path, f"This is too long: at most {MOST_CHARACTERS} characters.")
        return text

    def _refuse(self, path: Path, sentence: str, at: Path | None = None) -> None:
        """Note a problem, with the line of the nearest part that is there."""
        if len(self.problems) >= MOST_PROBLEMS:
            self.problems[MOST_PROBLEMS:] = [Problem((), None, f"There are more: these are the first {MOST_PROBLEMS}.")]
            return
        place: Path = path if at is None else at
        while place and place not in self.source.lines:
            place = place[:-1]
        self.problems.append(Problem(path, self.source.lines.get(place), sentence))
