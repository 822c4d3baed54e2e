"""Files of policy tests: what is read of them, and what is told of one that cannot be used."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from roles.engine.policy_files import (
    DEEPEST,
    MOST_BYTES,
    MOST_CHARACTERS,
    MOST_PROBLEMS,
    MOST_VALUES,
    PolicyFileRefused,
    Source,
    parse,
    read_yaml,
)
from roles.engine.policy_tests import MOST_QUESTIONS, Expectation, PolicyTest, Resource

pytestmark = pytest.mark.requirement("PDP-1")

GOOD = {"name": "One", "subject": "a@larkmoor.example", "action": "clients:read", "expect": "allow"}


def refused(text: str | bytes) -> PolicyFileRefused:
    """Return how a file is refused."""
    raw = text if isinstance(text, bytes) else dedent(text).encode()
    with pytest.raises(PolicyFileRefused) as error:
        parse(read_yaml(raw))
    return error.value


def problems(text: str | bytes) -> list[str]:
    """Return what is wrong with a file."""
    return [str(problem) for problem in refused(text).problems]


def read(**changed: Any) -> PolicyTest:
    """Return what is read of a good test with some fields changed."""
    [test] = parse(Source({"tests": [GOOD | changed]})).tests
    return test


def problems_of(*tests: Any) -> list[str]:
    """Return what is wrong with a file of these tests."""
    with pytest.raises(PolicyFileRefused) as error:
        parse(Source({"tests": list(tests)}))
    return [str(problem) for problem in error.value.problems]


def one(subject: str, action: str, expect: str = "allow", resource: str = "organization") -> str:
    return f"tests: [{{name: One, subject: '{subject}', action: '{action}', resource: {resource}, expect: {expect}}}]"


def test_one_or_many_may_be_named_under_either_name() -> None:
    [few, many] = parse(
        read_yaml(
            dedent("""
            organization: larkmoor
            tests:
              - {name: Few, subject: A@larkmoor.example, action: clients:read, expect: allow}
              - name: Many
                subjects: [a@larkmoor.example, role:org-viewer]
                action: [clients:read, clients:write]
                resources:
                  - organization
                  - {type: client, id: 12}
                expect: deny
            """).encode()
        )
    ).tests
    assert (few.subjects, few.actions, few.line) == (("a@larkmoor.example",), ("clients:read",), 4)
    assert [str(resource) for resource in few.resources] == ["organization"]
    assert (many.subjects, many.line) == (("a@larkmoor.example", "role:org-viewer"), 5)
    assert [str(resource) for resource in many.resources] == ["organization", "client 12"]
    assert (few.expect, many.expect) == (Expectation.ALLOW, Expectation.DENY)


@pytest.mark.parametrize("written", ["Cafe\u0301", "a  b", " lead", "a\tb", "İ"])
def test_an_id_and_the_name_of_a_role_stay_as_they_are_written(written: str) -> None:
    resource = {"type": "books:invoice", "id": written}
    test = {"name": "One", "subject": "role:Front-Desk", "action": "pay", "resource": resource, "expect": "deny"}
    [read] = parse(Source({"tests": [test]})).tests
    assert [one.object_id for one in read.resources] == [written]
    assert read.subjects == ("role:Front-Desk",)


def test_json_that_was_parsed_says_the_same() -> None:
    text = one("a@larkmoor.example", "clients:read")
    value = {"tests": [{"name": "One", "subject": "a@larkmoor.example", "action": "clients:read", "expect": "allow"}]}
    [from_yaml], [from_json] = parse(read_yaml(text.encode())).tests, parse(Source(value)).tests
    assert (from_yaml.subjects, from_yaml.actions, from_yaml.resources) == (
        from_json.subjects,
        from_json.actions,
        from_json.resources,
    )


def test_what_looks_like_a_truth_or_a_number_is_text() -> None:
    [test] = parse(read_yaml(one("no", "12:30", resource="{type: client, id: 007}").encode())).tests
    assert (test.subjects, test.actions, test.resources[0].object_id) == (("no",), ("12:30",), "007")


def test_every_problem_is_told_at_its_place() -> None:
    told = problems("""\
        organization: larkmoor
        tests:
          - name: One
            subject: a@larkmoor.example
            subjects: [b@larkmoor.example]
            action: clients:read
            expect: maybe
          - name: Two
            subject: []
            resource: {type: client}
            expect: deny
            because: it is so
        """)
    assert told == [
        "Line 7, test 1, expect: Say “allow” or “deny”.",
        "Line 5, test 1, subjects: Write “subject” or “subjects”, not both.",
        "Line 12, test 2: There is no “because” here. Known are: name, subject, subjects, action, actions, resource,"
        " resources, expect.",
        "Line 9, test 2, subject: Name at least one subject.",
        "Line 8, test 2, actions: Name at least one action.",
        "Line 10, test 2, resource: Say which client, by its id.",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "A file has “organization” and “tests”."),
        ("- a", "Line 1: A file has “organization” and “tests”."),
        ("tests: []", "Line 1: Give a list with at least one test."),
        ("tests: [{}]", "Line 1, test 1: A test is a mapping with “name”, “subject” and so on."),
        ("tests: [", "Line 2: This is not YAML:"),
        ("tests: 1\ntests: 2", "Line 2: “tests” stands here twice. Delete one."),
        ("a: &a [1]\nb: *a", "Line 2: Aliases (*) are not read: write it out."),
        ("a: !!python/name:os.system", "Line 1: Tags (!) are not read: leave it out."),
        ("a: ! b", "Line 1: Tags (!) are not read: leave it out."),
        ("%TAG !a! x\n---\na: b", "Line 1: Directives (%) are not read: leave it out."),
        ("\ufeff\ufeff%YAML 1.2\n---\na: b", "Line 1: Directives (%) are not read: leave it out."),
        ("a: b\n...\u2028%TAG !a! x\n---\na: b", "Line 3: Directives (%) are not read: leave it out."),
        (f"{'a' * 501}: b", "Line 1: This name is too long: at most 500 characters."),
        ("? [a]\n: b", "Line 1: A name is a word, followed by a colon."),
        ("a: 1\n---\nb: 2", "Line 2: A second document begins here. Keep one in a file."),
        ("[" * 100_000, "Line 1: This is nested too deeply."),
        (b"\xff", "The file is not UTF-8 text. Save it as such."),
        (b"a: \x01", "The file holds a character that YAML does not allow."),
        (one("a", "b", "{a: b}"), "Line 1, test 1, expect: Say “allow” or “deny”."),
        (one("a", '"b', "deny").replace("'\"b'", '"b\\u202e"'), "Line 1, test 1, action: This contains an invisible"),
        (one("a" * 501, "b"), "Line 1, test 1, subject: This is too long: at most 500 characters."),
        (b" " * (MOST_BYTES + 1), "The file is too large: at most 1,048,576 bytes are read. Split it."),
        (f"[{'a,' * MOST_VALUES}]", "Line 1: At most 150,000 values are read: split the file."),
    ],
)
def test_a_file_that_cannot_be_used_says_what_to_do(text: str | bytes, told: str) -> None:
    assert problems(text)[0].startswith(told)


@pytest.mark.parametrize("value", [None, 1, [], "text", {"tests": {}}, {"tests": [1]}, {"tests": [{"name": 1}]}])
def test_json_of_another_shape_is_refused(value: Any) -> None:
    with pytest.raises(PolicyFileRefused):
        parse(Source(value))


@pytest.mark.parametrize("null", ["", "~", "null", "Null", "NULL"])
def test_what_yaml_calls_null_names_nobody(null: str) -> None:
    text = f"tests:\n- {{name: One, action: clients:read, expect: deny, subject: {null}}}"
    assert problems(text) == ["Line 2, test 1, subject: Name at least one subject."]


@pytest.mark.parametrize("word", ["", "~", "null"])
def test_a_null_in_quotes_is_text(word: str) -> None:
    assert read_yaml(f"a: '{word}'".encode()).value == {"a": word}


def test_a_file_names_its_organization_or_none() -> None:
    text = one("a@larkmoor.example", "clients:read")
    assert parse(read_yaml(text.encode())).organization == ""
    for null in ("", "~"):
        assert parse(read_yaml(f"organization: {null}\n{text}".encode())).organization == ""
    assert parse(read_yaml(f"organization: larkmoor\n{text}".encode())).organization == "larkmoor"


def test_a_test_is_known_by_its_name() -> None:
    assert read(name=" Members  delete nothing ").name == "Members delete nothing"
    assert (
        problems_of(GOOD | {"name": " "})
        == problems_of(GOOD | {"name": None})
        == ["Test 1, name: Give the test a name."]
    )


def test_properties_come_with_their_resource() -> None:
    resource = {"type": "books:invoice", "id": "7", "properties": {"owner": "a@larkmoor.example"}}
    assert read(resource=resource).resources == (Resource("books:invoice", "7", {"owner": "a@larkmoor.example"}),)
    for none in ({}, None):
        assert read(resource=resource | {"properties": none}).resources == (Resource("books:invoice", "7"),)


@pytest.mark.parametrize("resource", ["organization", {"type": "organization"}])
def test_the_organization_needs_no_id(resource: Any) -> None:
    assert read(resource=resource).resources == read().resources == (Resource(),)


@pytest.mark.parametrize(
    ("test", "told"),
    [
        (1, "Test 1: A test is a mapping with “name”, “subject” and so on."),
        (GOOD | {"subject": 1}, "Test 1, subject: This is text: put it in quotes."),
        (GOOD | {"action": [None]}, "Test 1, action: Write some text here."),
        (GOOD | {"resource": "boat"}, "Test 1, resource: A resource is “organization”, or a mapping"),
        (GOOD | {"resource": {"id": "1"}}, "Test 1, resource: Say the type of the resource."),
        (GOOD | {"resource": {"type": 1}}, "Test 1, resource: This is text: put it in quotes."),
        (GOOD | {"resource": {"type": "a\u202e"}}, "Test 1, resource: This contains an invisible character"),
        (GOOD | {"resource": {"type": "client", "id": 1}}, "Test 1, resource: This is text: put it in quotes."),
        (GOOD | {"resource": {"type": "client", "id": ""}}, "Test 1, resource: Write some text here."),
        (GOOD | {"resource": {"type": "client", "id": "1", "properties": "a"}}, "Test 1, resource: Properties are a"),
    ],
)
def test_one_mistake_is_one_problem(test: Any, told: str) -> None:
    [problem] = problems_of(test)
    assert problem.startswith(told)


def test_a_long_name_is_told_by_how_it_begins() -> None:
    begins, rest = "a" * 50, "b" * 50
    assert problems(f"{begins}{rest}: 1")[0].startswith(f"Line 1: There is no “{begins}” here.")
    assert problems(f"{begins}{rest}: 1\n{begins}{rest}: 2") == [f"Line 2: “{begins}” stands here twice. Delete one."]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a: [1", ()),
        ("a: 1\n---\nb: 2", ()),
        ("a: {b: &b 1, c: *b}", ("a", "c")),
        ("a: [1, !!int 2]", ("a", 1)),
        ("a: [{? [b] : c}]", ("a", 0)),
        ("a: {b: {c: 1, c: 2}}", ("a", "b")),
        ("[" * 100, (0,) * (DEEPEST + 1)),
        (f"[{'a,' * MOST_VALUES}]", (MOST_VALUES - 1,)),
        (f"organization: [a]\n{one('a', 'b')}", ("organization",)),
        ("organization: a", ("tests",)),
        (f"tests: [{'a,' * (MOST_QUESTIONS + 1)}]", ("tests",)),
        (one("a", "b").replace("One", ""), ("tests", 0, "name")),
        (one("a", "b", resource="{}"), ("tests", 0, "resource")),
        (one("a", "b", resource="{id: 1}"), ("tests", 0, "resource", "type")),
        (one("a", "b", resource="[organization, {type: client}]"), ("tests", 0, "resource", 1, "id")),
        (one("a", "b", resource="{type: client, id: [1]}"), ("tests", 0, "resource", "id")),
        (one("a", "b", resource="{type: client, id: 1, properties: 1}"), ("tests", 0, "resource", "properties")),
    ],
)
def test_a_problem_names_what_leads_to_it(text: str, path: tuple[str | int, ...]) -> None:
    [problem] = refused(text).problems
    assert problem.path == path


def test_a_file_that_is_refused_tells_one_problem_on_each_line() -> None:
    error = refused("tests:\n  - 1\n  - 2")
    assert str(error).splitlines() == [str(problem) for problem in error.problems]
    assert len(error.problems) == 2


def test_no_more_problems_are_told_than_anybody_mends_at_once() -> None:
    assert len(problems_of(*[1] * MOST_PROBLEMS)) == MOST_PROBLEMS
    more = [*problems_of(*[1] * MOST_PROBLEMS), f"There are more: these are the first {MOST_PROBLEMS}."]
    assert problems_of(*[1] * (MOST_PROBLEMS + 1)) == problems_of(*[1] * (MOST_PROBLEMS + 2)) == more


def test_that_there_are_more_is_told_of_the_file_as_a_whole() -> None:
    with pytest.raises(PolicyFileRefused) as error:
        parse(Source({"tests": [1] * (MOST_PROBLEMS + 1)}))
    assert (error.value.problems[-1].path, error.value.problems[-1].line) == ((), None)


def test_what_is_no_directive_and_no_longer_than_that_is_read() -> None:
    longest = "a" * MOST_CHARACTERS
    assert read_yaml(f"X%: 10%\n{longest}: b".encode()).value == {"X%": "10%", longest: "b"}


def test_a_file_of_the_size_that_is_read_is_read() -> None:
    assert read_yaml(b"a" + b" " * (MOST_BYTES - 1)).value == "a"
    assert len(read_yaml(f"[{'a,' * (MOST_VALUES - 1)}]".encode()).value) == MOST_VALUES - 1
    deep = DEEPEST + 1
    assert str(read_yaml(b"[" * deep + b"]" * deep).value) == "[" * deep + "]" * deep


def test_a_text_may_have_500_characters() -> None:
    assert read(name="a" * MOST_CHARACTERS).name == "a" * 500


def test_ten_thousand_tests_are_read_and_one_more_is_too_many() -> None:
    assert len(parse(Source({"tests": [GOOD] * MOST_QUESTIONS})).tests) == 10_000
    assert problems_of(*[GOOD] * (MOST_QUESTIONS + 1)) == ["At most 10,000 tests are read: split the file."]


def test_ten_thousand_subjects_are_read_and_one_more_is_too_many() -> None:
    assert len(read(subject=["a"] * MOST_QUESTIONS).subjects) == 10_000
    too_many = GOOD | {"subject": ["a"] * (MOST_QUESTIONS + 1)}
    assert problems_of(too_many) == ["Test 1, subject: At most 10,000 are read: split the file."]
