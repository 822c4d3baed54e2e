"""The three searches, a page at a time (AuthZEN 1.0, section 8)."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import msgspec
from django.utils.crypto import salted_hmac
from msgspec import UNSET, Struct, UnsetType

from roles.actors import RoleActor
from roles.authzen.access import Sight, require_about, require_about_others
from roles.authzen.errors import BadRequest
from roles.authzen.evaluation import SUBJECT_TYPE
from roles.authzen.messages import (
    DEFAULT_LIMIT,
    MOST_RESULTS,
    ActionSearch,
    Page,
    Properties,
    ResourceSearch,
    Search,
    SubjectSearch,
    version_asked,
)
from roles.authzen.places import Place
from roles.authzen.threads import in_thread
from roles.engine import search as engine
from roles.engine.snapshot import NOTHING, Snapshot, Version

_SIGNATURE_BYTES = 32
#: More than there are on one kind of object.
MOST_ACTIONS = 10_000


class _Position(Struct, array_like=True, frozen=True):
    """Where a page begins: after which id, and how many results the page before had at most."""

    after: str
    limit: int


def require_searchable(asked: Search, actor: RoleActor) -> None:
    """Raise Forbidden when the search is about people whom the actor may not ask about."""
    if isinstance(asked, SubjectSearch):
        require_about_others(actor)
    else:
        require_about(actor, [asked.subject.id])


def versions_asked(asked: Search) -> Sequence[Version]:
    """Return the versions that the answer must be as new as. Raises BadRequest when the context has no such form."""
    version = version_asked(asked.context)
    return [] if isinstance(version, UnsetType) else [Version.parse(version)]


async def find(asked: Search, actor: RoleActor, place: Place) -> bytes:
    """Return a page of what is searched for as JSON. Raises BadRequest for the token of another search."""
    query = _query(asked, actor)
    position = _position(asked.page, query)
    sight = Sight(actor, place.blocking)
    found = await in_thread(place.threads, _found, asked, sight, place.blocking, position.after, position.limit + 1)
    shown = found[: position.limit]
    more = len(found) > position.limit
    last = shown[-1] if shown else position.after
    page = {"next_token": _token(_Position(last, position.limit), query) if more else "", "count": len(shown)}
    context = {"version": str(place.snapshot.version)}
    results = [_entity(asked, one) for one in shown]
    return msgspec.json.encode({"page": page, "context": context, "results": results})


def _found(asked: Search, sight: Sight, snapshot: Snapshot, after: str, limit: int) -> Sequence[str]:
    """Return the ids, or the names of actions, that come after one: exactly those an evaluation would permit."""
    named = asked.subject.type
    if named != SUBJECT_TYPE:
        return []
    match asked:
        case SubjectSearch(action=action, resource=resource):
            seen = sight.seen(action.name, resource.type, resource.id)
            given = _given(resource.properties)
            return engine.subjects(snapshot, action.name, resource.type, seen, given, after=after, limit=limit)
        case ActionSearch(subject=subject, resource=resource):
            kind, given = resource.type, _given(resource.properties)
            names = engine.actions(snapshot, subject.id, kind, resource.id, given, after=after, limit=MOST_ACTIONS)
            return [name for name in names if sight.sees(name, kind, resource.id)][:limit]
        case ResourceSearch(subject=subject, action=action, resource=wanted):
            known = sight.listed(wanted.type)
            if known is None:
                return engine.resources(snapshot, subject.id, action.name, wanted.type, after=after, limit=limit)
            ids = sorted(known)
            following = ids[bisect_right(ids, after) :]
            permitted = (one for one in following if snapshot.permits(subject.id, action.name, wanted.type, one))
            return list(islice(permitted, limit))


def _given(properties: Properties | UnsetType) -> Mapping[str, Any]:
    return NOTHING if isinstance(properties, UnsetType) else properties


def _entity(asked: Search, found: str) -> Mapping[str, str]:
    match asked:
        case SubjectSearch(subject=wanted) | ResourceSearch(resource=wanted):
            return {"type": wanted.type, "id": found}
        case _:
            return {"name": found}


def _query(asked: Search, actor: RoleActor) -> bytes:
    """Return what has to stay the same from page to page: all but the page itself."""
    said = msgspec.structs.replace(asked, page=UNSET)
    place = f"authzen page {actor.organization_id} {actor.user_id} "
    return place.encode() + msgspec.json.encode(said, order="deterministic")


def _position(page: Page | UnsetType, query: bytes) -> _Position:
    limit = DEFAULT_LIMIT
    if isinstance(page, UnsetType):
        return _Position("", limit)
    if not isinstance(page.limit, UnsetType):
        limit = min(page.limit, MOST_RESULTS)
    if isinstance(page.token, UnsetType):
        return _Position("", limit)
    position = _opened(page.token, query)
    if not position.limit:
        raise BadRequest("A search for no results has no further page: give a limit, and no token.")
    if not isinstance(page.limit, UnsetType) and limit != position.limit:
        raise BadRequest("The limit differs from that of the page before.")
    return position


def _token(position: _Position, query: bytes) -> str:
    """Return an opaque token that is valid for the next page of the same search only."""
    written = msgspec.json.encode(position)
    return urlsafe_b64encode(_signature(written, query) + written).decode()


def _opened(token: str, query: bytes) -> _Position:
    try:
        opened = urlsafe_b64decode(token.encode())
        signature, written = opened[:_SIGNATURE_BYTES], opened[_SIGNATURE_BYTES:]
        if hmac.compare_digest(signature, _signature(written, query)):
            return msgspec.json.decode(written, type=_Position)
    except (NotBase64, ValueError):
        pass
    raise BadRequest("The token of the page is not that of a page of this search: begin again without one.")


def _signature(written: bytes, query: bytes) -> bytes:
    return salted_hmac(query, written, algorithm="sha256").digest()
