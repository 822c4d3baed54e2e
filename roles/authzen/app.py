"""The ASGI application: from the bytes of a request to those of its answer (AuthZEN 1.0, section 10)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from roles.actors import RoleActor
from roles.authzen import discovery
from roles.authzen.askers import Askers, Authenticate
from roles.authzen.errors import BadRequest, Header, Refused
from roles.authzen.limits import Rate, RefusalLimit, Scope, request_of
from roles.authzen.places import Places
from roles.authzen.routes import ENDPOINTS, PREFIX, Endpoint
from roles.authzen.threads import in_thread
from roles.authzen.versions import Versions
from roles.engine.store import snapshots
from tenancy import context
from tenancy.context import Acting, Origin
from tenancy.ids import new_id
from tenancy.middleware import client_address

MOST_BYTES = 1024 * 1024
THREADS = 4
#: As many characters of a request's name as the record has room for.
MOST_RECORDED = 128
REQUEST_ID = re.compile(rb"[\t\x20-\x7e\x80-\xff]{1,1024}")

Message = MutableMapping[str, Any]
Headers = Mapping[bytes, bytes]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

JSON = b"application/json"
_JSON: tuple[Header, ...] = (
    (b"content-type", JSON),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_PROBLEM: tuple[Header, ...] = ((b"content-type", b"application/problem+json"), *_JSON[1:])
#: What counts towards the limit of refusals.
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_DISCOVERY: tuple[Header, ...] = (_JSON[0], (b"cache-control", b"public, max-age=3600"), _JSON[2])

logger = logging.getLogger(__name__)


class Disconnected(Exception):
    """The caller has gone."""


class DecisionPoint:
    """What one event loop needs to decide: its readers, and threads for what blocks."""

    def __init__(self, authenticate: Authenticate, note_use: Callable[[RoleActor], None], refused: Rate) -> None:
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="authzen")
        self.versions = Versions()
        self.refusals = RefusalLimit(refused)
        self.askers = Askers(authenticate, note_use, self.versions, self.threads, self.refusals)
        self.places = Places(snapshots, self.versions, self.threads)

    async def answer(self, endpoint: Endpoint, scope: Scope, headers: Headers, body: bytes) -> bytes:
        """Return the answer to a body. Raises Refused."""
        asker, version = await self.askers.find(headers.get(b"authorization", b"").decode("latin-1"), scope)
        asked = endpoint.read(_json(headers, body))
        endpoint.require(asked, asker.actor)
        place = await self.places.at(asker.organization_id, version, endpoint.versions(asked))
        return await endpoint.answer(asked, asker.actor, place)

    async def record(self, refused: Refused, scope: Scope, request_id: str) -> None:
        """Count a denied attempt, at once, and keep it. Raises Unavailable when it cannot be kept."""
        if refused.attempt is not None:
            actor, denial = refused.attempt
            entered = Acting(actor, _origin(scope, request_id))
            if refused.status in _REFUSALS:
                self.refusals.count(entered.origin.address)
            for record in context.after_denial:
                await in_thread(self.threads, record, entered, denial)


class Application:
    """Answers outside services at `base_url`, and only when they call it by one of its `hosts`.

    `authenticate` and `note_use` are the tokens' room's; both may block. How often one address may be refused is the
    setting ACCESS_REFUSED_RATE.
    """

    def __init__(
        self,
        authenticate: Authenticate,
        note_use: Callable[[RoleActor], None],
        *,
        base_url: str,
        hosts: Collection[str],
    ) -> None:
        self._open = partial(DecisionPoint, authenticate, note_use, Rate.parse(settings.ACCESS_REFUSED_RATE))
        self._opened: tuple[asyncio.AbstractEventLoop, DecisionPoint] | None = None
        self._configuration = discovery.configuration(base_url)

        @lru_cache(maxsize=1_000)
        def is_ours(sent: bytes) -> bool:
            host, _port = split_domain_port(sent.decode("latin-1"))
            return bool(host and validate_host(host, hosts))

        self._is_ours = is_ours

    def serves(self, path: str) -> bool:
        """Whether the path is this application's to answer."""
        return path.startswith(PREFIX) or path == discovery.PATH

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope["headers"])
        request_id = _request_id(headers)
        try:
            status, own, body = await self._served(scope, headers, receive)
        except Disconnected:
            return
        except Exception as failed:
            # By its name it is found in the record, also where the caller gave it none.
            request_id = request_id or _new_request_id()
            status, own, body = await self._refusal(failed, scope, request_id)
        if request_id:
            own = (*own, (b"x-request-id", request_id))
        own = (*own, (b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": own})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _refusal(self, failed: Exception, scope: Scope, request_id: bytes) -> tuple[int, Sequence[Header], bytes]:
        """Return what a request that failed is answered, once the attempt is on record."""
        name = request_id.decode("latin-1")
        if isinstance(failed, Refused):
            try:
                await self._point().record(failed, scope, name)
            except Exception as worse:
                failed = worse
        if not isinstance(failed, Refused):
            logger.error("The decision of request %s failed.", name, exc_info=failed)
            failed = Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "Something failed on our side. Try again.")
        return failed.status, (*_PROBLEM, *failed.headers), failed.problem(scope["path"], name)

    async def _served(self, scope: Scope, headers: Headers, receive: Receive) -> tuple[int, Sequence[Header], bytes]:
        if not self._is_ours(headers.get(b"host", b"")):
            raise BadRequest("This host is not one of the installation's.")
        path: str = scope["path"]
        if path == discovery.PATH:
            _require_method(scope, "GET", "HEAD")
            return HTTPStatus.OK, _DISCOVERY, self._configuration
        endpoint = ENDPOINTS.get(path)
        if endpoint is None:
            raise Refused(HTTPStatus.NOT_FOUND, "There is nothing here.")
        _require_method(scope, "POST")
        body = await _body(receive)
        return HTTPStatus.OK, _JSON, await self._point().answer(endpoint, scope, headers, body)

    def _point(self) -> DecisionPoint:
        loop = asyncio.get_running_loop()
        if self._opened is None or self._opened[0] is not loop:
            self._opened = (loop, self._open())
        return self._opened[1]


def _headers(sent: Iterable[Header]) -> Headers:
    """Return the headers by name, those of one name joined (RFC 9110, section 5.3)."""
    headers: dict[bytes, bytes] = {}
    for name, value in sent:
        headers[name] = headers[name] + b"," + value if name in headers else value
    return headers


def _require_method(scope: Scope, *allowed: str) -> None:
    if scope["method"] not in allowed:
        listed = ", ".join(allowed)
        refusal = f"Send {listed.replace(', ', ' or ')}."
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, refusal, [(b"allow", listed.encode())])


