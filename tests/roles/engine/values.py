"""A small organization whose every part a test can set, and the snapshot of it: no database is asked.

Its actions are the product's own on clients and on the organization, two on tickets (one for their author, and one with
a permission that is not in the catalogue), and two on the invoices of an application: on all, and on those granted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from uuid import UUID

from roles import catalogue
from roles.engine.objects import Need, Rule, rules_of
from roles.engine.snapshot import HeldRole, Person, Snapshot, Version
from roles.family import Family, Relative
from tenancy.actors import Scope
from tenancy.errors import Reason
from tests.roles.engine.plain_world import Known, id_of

HERE = UUID(id_of("larkmoor"))
OTHER_RULES = {
    ("ticket", "close"): Rule("clients:write", Need.OWN, "author"),
    ("ticket", "stamp"): Rule("tickets:stamp", Need.READ),
    ("books:invoice", "read"): Rule("clients:read", Need.ANY),
    ("books:invoice", "pay"): Rule("clients:read", Need.NAMED),
}


def named(name: str) -> UUID:
    """Return the id of the role of that name."""
    return UUID(id_of(name))


def role(
    name: str,
    *keys: str,
    parent: str | None = None,
    organization: UUID | None = HERE,
    reach: str = "assigned",
    active: bool = True,
) -> Relative:
    """Return a role that grants the keys, to assigned objects only unless told otherwise."""
    above = named(parent) if parent else None
    return Relative(named(name), above, organization, name, name.title(), 50, reach, active, frozenset(keys))


@dataclass
class Office:
    """What is in the organization: roles and clients by name, people by the short name in their address.

    `built_in` and `wary` name the roles that are built in, and those that want a second factor.
    """

    roles: Iterable[Relative]
    clients: Iterable[str] = ()
    built_in: frozenset[str] = frozenset()
    wary: frozenset[str] = frozenset()
    is_open: bool = True
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def family(self) -> Family:
        """All roles."""
        return Family({one.id: one for one in self.roles})

    @property
    def held(self) -> Mapping[UUID, HeldRole]:
        """All roles with what they grant."""
        family, line = self.family, partial(takewhile, lambda above: above.is_active)
        return {
            one.id: HeldRole(
                one,
                tuple(line(family.line(one.id))),
                family.effective(one.id),
                one.name in self.wary,
                one.name in self.built_in,
            )
            for one in self.roles
        }

    def hire(
        self,
        name: str,
        role: str,
        *,
        reads: Iterable[str] = (),
        changes: Iterable[str] = (),
        active: bool = True,
        second_factor: bool = False,
        refusal: Reason | None = None,
    ) -> str:
        """Add somebody with that role and the clients they are assigned to; return their id."""
        held = self.held[named(role)]
        change = frozenset(map(id_of, changes))
        read = change | frozenset(map(id_of, reads))
        one = Person(
            id=id_of(name),
            email=f"{name}@people.example",
            membership_id=UUID(id_of(f"membership of {name}")),
            held=held,
            is_active=active,
            has_second_factor=second_factor,
            refusal=refusal,
            keys=frozenset() if refusal else held.keys,
            reaches_all=held.role.reach == "all",
            assigned={"client": {one: one in change for one in read}} if read else {},
        )
        self.people[one.id] = one
        return one.id

    def snapshot(self) -> Snapshot:
        """Return the snapshot of the organization as it is now."""
        return Snapshot(
            organization_id=HERE,
            version=Version(4, 2),
            names=(str(HERE), "larkmoor"),
            is_open=self.is_open,
            people=dict(self.people),
            family=self.family,
            held=self.held,
            rules={**rules_of(Scope.TENANT), **OTHER_RULES},
            objects=Known("client", map(id_of, self.clients)),
        )


def name_of(key: str) -> str:
    """Return what people call the permission."""
    return catalogue.entries()[key].name
