"""Every error of the API is a problem detail (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as ModelValidationError
from django.http import Http404, HttpRequest, JsonResponse
from drf_standardized_errors.formatter import flatten_errors
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from tenancy.api.preconditions import etag
from tenancy.errors import AccessDenied, ActionRefused, NotVisible, StaleVersion

MEDIA_TYPE = "application/problem+json"


class QueryRefused(exceptions.ValidationError):
    """Parameters of the query that cannot be used, by their name."""


class BodyTooLarge(exceptions.APIException):
    """The body has more bytes than are read."""

    status_code = 413
    default_detail = "The body is too large."
    default_code = "too_large"


def body(request: Any, status: int, detail: str, **members: Any) -> dict[str, Any]:
    """Return the members of a problem detail (RFC 9457, section 3.1)."""
    origin = getattr(request, "origin", None)
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.path,
        "request_id": origin.request_id if origin else "",
        **{name: member for name, member in members.items() if member is not None},
    }


def problem(request: HttpRequest, status: int, detail: str, **members: Any) -> JsonResponse:
    """Return a problem detail for an error outside of DRF's views."""
    response = JsonResponse(body(request, status, detail, **members), status=status, content_type=MEDIA_TYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="api"'
    return response


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn an exception of a DRF view into a problem detail, and leave a denial on the request for the record."""
    request = context["request"]._request
    error = _known(error)
    if isinstance(error, AccessDenied | NotVisible):
        request.denial = error.denial
    if isinstance(error, StaleVersion):
        return _stale(request, error, context["view"])
    if isinstance(error, ActionRefused):
        return _problem(request, Response(status=409), str(error))
    answered = exception_handler(error, context)
    if answered is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        place = "query" if isinstance(error, QueryRefused) else "body"
        return _problem(request, answered, f"Something in the {place} is not right.", errors=field_errors(error))
    reason = error.denial.reason if isinstance(error, AccessDenied) else None
    if isinstance(error, exceptions.UnsupportedMediaType):
        read = " or ".join(parser.media_type for parser in context["view"].parser_classes)
        return _problem(request, answered, f"{error.detail} Send the body as {read}.")
    return _problem(request, answered, _sentence(error), reason=reason)


def _known(error: Exception) -> Exception:
    """Return what DRF would have raised for an error of Django's that stands for the same."""
    if isinstance(error, ModelValidationError):
        return exceptions.ValidationError(as_serializer_error(error))
    if isinstance(error, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(error, SuspiciousOperation):
        return exceptions.ParseError("The request could not be read.")
    return error


def _sentence(error: Exception) -> str:
    if isinstance(error, AccessDenied):
        return str(error.denial)
    if isinstance(error, Http404):
        return "There is nothing here."
    if isinstance(error, PermissionDenied):
        return "This is not allowed."
    return str(getattr(error, "detail", "The request could not be answered."))


def field_errors(error: exceptions.ValidationError) -> list[dict[str, str]]:
    """Return one entry for each error: what is wrong, and where, by JSON pointer (RFC 6901) or by query parameter."""
    flat = flatten_errors(error.detail)
    if isinstance(error, QueryRefused):
        return [{"parameter": str(one.attr), "detail": str(one.detail), "code": str(one.code)} for one in flat]
    return [{"pointer": _pointer(one.attr), "detail": str(one.detail), "code": str(one.code)} for one in flat]


def _pointer(attribute: str | None) -> str:
    if not attribute or attribute == api_settings.NON_FIELD_ERRORS_KEY:
        return "#"
    escaped = (part.replace("~", "~0").replace("/", "~1") for part in attribute.split("."))
    return "#/" + "/".join(escaped)


def _stale(request: HttpRequest, error: StaleVersion, view: Any) -> Response:
    """Answer that nothing was overwritten, with what is stored now, as the same caller would read it."""
    stored = view.get_serializer(error.stored).data if hasattr(view, "get_serializer") else None
    response = _problem(request, Response(status=412), str(error), stored=stored, changes=error.changes or None)
    response.headers["ETag"] = etag(error.stored)
    return response


def _problem(request: HttpRequest, response: Response, detail: str, **members: Any) -> Response:
    response.data = body(request, response.status_code, detail, **members)
    response.content_type = MEDIA_TYPE
    return response
