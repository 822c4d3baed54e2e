from __future__ import annotations

import pytest

from roles import catalogue
from roles.wording import describe
from tenancy.actors import Reach, Scope

pytestmark = pytest.mark.requirement("ROLE-1")
SEEN = [f"{thing}:read" for thing in ("clients", "contacts", "campaigns", "documents", "tasks", "connections")]


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ([], "Cannot do anything yet."),
        (["nonsense", "roles:list"], "Cannot do anything yet."),
        ([catalogue.ADMIN], "Can do everything in the organization, for assigned clients."),
        (
            SEEN,
            "Can view details, contacts, campaigns, documents, tasks and connected accounts of assigned clients;"
            " cannot see notes or invoices.",
        ),
        (
            ["campaigns:read", "campaigns:write", "contacts:read", "contacts:write"],
            "Can view and edit contacts and campaigns of assigned clients; cannot see the rest of a client.",
        ),
        (
            ["clients:read", "notes:read", "tasks:read", "tasks:write"],
            "Can view and edit tasks of assigned clients; view their details and notes;"
            " cannot see the rest of a client.",
        ),
        (["team:list", "team:invite"], "Can list team members and invite team members; cannot see clients."),
        (["team:list", "team:read"], "Can look at Team; cannot see clients."),
    ],
)
def test_a_tenant_role_is_told_in_plain_words(keys: list[str], sentence: str) -> None:
    assert describe(keys, Scope.TENANT, Reach.ASSIGNED) == sentence


def test_a_whole_category_is_told_by_its_name() -> None:
    team = [key for key, entry in catalogue.entries().items() if entry.category == "Team"]
    assert describe(team, Scope.TENANT, Reach.ALL) == "Can do everything in Team; cannot see clients."


def test_everything_on_the_platform_is_told_in_one_breath() -> None:
    everything = catalogue.expand(frozenset({catalogue.SUPER}))
    assert describe(everything, Scope.PLATFORM) == "Can do everything, on the platform and in every organization."


@pytest.mark.parametrize("role", catalogue.built_in_roles(), ids=lambda role: role.slug)
def test_every_built_in_role_is_told_in_a_sentence_that_can_be_read_at_once(role: catalogue.BuiltInRole) -> None:
    sentence = describe(role.permissions, role.scope, role.reach)
    assert sentence.startswith("Can ")
    assert len(sentence) < 250


def test_the_order_of_the_keys_does_not_matter() -> None:
    keys = sorted(catalogue.keys_of(Scope.TENANT) - {catalogue.ADMIN})[::3]
    assert describe(keys, Scope.TENANT) == describe(reversed(keys), Scope.TENANT)
