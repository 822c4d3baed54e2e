"""How a model is guarded: by a permission for each verb, and the rows that an actor may touch with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from clients.models import Client, Contact
from roles.actors import RoleActor
from tenancy import policies as registered
from tenancy.actors import Actor
from tenancy.context import acting
from tenancy.errors import AccessDenied, Denial, NotVisible, Reason
from tenancy.policies import AccessPolicy, Verb, decide, guard, policies, policy_for, require
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-1")]


def _rows(actor: Actor, verb: Verb) -> QuerySet[Client]:
    """Return the clients within reach: the first to change, and the first two for everything else."""
    last = {Verb.VIEW: "[12]", Verb.ADD: "[12]", Verb.CHANGE: "1", Verb.DELETE: "[12]"}[verb]
    return Client.objects.filter(organization_id=actor.organization_id, name__regex=f"{last}$")


#: Nobody adds a client, and the member deletes none.
POLICY = AccessPolicy(
    Client, {Verb.VIEW: "clients:read", Verb.CHANGE: "clients:write", Verb.DELETE: "clients:delete"}, _rows
)


@dataclass(frozen=True)
class Cast:
    """Who acts, and the clients in the order of their names."""

    owner: RoleActor
    member: RoleActor
    clients: list[Client]


@pytest.fixture
def inside(agency: Agency) -> Iterator[Cast]:
    cast = Cast(agency.actor("owner"), agency.actor("member"), agency.clients)
    with acting(cast.owner):
        yield cast


def refused(kind: type[Any], work: Any, *arguments: Any, **options: Any) -> Denial:
    with pytest.raises(kind) as raised:
        work(*arguments, **options)
    assert type(raised.value) is kind
    denial: Denial = raised.value.denial
    return denial


class TestPermission:
    def test_the_key_of_the_verb_is_asked_for(self, inside: Cast) -> None:
        member = inside.member
        assert POLICY.refusal(member, Verb.CHANGE) is None
        denial = POLICY.refusal(member, Verb.DELETE)
        assert denial is not None and (denial.reason, denial.key) == (Reason.MISSING_PERMISSION, "clients:delete")
        assert decide(member, "clients:delete") == denial and decide(member, "clients:read") is None

    def test_a_verb_without_a_key_is_refused_to_all(self, inside: Cast) -> None:
        denial = Denial(Reason.UNKNOWN_PERMISSION, resource_type="clients.client")
        assert POLICY.refusal(inside.owner, Verb.ADD) == denial
        assert refused(AccessDenied, POLICY.require, inside.owner, Verb.ADD) == denial

    def test_to_require_is_to_refuse_or_do_nothing(self, inside: Cast) -> None:
        member = inside.member
        POLICY.require(member, Verb.CHANGE)
        require(member, "clients:write")
        assert refused(AccessDenied, POLICY.require, member, Verb.DELETE).key == "clients:delete"
        assert refused(AccessDenied, require, member, "clients:delete").key == "clients:delete"


class TestOneObject:
    def test_it_is_permitted_when_it_is_among_the_visible_ones(self, inside: Cast) -> None:
        member, (first, second, third) = inside.member, inside.clients
        assert [POLICY.permits(member, Verb.VIEW, one) for one in (first, second, third)] == [True, True, False]
        assert [POLICY.permits(member, Verb.CHANGE, one) for one in (first, second)] == [True, False]
        assert POLICY.permits(member, Verb.CHANGE) and not POLICY.permits(member, Verb.DELETE, first)
        assert not POLICY.permits(None, Verb.VIEW) and not POLICY.permits(None, Verb.VIEW, first)

    def test_it_is_found_by_whoever_may(self, inside: Cast) -> None:
        member, (first, second, _) = inside.member, inside.clients
        assert POLICY.get(member, second.pk) == second
        assert POLICY.get(member, str(first.pk), Verb.CHANGE) == first

    def test_one_that_may_be_seen_alone_is_not_changed(self, inside: Cast) -> None:
        member, second = inside.member, inside.clients[1]
        denial = refused(AccessDenied, POLICY.get, member, second.pk, Verb.CHANGE)
        assert denial == Denial(Reason.READ_ONLY, "clients:write", "clients.client", str(second.pk))

    def test_one_that_may_be_seen_is_not_deleted_without_the_permission(self, inside: Cast) -> None:
        member, first = inside.member, inside.clients[0]
        denial = refused(AccessDenied, POLICY.get, member, first.pk, Verb.DELETE)
        assert (denial.reason, denial.key) == (Reason.MISSING_PERMISSION, "clients:delete")
        assert (denial.resource_type, denial.resource_id) == ("clients.client", str(first.pk))
        assert "does not include" in denial.sentence

    def test_where_rows_and_permission_both_say_no_it_is_the_permission_that_is_told(self, inside: Cast) -> None:
        keys = {Verb.VIEW: "clients:read", Verb.CHANGE: "clients:delete"}
        policy, second = AccessPolicy(Client, keys, POLICY.rows), inside.clients[1]
        denial = refused(AccessDenied, policy.get, inside.member, second.pk, Verb.CHANGE)
        assert (denial.reason, denial.key) == (Reason.MISSING_PERMISSION, "clients:delete")

    @pytest.mark.parametrize("verb", [Verb.VIEW, Verb.CHANGE])
    def test_a_hidden_one_is_not_there(self, inside: Cast, verb: Verb) -> None:
        member, hidden = inside.member, inside.clients[2].pk
        key = POLICY.keys[verb]
        for pk in (hidden, uuid4(), "no id", 7, None):
            denial = refused(NotVisible, POLICY.get, member, pk, verb)
            assert denial == Denial(Reason.OUT_OF_REACH, key, "clients.client", str(pk))

    def test_a_hidden_one_is_not_there_for_a_verb_without_a_key_either(self, inside: Cast) -> None:
        denial = refused(NotVisible, POLICY.get, inside.owner, inside.clients[2].pk, Verb.ADD)
        assert (denial.reason, denial.key) == (Reason.OUT_OF_REACH, "")

    def test_one_that_may_be_seen_is_refused_for_a_verb_without_a_key(self, inside: Cast) -> None:
        denial = refused(AccessDenied, POLICY.get, inside.owner, inside.clients[0].pk, Verb.ADD)
        assert denial.reason is Reason.UNKNOWN_PERMISSION

    def test_without_the_permission_to_see_nothing_is_said_of_it(self, inside: Cast) -> None:
        policy = AccessPolicy(Client, {**POLICY.keys, Verb.VIEW: "org:billing:read"}, POLICY.rows)
        for pk in (inside.clients[0].pk, uuid4()):
            denial = refused(AccessDenied, policy.get, inside.member, pk, Verb.CHANGE)
            assert (denial.reason, denial.key) == (Reason.MISSING_PERMISSION, "org:billing:read")
            assert (denial.resource_type, denial.resource_id) == ("clients.client", str(pk))

    def test_no_more_than_100_characters_of_an_id_are_recorded(self, inside: Cast) -> None:
        assert refused(NotVisible, POLICY.get, inside.owner, "x" * 200).resource_id == "x" * 100

    def test_it_is_locked_when_asked_so_and_its_key_is_not(self, inside: Cast) -> None:
        owner, first = inside.owner, inside.clients[0].pk

        def statements(**options: bool) -> str:
            with CaptureQueriesContext(connection) as told:
                POLICY.get(owner, first, Verb.CHANGE, **options)
            return " ".join(one["sql"] for one in told.captured_queries if "clients_client" in one["sql"])

        assert 'FOR NO KEY UPDATE OF "clients_client"' in statements(lock=True)
        assert "FOR " not in statements() and "FOR " not in statements(lock=False)


class TestVisible:
    def test_rows_are_narrowed_by_the_verb(self, inside: Cast) -> None:
        owner, (first, second, _) = inside.owner, inside.clients
        assert set(POLICY.visible(owner)) == {first, second}
        assert set(POLICY.visible(owner, Verb.CHANGE)) == {first}

    def test_without_the_permission_there_are_none(self, inside: Cast) -> None:
        nothing = POLICY.visible(inside.member, Verb.DELETE)
        assert nothing.model is Client and not nothing.exists()


class TestRegister:
    @pytest.fixture(autouse=True)
    def _empty(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(registered, "_policies", {})

    def test_a_guarded_model_is_found_by_its_policy(self) -> None:
        assert guard(POLICY) is POLICY
        assert policy_for(Client) is POLICY and policy_for(Contact) is None
        assert dict(policies()) == {Client: POLICY}

    def test_a_model_is_guarded_once(self) -> None:
        guard(POLICY)
        with pytest.raises(ValueError, match="Client is guarded already"):
            guard(AccessPolicy(Client, {}, POLICY.rows))
        assert policy_for(Client) is POLICY

    def test_nobody_else_registers_one(self) -> None:
        with pytest.raises(TypeError):
            policies()[Client] = POLICY  # type: ignore[index]
