"""How a refused or failed request answers: a problem detail on the API, a page elsewhere, a redirect to sign in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.links import org_url
from tenancy.api.problems import problem
from tenancy.errors import Denial, Overtaken, Reason

STATUS_BY_REASON = {Reason.NOT_SIGNED_IN: 401, Reason.TOKEN_REFUSED: 401}
TO_SIGN_IN = frozenset({Reason.NOT_SIGNED_IN, Reason.BANNED})


def _is_api(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400, or 409 for what was overtaken."""
    overtaken = str(exception) if isinstance(exception, Overtaken) else ""
    status = 409 if overtaken else 400
    if _is_api(request):
        return problem(request, status, overtaken or "The request could not be read.")
    return render(request, "errors/400.html", {"overtaken": overtaken}, status=status)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403, or lead to what is missing: signing in, or a second factor."""
    denial: Denial | None = getattr(exception, "denial", None)
    reason = denial.reason if denial else None
    if _is_api(request):
        status = STATUS_BY_REASON.get(reason, 403) if reason else 403
        return problem(request, status, str(denial or "This is not allowed."), reason=reason)
    if reason in TO_SIGN_IN:
        return HttpResponseRedirect(f"{_sign_in(request)}?{urlencode({'next': request.get_full_path()})}")
    if reason is Reason.SECOND_FACTOR:
        return HttpResponseRedirect(f"{reverse('mfa_index')}?{urlencode({'next': request.get_full_path()})}")
    template = "errors/suspended.html" if reason is Reason.SUSPENDED else "403.html"
    return render(request, template, {"missing": str(denial) if denial else ""}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404, alike for what is hidden and what is missing."""
    if _is_api(request):
        return problem(request, 404, "There is nothing here.")
    if getattr(request, "actor", None) is None:
        # To someone without a place in it, an organization that exists looks like one that does not.
        request.brand = None  # type: ignore[attr-defined]
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without asking the database."""
    if _is_api(request):
        return problem(request, 500, "Something failed on our side. Nothing was changed; try again.")
    return render(request, "500.html", status=500)


def _sign_in(request: Any) -> str:
    return org_url(request, "sign-in") if getattr(request, "organization_slug", None) else reverse("account_login")
