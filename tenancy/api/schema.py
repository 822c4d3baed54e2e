"""The OpenAPI 3.1 description of what all our views have in common: problems, validators, idempotency, tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from tenancy.api.problems import MEDIA_TYPE
from tenancy.api.serializers import StrictInput, StrictSerializer

ERRORS = {
    "400": "The request is malformed, or a value in it is not accepted.",
    "401": "Nobody is signed in, or the token is not accepted.",
    "403": "The role, or the assignment to the client, does not allow it.",
    "404": "There is nothing here for this caller.",
    "406": "Only JSON is answered.",
    "409": "The data as it stands does not allow it, or the same request is under way.",
    "412": "It was changed meanwhile; `stored` is what is stored now.",
    "413": "The body is too large.",
    "415": "Bodies of this type are not read.",
    "422": "The Idempotency-Key was used for another request.",
    "428": "If-Match is missing.",
    "429": "Too many requests; Retry-After says when to go on.",
}
CHANGES = frozenset({"PUT", "PATCH", "DELETE"})
STANDARD_ACTIONS = frozenset({"list", "retrieve", "create", "update", "partial_update", "destroy"})

IF_MATCH = OpenApiParameter(
    "If-Match",
    {"type": "string", "pattern": r'^(\*|(W/)?"[!#-~]*")$'},
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag of what was edited, or `*` (RFC 9110, section 13.1.1).",
)
Handler = TypeVar("Handler", bound=Callable[..., Any])


def optional(parameter: OpenApiParameter, description: str) -> OpenApiParameter:
    """Return the parameter as one that may be left out."""
    return OpenApiParameter(parameter.name, parameter.type, parameter.location, description=description)


def also_answers(*codes: str) -> Callable[[Handler], Handler]:
    """Describe further problems of a view's method, besides those that follow from what it is."""

    def mark(handler: Handler) -> Handler:
        handler.further_problems = frozenset(codes)  # type: ignore[attr-defined]
        return handler

    return mark


class ProblemError(serializers.Serializer):
    """One thing that is wrong: in the body by JSON pointer, or in the query by parameter."""

    pointer = serializers.CharField(required=False, help_text="Where in the body (RFC 6901).")
    parameter = serializers.CharField(required=False, help_text="Which parameter of the query.")
    detail = serializers.CharField()
    code = serializers.CharField()


class Problem(serializers.Serializer):
    """A problem detail (RFC 9457)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    request_id = serializers.CharField(help_text="Quote it when asking for help.")
    reason = serializers.CharField(required=False, help_text="Why access was denied.")
    errors = ProblemError(many=True, required=False)  # type: ignore[assignment]
    stored = serializers.DictField(required=False, help_text="What is stored now, when an edit came too late.")
    changes = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="What happened since, in sentences, where it is known."
    )


class ProblemAutoSchema(AutoSchema):  # type: ignore[misc]
    """Describes a view's own answers, and adds the problems and headers that follow from its method."""

    def get_tags(self) -> list[str]:
        """Group operations by the first name in the path that is not a parameter or a common prefix."""
        names = [name for name in self._tokenize_path() if name not in {"api", "orgs"}]
        return [names[0] if names else "api"]

    def get_operation_id(self) -> str:
        """Name an operation by its path and what it does; an action of its own that the path does not tell, by that."""
        action = getattr(self.view, "action", None)
        if action in {None, *STANDARD_ACTIONS} or action in self._tokenize_path():
            return str(super().get_operation_id())
        return "_".join((*(name.replace("-", "_") for name in self._tokenize_path()), str(action)))

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self._is_versioned() and self.method in CHANGES:
            parameters.append(IF_MATCH)
        if self._is_idempotent():
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    {"type": "string", "pattern": r'^("[!#-~]{1,255}"|[!#-~]{1,255})$'},
                    OpenApiParameter.HEADER,
                    description="A repeated request with the same key and content gets the same answer, for 24 hours.",
                )
            )
        if self._is_versioned() and self.method != "DELETE" and not self._is_list_view():
            parameters.append(
                OpenApiParameter(
                    "ETag", str, OpenApiParameter.HEADER, response=["200", "201"], description="The version, quoted."
                )
            )
        if self._is_versioned() and self.method == "POST":
            parameters.append(
                OpenApiParameter(
                    "Location", str, OpenApiParameter.HEADER, response=["201"], description="Where the new one is."
                )
            )
        return parameters

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        bodies: dict[str, Any] = super()._get_response_bodies(direction)
        for code in self._error_codes():
            if code not in bodies:
                described = OpenApiResponse(Problem, description=ERRORS[code])
                bodies[code] = self._get_response_for_code(  # type: ignore[no-untyped-call]
                    described, code, [MEDIA_TYPE], direction
                )
        return bodies

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Any:
        """Say of what refuses unknown names that it does."""
        described = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if direction == "request" and isinstance(serializer, StrictInput | StrictSerializer):
            described["additionalProperties"] = False
        return described

    def _get_paginator(self) -> Any:
        return super()._get_paginator() if self.method == "GET" else None  # type: ignore[no-untyped-call]

    def _error_codes(self) -> list[str]:
        codes = {"406", "429"}
        if self.get_auth() != [{}]:
            codes |= {"400", "401", "403", "404"}
        if self.method in {"POST", "PUT", "PATCH"}:
            codes |= {"400", "413", "415"}
        if self.method not in {"GET", "HEAD"}:
            codes |= {"409"}
        if self._is_versioned() and self.method in CHANGES:
            codes |= {"412", "428"}
        if self._is_idempotent():
            codes |= {"422"}
        return sorted(codes | getattr(self._handler(), "further_problems", frozenset()))

    def _is_versioned(self) -> bool:
        from tenancy.api.views import GuardedViewSet

        return isinstance(self.view, GuardedViewSet) and getattr(self.view, "versioned", True)

    def _is_idempotent(self) -> bool:
        return bool(getattr(self._handler(), "is_idempotent", False))

    def _handler(self) -> Any:
        return getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How callers make themselves known: a token under either word, or the session of a signed-in browser."""

    target_class = "accounts.authentication.RequestUserAuthentication"
    name = ["bearer", "token", "session"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, Any]]:
        """Return the three schemes, in the order of `name`."""
        return [
            {"type": "http", "scheme": "bearer", "description": "`Authorization: Bearer iam_…`"},
            {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Authorization: Token iam_…`",
            },
            {"type": "apiKey", "in": "cookie", "name": "sessionid", "description": "With X-CSRFToken on changes."},
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        """Return that any one of them is enough."""
        return [{name: []} for name in self.name]
