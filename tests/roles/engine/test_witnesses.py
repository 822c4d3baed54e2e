"""The witness of whatever is allowed in an application proves it, and no other witness does (PDP-2)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from roles.engine.explanation import Reach, Witness
from roles.engine.loading import load
from tests.factories import MembershipFactory, RoleFactory, UserFactory
from tests.isolation.rows import superuser_dsn
from tests.roles.applications import grant, keys_of, register
from tests.roles.engine.checker import proves
from tests.world import Agency, make_agency

pytestmark = pytest.mark.requirement("PDP-2")

INVOICE, REPORT = "billing:invoice", "billing:report"
_number = count(1)


@pytest.fixture
def agency(module_db: str) -> Agency:
    """An agency with a billing desk, and a clerk who inherits its permissions and is granted one invoice."""
    agency = make_agency(f"Billing{next(_number)}", clients=0)
    application = register(agency)
    parent = RoleFactory(organization=agency.organization, keys=tuple(keys_of(application).values()))
    agency.people["clerk"] = UserFactory()
    role = RoleFactory(organization=agency.organization, parent=parent)
    MembershipFactory(user=agency.people["clerk"], organization=agency.organization, role=role)
    grant(agency, application, "clerk", "i-1")
    return agency


@pytest.fixture
def server(module_db: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(superuser_dsn(), autocommit=True) as connection:
        yield connection


def witness_of(agency: Agency, person: str, action: str, kind: str, object_id: str, **properties: str) -> Witness:
    explained = load(agency.organization.pk).explain(str(agency.people[person].pk), action, kind, object_id, properties)
    assert explained.witness is not None, str(explained)
    return explained.witness


@pytest.mark.parametrize(
    ("person", "action", "kind", "object_id", "reach"),
    [
        ("clerk", "read", INVOICE, "any", Reach.ALL),
        ("clerk", "update", INVOICE, "i-1", Reach.ASSIGNED),
        ("clerk", "update", REPORT, "r-1", Reach.OWN),
        ("owner", "read", INVOICE, "any", Reach.ALL),
    ],
)
def test_a_witness_proves_what_is_allowed_and_no_other_does(
    agency: Agency, server: psycopg.Connection[Any], person: str, action: str, kind: str, object_id: str, reach: Reach
) -> None:
    organization, properties = agency.organization.pk, {"author": agency.people[person].email.upper()}
    witness = witness_of(agency, person, action, kind, object_id, **properties)
    assert witness.reach is reach
    assert proves(witness, organization, server, properties)
    others = {
        "user_id": str(agency.viewer.pk),
        "membership_id": uuid4(),
        "roles": witness.roles[1:],
        "held": "clients:read",
        "key": "clients:read",
        "reach": Reach.PLACE,
        "kind": "ledger:invoice",
    }
    for part, value in others.items():
        assert not proves(witness._replace(**{part: value}), organization, server, properties), part
    assert not proves(witness, make_agency(f"Other{next(_number)}", clients=0).organization.pk, server, properties)


def test_a_grant_or_an_author_of_another_proves_nothing(agency: Agency, server: psycopg.Connection[Any]) -> None:
    organization, clerk = agency.organization.pk, agency.people["clerk"]
    granted = witness_of(agency, "clerk", "update", INVOICE, "i-1")
    own = witness_of(agency, "clerk", "update", REPORT, "r-1", author=str(clerk.pk))
    assert not proves(granted._replace(object_id="i-2"), organization, server)
    assert not proves(own, organization, server)
    assert not proves(own, organization, server, {"author": agency.owner.email})
    server.execute("DELETE FROM roles_resourcegrant WHERE user_id = %s", [clerk.pk])
    assert not proves(granted, organization, server)
