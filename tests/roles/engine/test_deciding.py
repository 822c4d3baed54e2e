"""One engine, which fails closed, and Django's own permission checks that ask it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from clients.models import Client
from roles import catalogue
from roles.actors import resolve
from roles.engine import allows, decide
from tenancy.actors import Scope, SystemActor
from tenancy.context import acting
from tenancy.errors import Denial, Reason
from tenancy.policies import AccessPolicy, Verb
from tests.factories import assign, inside
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-1")]


def reason(actor: Any, key: str) -> Reason | None:
    denial = decide(actor, key)
    return denial.reason if denial else None


def test_a_held_key_is_allowed_and_another_is_not(agency: Agency) -> None:
    assert reason(agency.actor("member"), "clients:read") is None
    assert reason(agency.actor("member"), "clients:delete") is Reason.MISSING_PERMISSION


def test_an_unknown_key_is_denied_to_everyone(agency: Agency) -> None:
    assert reason(agency.actor("owner"), "clients:teleport") is Reason.UNKNOWN_PERMISSION
    everything = SystemActor("test", permissions=frozenset({"clients:teleport"}))
    assert reason(everything, "clients:teleport") is Reason.UNKNOWN_PERMISSION


def test_nobody_is_denied() -> None:
    assert not allows(None, "clients:read")


@pytest.mark.requirement("PERM-4")
def test_a_super_admin_uses_no_tenant_key_on_the_platform() -> None:
    actor = resolve(make_staff("super-admin").pk)
    assert not isinstance(actor, Denial)
    assert actor.has("clients:read")
    assert reason(actor, "clients:read") is Reason.MISSING_PERMISSION
    assert reason(actor, "users:ban") is None


@pytest.mark.requirement("PERM-1")
def test_an_owner_holds_every_tenant_key_and_no_platform_key(agency: Agency) -> None:
    owner = agency.actor("owner")
    assert all(allows(owner, key) for key in catalogue.keys_of(Scope.TENANT))
    assert not any(allows(owner, key) for key in catalogue.keys_of(Scope.PLATFORM))


@pytest.mark.parametrize(
    ("person", "expected"), [("stranger", Reason.BANNED), ("member of another", Reason.NOT_A_MEMBER)]
)
def test_who_has_no_place_there_is_no_actor(
    agency: Agency, other_agency: Agency, person: str, expected: Reason
) -> None:
    user = other_agency.owner.pk if person == "member of another" else agency.clients[0].pk
    denial = resolve(user, organization_id=agency.organization.pk)
    assert isinstance(denial, Denial)
    assert denial.reason is expected


def test_an_unknown_organization_has_no_actor(agency: Agency) -> None:
    denial = resolve(agency.owner.pk, slug="nowhere")
    assert isinstance(denial, Denial)
    assert denial.reason is Reason.UNKNOWN_ORGANIZATION


def test_a_verb_without_a_key_is_denied_to_everyone(agency: Agency) -> None:
    policy = AccessPolicy(Client, {Verb.VIEW: "clients:read"}, lambda actor, verb: Client.objects.all())
    with acting(agency.actor("owner")) as entered:
        assert policy.permits(entered.actor, Verb.VIEW)
        assert not policy.permits(entered.actor, Verb.DELETE)
        with pytest.raises(PermissionDenied):
            policy.require(entered.actor, Verb.DELETE)


def test_django_asks_the_roles(agency: Agency) -> None:
    mine, hidden = agency.clients[0], agency.clients[2]
    with acting(agency.actor("member")):
        assert agency.member.has_perm("clients.view_client")
        assert agency.member.has_perm("clients.change_client", mine)
        assert not agency.member.has_perm("clients.change_client", hidden)
        assert not agency.member.has_perm("clients.delete_client", mine)
        assert agency.member.has_module_perms("clients")
        assert not agency.member.has_module_perms("sessions")


@pytest.mark.parametrize(
    "perm", ["clients.teleport_client", "clients.view_unicorn", "nowhere.view_client", "view_client", ""]
)
def test_django_is_told_no_about_what_is_unknown(agency: Agency, perm: str) -> None:
    with acting(agency.actor("owner")):
        assert not agency.owner.has_perm(perm)


def test_outside_of_a_context_nobody_has_a_permission(agency: Agency) -> None:
    assert not agency.owner.has_perm("clients.view_client")


def test_a_person_has_no_permission_in_another_persons_context(agency: Agency) -> None:
    with acting(agency.actor("owner")):
        assert not agency.member.has_perm("clients.view_client")


@pytest.mark.requirement("PERM-3")
@pytest.mark.requirement("CLI-2")
def test_an_assignment_narrows_reach_and_adds_no_permission(agency: Agency) -> None:
    """The viewer's role only reads: an assignment to work with a client lets them write nothing."""
    with inside(agency.organization):
        agency.clients[1].grants.all().delete()
    assign(agency.viewer, agency.clients[1], "change_client")
    with acting(agency.actor("viewer")):
        assert agency.viewer.has_perm("clients.view_client", agency.clients[1])
        assert not agency.viewer.has_perm("clients.change_client", agency.clients[1])
