"""A believable world made from a seed: two agencies at work, a suspended third, and the people of the platform.

Pure: the same seed and day give the same world on every machine, and no database is needed to make it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from random import Random
from typing import Final

from iam_dashboard.demo.generators.companies import companies
from iam_dashboard.demo.generators.people import platform_staff, signed_in, staff
from iam_dashboard.demo.generators.records import (
    Assignment,
    Client,
    ClientStatus,
    Company,
    Organization,
    Person,
    TenantRole,
    World,
)
from iam_dashboard.demo.generators.workspace import client

SEED: Final = 2026
ANCHOR: Final = date(2026, 11, 16)

_UNASSIGNED_SHARE: Final = 0.08
_MEMBER_WRITES: Final = 0.85
_VIEWER_WRITES: Final = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """How large an agency is and what it is called."""

    slug: str
    name: str
    people: dict[TenantRole, int]
    clients: int
    suspended: bool = False


_AGENCY: Final = {
    TenantRole.OWNER: 2,
    TenantRole.ADMIN: 4,
    TenantRole.MANAGER: 10,
    TenantRole.MEMBER: 36,
    TenantRole.VIEWER: 8,
}
PLANS: Final = (
    Plan("larkmoor", "Larkmoor Studio", _AGENCY, clients=400),
    Plan("quaymark", "Quaymark Collective", _AGENCY, clients=400),
    Plan("emberlane", "Emberlane Media", dict.fromkeys(TenantRole, 1), clients=20, suspended=True),
)


def make_world(seed: int = SEED, anchor: date = ANCHOR, plans: Sequence[Plan] = PLANS) -> World:
    """Return the world of a seed as it stands on the day `anchor`."""
    return World(
        platform_people=signed_in(
            _random(seed, "platform sign-ins"), platform_staff(_random(seed, "platform")), anchor
        ),
        organizations=tuple(make_organization(plan, seed, anchor) for plan in plans),
    )


def make_organization(plan: Plan, seed: int = SEED, anchor: date = ANCHOR) -> Organization:
    """Return one agency; it does not depend on the others of the world."""
    rng = _random(seed, plan.slug)
    people = staff(rng, f"{plan.slug}.example", plan.people)
    known = tuple(companies(rng, plan.clients))
    assignments = _assignments(rng, people, known)
    writers = _writers(people, assignments, len(known))
    clients = [client(rng, company, writers[place], anchor) for place, company in enumerate(known)]
    people = signed_in(_random(seed, f"{plan.slug} sign-ins"), people, anchor)
    return Organization(plan.slug, plan.name, plan.suspended, people, _numbered(clients), assignments)


def _random(seed: int, part: str) -> Random:
    return Random(f"{seed}:{part}")  # noqa: S311 - believable, not secret


def _assignments(rng: Random, people: Sequence[Person], known: Sequence[Company]) -> tuple[Assignment, ...]:
    """Assign 8 to 40 clients to each person of assigned reach; some clients, leads first, are nobody's."""
    by_need = sorted(range(len(known)), key=lambda place: (known[place].status is not ClientStatus.LEAD, rng.random()))
    assignable = sorted(by_need[round(len(known) * _UNASSIGNED_SHARE) :])
    assignments: list[Assignment] = []
    for person_index, person in enumerate(people):
        if person.role.reaches_all_clients:
            continue
        share = min(len(assignable), rng.randint(8, 40))
        writes = _MEMBER_WRITES if person.role is TenantRole.MEMBER else _VIEWER_WRITES
        assignments += [
            Assignment(person_index, client_index, rng.random() < writes)
            for client_index in sorted(rng.sample(assignable, share))
        ]
    return tuple(assignments)


def _writers(people: Sequence[Person], assignments: Sequence[Assignment], clients: int) -> list[list[int]]:
    """Return for each client who may write in its workspace: its members, or the managers when it has none."""
    members: list[list[int]] = [[] for _ in range(clients)]
    for assignment in assignments:
        if assignment.writes and people[assignment.person_index].role is TenantRole.MEMBER:
            members[assignment.client_index].append(assignment.person_index)
    managers = [place for place, person in enumerate(people) if person.role is TenantRole.MANAGER]
    return [writers or managers for writers in members]


def _numbered(clients: Sequence[Client]) -> tuple[Client, ...]:
    """Number the invoices of an agency within each year, in the order of their dates."""
    dated = sorted(
        (invoice.issued_on, client_index, place)
        for client_index, owner in enumerate(clients)
        for place, invoice in enumerate(owner.invoices)
    )
    numbers: dict[tuple[int, int], str] = {}
    issued_in: dict[int, int] = {}
    for issued_on, client_index, place in dated:
        issued_in[issued_on.year] = issued_in.get(issued_on.year, 0) + 1
        numbers[client_index, place] = f"INV-{issued_on.year}-{issued_in[issued_on.year]:04d}"
    return tuple(
        replace(
            owner,
            invoices=tuple(
                replace(invoice, number=numbers[client_index, place]) for place, invoice in enumerate(owner.invoices)
            ),
        )
        for client_index, owner in enumerate(clients)
    )
