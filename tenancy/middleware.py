"""The one road for every request: who, actor, isolation, the view, proof."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils.module_loading import import_string

from tenancy import context
from tenancy.actors import Actor, Scope, Stranger
from tenancy.context import Origin, acting
from tenancy.errors import AccessDenied, Denial, NotVisible, Reason
from tenancy.ids import new_id
from tenancy.routes import Access, Requirement, requirement_for, undeclared

REQUEST_ID = re.compile(r"^[\x21-\x7e]{1,128}$")
HIDDEN_REASONS = frozenset({Reason.UNKNOWN_ORGANIZATION, Reason.NOT_A_MEMBER, Reason.OUT_OF_REACH})


class ActorResolver(Protocol):
    """How a room above provides the actor of a request: the setting TENANCY_ACTOR_RESOLVER names one."""

    def __call__(self, request: HttpRequest, organization: str | None) -> Actor | Denial: ...


class AccessDecider(Protocol):
    """The engine: the setting TENANCY_DECIDER names it. None means allowed."""

    def __call__(self, actor: Actor, key: str) -> Denial | None: ...


class RequestRecorder(Protocol):
    """How the audit room notes a request that ended: the setting TENANCY_RECORDER names it."""

    def __call__(self, request: HttpRequest, requirement: Requirement | None, status: int) -> None: ...


class OriginMiddleware:
    """Give every request an id and note where it came from. `X-Request-ID` comes back as it was sent, if it is sane."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        sent = request.headers.get("X-Request-ID", "")
        request.origin = Origin(  # type: ignore[attr-defined]
            interface=_interface(request.path),
            request_id=sent if REQUEST_ID.match(sent) else str(new_id()),
            address=client_address(request),
            user_agent=request.headers.get("User-Agent", "")[:400],
        )
        response = self.get_response(request)
        response.headers["X-Request-ID"] = request.origin.request_id  # type: ignore[attr-defined]
        return response


def _interface(path: str) -> str:
    return next((name for prefix, name in settings.TENANCY_INTERFACES.items() if path.startswith(prefix)), "pages")


def client_address(request: HttpRequest) -> str | None:
    """Return the caller's address: the peer's, or the one that as many trusted proxies as configured passed on.

    What is no address, such as “unknown”, is left aside for the peer's.
    """
    hops = settings.TRUSTED_PROXY_HOPS
    if hops:
        forwarded = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        if len(forwarded) >= hops and _is_address(forwarded[-hops]):
            return str(forwarded[-hops])
    return request.META.get("REMOTE_ADDR") or None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text  # PostgreSQL keeps no zone of an IPv6 address


class ActingMiddleware:
    """Resolve the actor, enter the isolation, check the declared permission, run the view, record.

    Stands last in MIDDLEWARE, for it calls the view itself: everything the view does shares one transaction with its
    record. An answer of 400 or more rolls the work back. Routes without an actor (signing in, one's own account) are
    left to Django, so that the middleware of allauth sees the exceptions that it answers.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.resolve: ActorResolver = import_string(settings.TENANCY_ACTOR_RESOLVER)
        self.decide: AccessDecider = import_string(settings.TENANCY_DECIDER)
        self.record: RequestRecorder = import_string(settings.TENANCY_RECORDER)
        for urlconf in settings.TENANCY_URLCONFS:
            missing = undeclared(urlconf)
            if missing:
                listed = ", ".join(f"{route.method} {route.pattern}" for route in missing)
                raise ImproperlyConfigured(
                    f"These routes do not declare what they need: {listed}."
                    " Mark their view with tenancy.routes.requires."
                )

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.actor = None  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        match = request.resolver_match
        name = match.view_name if match else ""
        origin = request.origin  # type: ignore[attr-defined]
        request.origin = Origin(  # type: ignore[attr-defined]
            origin.interface, name, origin.request_id, origin.address, origin.user_agent
        )
        requirement = requirement_for(view, name, request.method or "GET")
        named = kwargs.pop("organization", None)
        organization = getattr(request, "organization_slug", None) or named
        if named is not None and named != organization:
            raise self._refused(request, Denial(Reason.UNKNOWN_ORGANIZATION))
        request.organization_slug = organization  # type: ignore[attr-defined]
        request.requirement = requirement  # type: ignore[attr-defined]
        if requirement is None:
            raise self._refused(request, Denial(Reason.UNDECLARED))
        if requirement.access is Access.PUBLIC:
            return None
        if not request.user.is_authenticated:
            failed = getattr(request, "authentication_failed", None)
            raise self._refused(request, failed or Denial(Reason.NOT_SIGNED_IN, key=str(requirement)))
        if requirement.access is Access.SIGNED_IN:
            return None
        return self._act(request, view, args, kwargs, requirement, organization)

    def _act(
        self,
        request: HttpRequest,
        view: Callable[..., HttpResponseBase],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        requirement: Requirement,
        organization: str | None,
    ) -> HttpResponseBase:
        resolved = self.resolve(request, organization)
        if isinstance(resolved, Denial):
            raise self._refused(request, resolved)
        wanted = Scope.PLATFORM if organization is None else Scope.TENANT
        if resolved.scope is not wanted:
            raise self._refused(request, Denial(Reason.NOT_A_MEMBER, key=str(requirement)))
        request.actor = resolved  # type: ignore[attr-defined]
        try:
            with acting(resolved, request.origin):  # type: ignore[attr-defined]
                for key in requirement.keys:
                    if denial := self.decide(resolved, key):
                        raise AccessDenied(denial)
                response = _rendered(view(request, *args, **kwargs))
                if response.status_code >= 400:
                    transaction.set_rollback(True)
                else:
                    self.record(request, requirement, response.status_code)
        except Http404 as missing:
            if not isinstance(missing, NotVisible):
                self._record_rolled_back(request, resolved, requirement, 404)
            raise
        if response.status_code >= 400:
            self._record_rolled_back(request, resolved, requirement, response.status_code)
        return response

    def _record_rolled_back(self, request: HttpRequest, actor: Actor, requirement: Requirement, status: int) -> None:
        """Record on its own a request whose work did not stay. A face leaves the denial it answered on the request."""
        denial = getattr(request, "denial", None)
        if denial is not None:
            entered = context.Acting(actor, request.origin)  # type: ignore[attr-defined]
            for record in context.after_denial:
                record(entered, denial)
            return
        with acting(actor, request.origin):  # type: ignore[attr-defined]
            self.record(request, requirement, status)

    def _refused(self, request: HttpRequest, denial: Denial) -> AccessDenied | NotVisible:
        """Record an attempt that has no actor, and return the error that answers it."""
        entered = context.Acting(_stranger(request), request.origin)  # type: ignore[attr-defined]
        for record in context.after_denial:
            record(entered, denial)
        return NotVisible(denial) if denial.reason in HIDDEN_REASONS else AccessDenied(denial)


def _stranger(request: HttpRequest) -> Stranger:
    user = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return Stranger(user.pk, user.get_username())
    return Stranger(None, "anonymous")


def _rendered(response: HttpResponseBase) -> HttpResponseBase:
    """Render a lazy template response now, inside the transaction that its queries belong to."""
    render = getattr(response, "render", None)
    if callable(render) and not getattr(response, "is_rendered", True):
        return render()  # type: ignore[no-any-return]
    return response
