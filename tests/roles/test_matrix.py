from __future__ import annotations

import re

import pytest

from roles import catalogue
from roles.forms import MatrixField, PermissionsForm
from roles.matrix import WITHHELD_NOTE, CellState, build_matrix
from tenancy.actors import Scope

pytestmark = pytest.mark.requirement("ADM-3")
NOTHING: frozenset[str] = frozenset()
SINCE = "Not used since 3 March 2026"


@pytest.mark.parametrize("scope", list(Scope))
def test_every_permission_of_the_scope_has_one_cell_in_catalogue_order(scope: Scope) -> None:
    shown = [cell.key for cell in build_matrix(scope, NOTHING).cells]
    assert shown == [key for key, entry in catalogue.entries().items() if entry.scope is scope]


def test_client_workspaces_are_a_grid_of_eight_resources_by_three_actions() -> None:
    workspace = build_matrix(Scope.TENANT, NOTHING).categories[-1]
    rows = list(workspace.aligned)
    assert workspace.columns == ("read", "write", "delete")
    assert [row.resource for row, _ in rows][:2] == ["clients", "contacts"]
    assert len(rows) == 8
    assert all(
        cell is not None and cell.action == action
        for _, cells in rows
        for cell, action in zip(cells, workspace.columns, strict=True)
    )


def test_a_sparse_grid_leaves_open_what_a_resource_has_no_action_for() -> None:
    settings = next(
        one for one in build_matrix(Scope.TENANT, NOTHING).categories if one.name == "Organization Settings"
    )
    cells = {row.resource: [cell and cell.key for cell in cells] for row, cells in settings.aligned}
    assert cells["org:branding"] == ["org:branding:read", "org:branding:write"]
    assert cells["org:audit"] == ["org:audit:read", None]


@pytest.mark.parametrize("name", ["Team", "Reports"])
def test_a_category_whose_resources_share_few_actions_is_a_list(name: str) -> None:
    category = next(one for one in build_matrix(Scope.TENANT, NOTHING).categories if one.name == name)
    assert not category.is_grid


def test_what_is_held_is_on_and_the_rest_is_off() -> None:
    matrix = build_matrix(Scope.TENANT, frozenset({"team:list"}))
    assert matrix.cell("team:list").state is CellState.ON
    assert matrix.cell("team:read").state is CellState.OFF


def test_an_inherited_permission_is_on_and_locked_and_names_its_source() -> None:
    cell = build_matrix(Scope.TENANT, NOTHING, {"team:list": "Editor"}).cell("team:list")
    assert (cell.state, cell.note, cell.is_on) == (CellState.INHERITED, "Inherited from Editor", True)


@pytest.mark.parametrize("own", [NOTHING, frozenset({"team:invite"})])
def test_a_withheld_permission_is_locked_as_it_is_and_says_why(own: frozenset[str]) -> None:
    cell = build_matrix(Scope.TENANT, own, withheld=frozenset({"team:invite"}), chosen=NOTHING).cell("team:invite")
    assert (cell.state, cell.note) == (CellState.WITHHELD, WITHHELD_NOTE)
    assert cell.is_on is bool(own)


def test_a_permission_both_inherited_and_withheld_is_told_as_inherited() -> None:
    matrix = build_matrix(Scope.TENANT, NOTHING, {"team:list": "Editor"}, frozenset({"team:list"}))
    assert matrix.cell("team:list").state is CellState.INHERITED


def test_a_wildcard_of_its_own_locks_what_it_covers_but_not_itself() -> None:
    matrix = build_matrix(Scope.TENANT, frozenset({catalogue.ADMIN}))
    assert matrix.cell("team:list").note == "Included in Organization Admin"
    assert matrix.cell(catalogue.ADMIN).state is CellState.ON
    assert matrix.granted == matrix.total


def test_counts_include_inherited_permissions() -> None:
    matrix = build_matrix(Scope.TENANT, frozenset({"team:list"}), {"team:read": "Editor"})
    team = next(one for one in matrix.categories if one.name == "Team")
    assert (team.granted, team.total) == (2, 6)


def test_a_form_under_way_shows_what_is_ticked_and_knows_what_changed() -> None:
    matrix = build_matrix(Scope.TENANT, frozenset({"team:list"}), chosen=frozenset({"team:read"}))
    assert {cell.key for cell in matrix.cells if cell.is_changed} == {"team:list", "team:read"}
    assert [category.name for category in matrix.categories if category.has_changes] == ["Team"]


def test_dangerous_permissions_are_marked() -> None:
    matrix = build_matrix(Scope.TENANT, NOTHING)
    assert matrix.cell("clients:delete").is_dangerous
    assert not matrix.cell("clients:read").is_dangerous


def test_what_is_held_but_not_used_is_marked_and_says_since_when() -> None:
    own = frozenset({"clients:delete", "clients:read"})
    matrix = build_matrix(Scope.TENANT, own, unused={"clients:delete": SINCE})
    assert [(cell.key, cell.unused) for cell in matrix.cells if cell.is_unused] == [("clients:delete", SINCE)]


@pytest.mark.parametrize("key", ["clients:delete", "team:invite"])
def test_the_mark_of_an_unused_permission_is_there_without_script(key: str) -> None:
    """In a grid as in a list: for the eye, for who cannot see it, and for the filter of the script."""
    field = MatrixField(scope=Scope.TENANT, own=frozenset({"clients:delete", "team:invite"}), unused={key: SINCE})
    html = str(PermissionsForm(permissions=field)["permissions"])
    [box] = re.findall(r"<input[^>]*data-unused[^>]*>", html)
    assert (f'value="{key}"' in box, f'data-unused="{SINCE}"' in box) == (True, True)
    assert html.count(f'<span class="rx-mark" title="{SINCE}">') == 1
    assert html.count(", unused") == 1


def test_the_reasons_of_a_category_are_told_once_each() -> None:
    inherited = dict.fromkeys(("clients:read", "contacts:read"), "Editor")
    workspace = build_matrix(Scope.TENANT, NOTHING, inherited, frozenset({"tasks:delete"})).categories[-1]
    assert workspace.notes == (
        (CellState.INHERITED, "Inherited from Editor"),
        (CellState.WITHHELD, WITHHELD_NOTE),
    )


def test_a_scope_does_not_know_the_keys_of_the_other() -> None:
    with pytest.raises(KeyError):
        build_matrix(Scope.TENANT, NOTHING).cell("roles:list")
