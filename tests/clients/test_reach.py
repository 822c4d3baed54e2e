"""Which rows an actor reaches, held by the application and by PostgreSQL, each alone (CLI-2, CLI-3, CLI-5)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from clients.access import KINDS, client_policy, clients_in_reach, items_in_reach, workspace_policies
from clients.models import WORKSPACE_MODELS, Client, ClientGrant
from roles.actors import RoleActor, resolve
from tenancy.actors import SystemActor
from tenancy.context import acting
from tenancy.errors import AccessDenied, NotVisible
from tenancy.policies import Verb
from tests.environment import SUPERUSER
from tests.factories import (
    WORKSPACE_FACTORIES,
    MembershipFactory,
    RoleFactory,
    UserFactory,
    assign,
    inside,
)
from tests.world import Agency, make_agency

KIND = pytest.mark.parametrize("factory", WORKSPACE_FACTORIES, ids=lambda factory: factory._meta.model.__name__)


@pytest.mark.requirement("CLI-2")
@pytest.mark.parametrize(
    ("role", "verb", "seen"),
    [
        ("owner", Verb.VIEW, 3),
        ("manager", Verb.DELETE, 3),
        ("member", Verb.VIEW, 1),
        ("member", Verb.CHANGE, 1),
        ("member", Verb.DELETE, 0),
        ("viewer", Verb.VIEW, 1),
        ("viewer", Verb.CHANGE, 0),
    ],
)
def test_a_role_and_an_assignment_open_clients_together(agency: Agency, role: str, verb: Verb, seen: int) -> None:
    actor = agency.actor(role)
    with acting(actor):
        assert client_policy.visible(actor, verb).count() == seen


@pytest.mark.requirement("CLI-2")
def test_an_assignment_to_read_does_not_open_a_change_though_the_role_would(agency: Agency) -> None:
    assign(agency.member, agency.clients[1], "view_client")
    member = agency.actor("member")
    with acting(member):
        assert client_policy.get(member, agency.clients[0].pk, Verb.CHANGE) == agency.clients[0]
        assert client_policy.get(member, agency.clients[1].pk) == agency.clients[1]
        with pytest.raises(AccessDenied, match="read only"):
            client_policy.get(member, agency.clients[1].pk, Verb.CHANGE)


@pytest.mark.requirement("CLI-3")
def test_a_client_out_of_reach_is_missed_like_one_that_does_not_exist(agency: Agency, other_agency: Agency) -> None:
    member = agency.actor("member")
    hidden = [agency.clients[2].pk, other_agency.clients[0].pk, agency.organization.pk]
    with acting(member):
        told = set()
        for pk in hidden:
            with pytest.raises(NotVisible) as missing:
                client_policy.get(member, pk)
            told.add(str(missing.value))
        assert len(told) == 1


@KIND
@pytest.mark.requirement("CLI-3")
def test_things_are_reached_through_their_client(agency: Agency, factory: Any) -> None:
    model = factory._meta.model
    own, hidden = factory(client=agency.clients[0]), factory(client=agency.clients[2])
    member, policy = agency.actor("member"), workspace_policies[model]
    with acting(member):
        assert policy.get(member, own.pk, Verb.CHANGE) == own
        with pytest.raises(NotVisible):
            policy.get(member, hidden.pk)


def test_an_actor_without_an_organization_reaches_nothing(agency: Agency) -> None:
    owner = agency.actor("owner")
    with acting(owner):
        assert clients_in_reach(owner).count() == 3
        assert not clients_in_reach(SystemActor("test")).exists()


@pytest.mark.requirement("CLI-5")
def test_postgresql_alone_keeps_rows_within_reach(agency: Agency, other_agency: Agency) -> None:
    for factory in WORKSPACE_FACTORIES:
        for client in (*agency.clients, *other_agency.clients):
            factory(client=client)
    with acting(agency.actor("owner")):
        assert set(Client.objects.all()) == set(agency.clients)
    with acting(agency.actor("member")):
        assert list(Client.objects.all()) == [agency.clients[0]]
        for model in WORKSPACE_MODELS:
            assert [item.client_id for item in model.objects.all()] == [agency.clients[0].pk]


@pytest.mark.requirement("CLI-5")
def test_the_application_alone_keeps_rows_within_reach(module_db: str) -> None:
    agency, other = make_agency("Alonefield"), make_agency("Elsewhere")
    for factory in WORKSPACE_FACTORIES:
        for client in (*agency.clients, *other.clients):
            factory(client=client)
    member, owner = agency.actor("member"), agency.actor("owner")
    with without_row_security(module_db), acting(member):
        assert Client.objects.count() == 6
        assert list(clients_in_reach(member)) == [agency.clients[0]]
        assert set(clients_in_reach(owner)) == set(agency.clients)
        for model in WORKSPACE_MODELS:
            assert [item.client_id for item in items_in_reach(model, member)] == [agency.clients[0].pk]


@contextmanager
def without_row_security(url: str) -> Iterator[None]:
    """Switch row-level security off for this room's tables of that database."""
    tables = [model._meta.db_table for model in (Client, ClientGrant, *WORKSPACE_MODELS)]
    name = url.rpartition("/")[2]
    with psycopg.connect(os.environ[SUPERUSER], dbname=name, autocommit=True) as server:
        for table in tables:
            server.execute(sql.SQL("ALTER TABLE {} DISABLE ROW LEVEL SECURITY").format(sql.Identifier(table)))
        yield
        for table in tables:
            server.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(sql.Identifier(table)))


@pytest.mark.requirement("CLI-2")
@pytest.mark.parametrize("plural", KINDS)
def test_each_kind_has_three_permissions_of_its_own(agency: Agency, plural: str) -> None:
    role = RoleFactory(organization=agency.organization, keys=(f"{plural}:read",))
    person = UserFactory()
    MembershipFactory(user=person, organization=agency.organization, role=role)
    actor = resolve(person.pk, organization_id=agency.organization.pk)
    assert isinstance(actor, RoleActor)
    with inside(agency.organization):
        readable = {kind for kind, model in KINDS.items() if workspace_policies[model].permits(actor, Verb.VIEW)}
        writable = {kind for kind, model in KINDS.items() if workspace_policies[model].permits(actor, Verb.ADD)}
    assert (readable, writable) == ({plural}, set())
