"""Policy tests by the API: who must and who must not be able to do what, asked of the engine as things are now."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from roles.engine.objects import ORGANIZATION
from roles.engine.policy_files import MOST_BYTES, PolicyFileRefused, Problem, Source, parse, read_yaml
from roles.engine.policy_tests import Expectation, Report, run_for
from roles.models import PolicyChange
from tenancy.api.parsing import StrictJSONParser
from tenancy.api.problems import BodyTooLarge
from tenancy.api.serializers import StrictInput
from tenancy.api.views import ActorViewSet

YAML = "application/yaml"
JSON = "application/json"


class PolicyYAMLParser(BaseParser):
    """A file of policy tests (YAML by its media type of RFC 9512)."""

    media_type = YAML

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the Source of the tests. Raises ValidationError, or BodyTooLarge."""
        try:
            return read_yaml(_bounded(stream))
        except PolicyFileRefused as refused:
            raise as_validation_error(refused) from refused


class PolicyJSONParser(StrictJSONParser):
    """The same as JSON."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the Source of the tests. Raises ParseError, or BodyTooLarge."""
        return Source(super().parse(BytesIO(_bounded(stream)), media_type, parser_context))


def _bounded(stream: IO[Any]) -> bytes:
    raw: bytes = stream.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise BodyTooLarge(f"The tests are too large: at most {MOST_BYTES:,} bytes are read. Split them.")
    return raw


def as_validation_error(refused: PolicyFileRefused) -> serializers.ValidationError:
    """Return the error that the API answers: each problem at its place."""
    found: dict[Any, Any] = {}
    for problem in refused.problems:
        *above, last = problem.path or ("non_field_errors",)
        inner = found
        for part in above:
            step = inner.setdefault(part, {})
            if isinstance(step, list):
                step = inner[part] = {"non_field_errors": step}
            inner = step
        told = inner.setdefault(last, [])
        (told if isinstance(told, list) else told.setdefault("non_field_errors", [])).append(_detail(problem))
    return serializers.ValidationError(found)


def _detail(problem: Problem) -> serializers.ErrorDetail:
    where = f"Line {problem.line}: " if problem.line else ""
    return serializers.ErrorDetail(f"{where}{problem.sentence}", "invalid")


def _one_or_many(item: dict[str, Any]) -> Any:
    """Describe a field that takes one value or a list of them."""

    class OneOrMany(serializers.Field):  # type: ignore[type-arg]
        """One, or a list."""

    return extend_schema_field({"oneOf": [item, {"type": "array", "items": item, "minItems": 1}]})(OneOrMany)


TEXT = {"type": "string", "minLength": 1, "maxLength": 500}
RESOURCE = {
    "oneOf": [
        {"const": ORGANIZATION},
        {
            "type": "object",
            "properties": {"type": TEXT, "id": TEXT, "properties": {"type": "object"}},
            "required": ["type"],
            "additionalProperties": False,
        },
    ]
}
Texts, Resources = _one_or_many(TEXT), _one_or_many(RESOURCE)


class TestSent(StrictInput):
    """One test: everyone named may, or must not, do everything named to everything named. `subject` or `subjects`,
    and so on: either takes one or many."""

    name = serializers.CharField(max_length=500)
    subject = Texts(required=False, help_text="A person by e-mail address or id, or `role:` and the slug of a role.")
    subjects = Texts(required=False)
    action = Texts(required=False, help_text="Permission keys.")
    actions = Texts(required=False)
    resource = Resources(required=False, help_text="Left out: the organization.")
    resources = Resources(required=False)
    expect = serializers.ChoiceField([str(one) for one in Expectation])


class TestsSent(StrictInput):
    """Policy tests."""

    organization = serializers.CharField(required=False, help_text="The slug, to be sure that the tests are for it.")
    tests = TestSent(many=True)


class FailureShown(serializers.Serializer[Any]):
    """An answer that was not as expected."""

    subject = serializers.CharField(allow_blank=True)
    action = serializers.CharField(allow_blank=True)
    resource = serializers.CharField(allow_blank=True)
    sentence = serializers.CharField(help_text="Why it came out so.")


class OutcomeShown(serializers.Serializer[Any]):
    """How one test came out. One with no question and no failure was about nobody."""

    name = serializers.CharField(source="test.name")
    line = serializers.IntegerField(source="test.line", allow_null=True, help_text="Where it stands in the YAML.")
    expect = serializers.CharField(source="test.expect")
    asked = serializers.IntegerField(help_text="How many questions it was.")
    failures = FailureShown(many=True)


class Asked(serializers.Serializer[Any]):
    """How many questions there were, by the answer expected."""

    allow = serializers.IntegerField()
    deny = serializers.IntegerField()


class ReportShown(serializers.Serializer[Report]):
    """How all tests came out."""

    version = serializers.CharField(help_text="The version of the policy that was asked.")
    held = serializers.BooleanField(help_text="Whether every answer was as expected.")
    asked = serializers.SerializerMethodField()
    strangers = serializers.ListField(
        child=serializers.CharField(), help_text="Subjects without a role here, to whom everything is denied."
    )
    missing = serializers.ListField(
        child=serializers.CharField(),
        help_text="Resources that there are not, to which everybody is denied everything.",
    )
    tests = OutcomeShown(many=True, source="outcomes")

    @extend_schema_field(Asked)
    def get_asked(self, report: Report) -> Any:
        return {str(one): report.asked(one) for one in Expectation}


class PolicyTestViewSet(ActorViewSet):
    """Policy tests."""

    queryset = PolicyChange.objects.none()
    parser_classes = [PolicyJSONParser, PolicyYAMLParser]
    serializer_class = ReportShown

    @extend_schema(request={JSON: TestsSent, YAML: TestsSent}, responses={200: ReportShown}, filters=False)
    def run(self, request: Request) -> Response:
        """Run policy tests as things are now. Nothing is changed; a test that fails is an answer, not an error."""
        try:
            tests = parse(request.data if isinstance(request.data, Source) else Source(None))
        except PolicyFileRefused as refused:
            raise as_validation_error(refused) from refused
        return Response(ReportShown(run_for(self.actor, tests)).data)
