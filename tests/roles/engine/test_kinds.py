"""Which actions there are on what."""

from __future__ import annotations

import pytest

from roles import catalogue
from roles.engine import objects
from roles.engine.objects import GRANT_RESOURCES, Need, ObjectKind, Rule, assigning_key, kinds, register, rules_of
from tenancy.actors import Scope

pytestmark = pytest.mark.requirement("PDP-1")


def kind(name: str) -> ObjectKind:
    return ObjectKind(name, {"close": Rule("clients:write", Need.CHANGE)}, "", "", "", "team:update", "clients:read")


@pytest.fixture
def ticket(monkeypatch: pytest.MonkeyPatch) -> ObjectKind:
    monkeypatch.setattr(objects, "_kinds", dict(kinds()))
    register(kind("ticket"))
    return kinds()["ticket"]


def test_a_registered_kind_has_its_rules_in_organizations_only(ticket: ObjectKind) -> None:
    assert rules_of(Scope.TENANT)["ticket", "close"] == Rule("clients:write", Need.CHANGE)
    assert ("ticket", "close") not in rules_of(Scope.PLATFORM)
    assert kinds()["ticket"] == kind("ticket")


@pytest.mark.parametrize("name", ["ticket", "client", "organization", "platform", "books:invoice"])
def test_a_kind_is_registered_once(ticket: ObjectKind, name: str) -> None:
    with pytest.raises(ValueError, match=f"There is a kind '{name}' already"):
        register(kind(name))


def test_each_kind_is_assigned_under_its_permission(ticket: ObjectKind) -> None:
    assert assigning_key("ticket") == "team:update"
    assert assigning_key("books:invoice") == GRANT_RESOURCES
    assert assigning_key("unicorn") is None and assigning_key("organization") is None


@pytest.mark.parametrize(("scope", "place"), [(Scope.TENANT, "organization"), (Scope.PLATFORM, "platform")])
def test_every_permission_is_an_action_on_the_place_of_its_scope(scope: Scope, place: str) -> None:
    rules = {action: rule for (kind, action), rule in rules_of(scope).items() if kind == place}
    assert rules == {key: Rule(key, Need.PLACE) for key in catalogue.keys_of(scope)}


def test_the_actions_on_a_client_are_those_on_it_and_on_its_things() -> None:
    rules = {action: rule for (kind, action), rule in rules_of(Scope.TENANT).items() if kind == "client"}
    assert rules["clients:read"].need is Need.READ and rules["contacts:read"].need is Need.READ
    assert rules["clients:write"].need is Need.CHANGE and rules["notes:delete"].need is Need.CHANGE
    assert all(rule.key == action for action, rule in rules.items()) and len(rules) == 24
