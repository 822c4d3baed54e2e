"""Every error of the API is a problem detail (RFC 9457)."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from tenancy.errors import AccessDenied, ActionRefused, NotVisible

MEDIA_TYPE = "application/problem+json"


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
    if isinstance(error, AccessDenied | NotVisible):
        request.denial = error.denial
    if isinstance(error, ActionRefused):
        return _problem(request, Response(status=409), str(error))
    answered = exception_handler(error, context)
    if answered is None:
        return None
    if isinstance(error, exceptions.ValidationError):
        return _problem(request, answered, "Some fields are not right.", errors=answered.data)
    if isinstance(error, NotVisible | Http404):
        return _problem(request, answered, "There is nothing here.")
    if isinstance(error, AccessDenied):
        return _problem(request, answered, str(error.denial), reason=error.denial.reason)
    if isinstance(error, PermissionDenied):
        return _problem(request, answered, "This is not allowed.")
    detail = getattr(error, "detail", "The request could not be answered.")
    return _problem(request, answered, str(detail))


def _problem(request: HttpRequest, response: Response, detail: str, **members: Any) -> Response:
    response.data = body(request, response.status_code, detail, **members)
    response.content_type = MEDIA_TYPE
    return response
