"""The links that an answer rests on, one after the other, up to the first that is missing (PDP-2)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from roles.catalogue import CatalogueEntry, is_application_key
from roles.engine.explanation import Explanation, Reach
from roles.engine.objects import ORGANIZATION, PLATFORM, is_outside
from roles.engine.snapshot import Person
from roles.explorer.answers import Extent, Link, Place, Step, Subject, noun_of
from roles.family import Relative
from tenancy.errors import Reason


def chain_of(
    place: Place,
    subject: Subject,
    since: datetime | None,
    entry: CatalogueEntry,
    reason: Reason,
    explained: Explanation,
    extent: Extent | None,
) -> Iterator[Link]:
    """Yield the links of an answer: person, membership, role, the roles it inherits from, permission, reach.

    `since` is when they got the role, `extent` how far the permission reaches, where they have it.
    """
    person = subject.person
    yield Link(Step.PERSON, str(subject), subject.known_by, holds=reason is not Reason.BANNED)
    if reason is Reason.BANNED:
        return
    if person is None:
        yield Link(Step.MEMBERSHIP, f"No role {place.where}", "Without one nothing is allowed.", holds=False)
        return
    if reason is Reason.SUSPENDED:
        yield Link(Step.PLACE, f"{place} is suspended", "Its people are refused everywhere.", holds=False)
        return
    yield Link(Step.MEMBERSHIP, f"Has a role {place.where}", f"since {since:%-d %b %Y}" if since else "")
    yield from _by_role(person, entry, reason)
    if extent is not None:
        yield _reached(reason, explained, extent)


def _by_role(person: Person, entry: CatalogueEntry, reason: Reason) -> Iterator[Link]:
    role, inactive = person.held.role, reason is Reason.ROLE_INACTIVE
    yield Link(Step.ROLE, str(role), "inactive: it grants nothing" if inactive else "", role.id, not inactive)
    if inactive:
        return
    if reason is Reason.SECOND_FACTOR:
        yield Link(Step.SECOND_FACTOR, "No second factor", "The role wants one, and none is set up.", holds=False)
        return
    route, is_of_application = person.held.routes.get(entry.key), is_application_key(entry.key)
    if route is None:
        above = " or ".join(f"“{one}”" for one in person.held.line[1:])
        where = f"nor in {above}, which it inherits from" if above else ""
        of = f" of {entry.category}" if is_of_application else ""
        yield Link(Step.PERMISSION, f"“{entry.name}”{of} is not in the role", where, holds=False)
        return
    for relative in route.line[1:]:
        yield Link(Step.INHERITANCE, str(relative), "inherited from it", relative.id)
    held = entry.key if route.held == entry.key else f"by {route.held}"
    yield Link(Step.PERMISSION, entry.name, f"{entry.category} · {held}" if is_of_application else held)


def _reached(reason: Reason, explained: Explanation, extent: Extent) -> Link:
    holds = reason is Reason.GRANTED
    if explained.kind in {ORGANIZATION, PLATFORM}:
        return Link(Step.REACH, str(extent), holds=holds)
    if is_outside(explained.kind):
        return Link(Step.REACH, _in_application(explained, extent), holds=holds)
    if not holds:
        words = "to read only" if reason is Reason.READ_ONLY else f"not this {explained.kind}"
        return Link(Step.REACH, words, holds=False)
    return Link(Step.REACH, f"assigned to this {extent.kind}" if extent.reach is Reach.ASSIGNED else str(extent))


def _in_application(explained: Explanation, extent: Extent) -> str:
    """Return how something in an application is within reach, or that it is not."""
    if extent.reach is Reach.ALL:
        return str(extent)
    if extent.reach is Reach.OWN:
        return f"its “{extent.owner}” names them" if explained.allowed else f"no “{extent.owner}” of it names them"
    return f"this {noun_of(explained.kind)} is {'' if explained.allowed else 'not '}granted to them"


def _denied(place: Place, subject: Subject, role: Relative, entry: CatalogueEntry, explained: Explanation) -> str:
    """Return the denial of somebody with a role here in one sentence, which calls them as the rest of the page does."""
    has_role, has = f"{subject} has the role “{role}”", f"{subject} has “{entry.name}”"
    return {
        Reason.BANNED: f"{subject} is banned.",
        Reason.SUSPENDED: f"{place} is suspended.",
        Reason.ROLE_INACTIVE: f"{has_role}, which is inactive and grants nothing.",
        Reason.SECOND_FACTOR: f"{has_role}, which wants a second factor, and none is set up.",
        Reason.MISSING_PERMISSION: f"{has_role}, which does not include “{entry.name}”.",
        Reason.READ_ONLY: f"{has}, and is assigned to this {explained.kind} to read only.",
    }.get(explained.reason, f"{has}, and this {explained.kind} is not within their reach.")


def sentence_of(
    place: Place, subject: Subject, entry: CatalogueEntry, explained: Explanation, extent: Extent | None
) -> str:
    """Return the answer in one sentence."""
    if subject.person is None:
        return f"{subject} has no role {place.where}."
    if explained.reason is Reason.OUT_OF_REACH and is_outside(explained.kind) and extent is not None:
        return f"{subject} has “{entry.name}”, and {_in_application(explained, extent)}."
    if not explained.allowed or extent is None:
        return _denied(place, subject, subject.person.held.role, entry, explained)
    if explained.kind not in {ORGANIZATION, PLATFORM}:
        return f"{subject} has “{entry.name}” on this {noun_of(explained.kind)}."
    if extent.is_empty:
        return f"{subject} has “{entry.name}”, and nothing to use it on: {extent}."
    return f"{subject} has “{entry.name}”{f' on {extent}' if extent.kind else ''}."