def _request_id(headers: Headers) -> bytes:
    """Return the caller's name for the request, or another one where theirs cannot be sent back; empty without one."""
    sent = headers.get(b"x-request-id", b"")
    return sent if not sent or REQUEST_ID.fullmatch(sent) else _new_request_id()


def _new_request_id() -> bytes:
    return str(new_id()).encode()


def _json(headers: Headers, body: bytes) -> bytes:
    media_type = headers.get(b"content-type", b"")
    if media_type != JSON and media_type.partition(b";")[0].strip().lower() != JSON:
        raise BadRequest("Send JSON, with “Content-Type: application/json”.")
    if not body:
        raise BadRequest("The body is empty.")
    if not body.isascii():
        try:
            body.decode()
        except UnicodeDecodeError as error:
            raise BadRequest("The body is not JSON in UTF-8.") from error
    return body


async def _body(receive: Receive) -> bytes:
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MOST_BYTES:
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The body has more than {MOST_BYTES} bytes.")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _origin(scope: Scope, request_id: str) -> Origin:
    request = request_of(scope)
    return Origin(
        interface="authzen",
        operation=request.path,
        request_id=request_id[:MOST_RECORDED],
        address=client_address(request),
        user_agent=request.headers.get("User-Agent", "")[:400],
    )
