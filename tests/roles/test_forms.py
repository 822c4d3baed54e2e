from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles import finders
from django.http import QueryDict
from django.template.loader import render_to_string

from roles import catalogue
from roles.forms import MatrixField, PermissionsForm, RoleDetailsForm
from roles.icons import ICONS
from roles.models import Role
from tenancy.actors import Reach, Scope
from tests.factories import on_platform

NAMES = {"scope": "TENANT", "display_name": "Client lead", "priority": "50", "reach": "assigned"}
LOOKS = {"color": "#3d4fd1", "icon": "briefcase"}


def matrix(**options: Any) -> MatrixField:
    return MatrixField(**{"scope": Scope.TENANT, **options})


def sent(*keys: str, version: str = "3") -> QueryDict:
    data = QueryDict(mutable=True)
    data.setlist("permissions", list(keys))
    data["version"] = version
    return data


def form_of(*keys: str, **options: Any) -> PermissionsForm:
    return PermissionsForm(sent(*keys), permissions=matrix(**options), version=2)


def drawn(**options: Any) -> str:
    return str(PermissionsForm(permissions=matrix(**options))["permissions"])


def box(html: str, key: str) -> str:
    """Return the markup of one permission's box."""
    return next(tag for tag in re.findall(r"<input[^>]*>", html) if f'value="{key}"' in tag)


# What is sent


@pytest.mark.requirement("ADM-3")
def test_what_is_ticked_is_the_value() -> None:
    form = form_of("team:list", "team:read")
    assert form.is_valid()
    assert form.permissions() == {"team:list", "team:read"}


@pytest.mark.requirement("ADM-3")
def test_a_form_with_nothing_ticked_takes_everything_away() -> None:
    form = form_of(own=frozenset({"team:list"}))
    assert form.is_valid()
    assert form.permissions() == frozenset()


@pytest.mark.requirement("API-2")
def test_an_unknown_key_is_refused_by_name() -> None:
    form = form_of("team:conquer")
    assert form.errors["permissions"] == ["There is no such permission: team:conquer."]


@pytest.mark.requirement("PERM-4")
def test_a_key_of_the_other_scope_is_refused_by_name() -> None:
    form = form_of("roles:list")
    assert form.errors["permissions"] == ["A role of the scope TENANT cannot hold: roles:list."]


@pytest.mark.requirement("ADM-3")
@pytest.mark.parametrize("own", [frozenset(), frozenset({"team:invite", "team:list", "team:read"})])
@pytest.mark.parametrize("keys", [[], ["team:invite", "team:list", "team:read"]])
def test_locked_permissions_stay_as_stored_whatever_is_sent(own: frozenset[str], keys: list[str]) -> None:
    form = form_of(*keys, own=own, inherited={"team:list": "Viewer"}, withheld=frozenset({"team:invite", "team:read"}))
    assert form.is_valid()
    assert form.permissions() == own


@pytest.mark.requirement("ADM-3")
def test_what_a_wildcard_of_the_role_covers_is_not_lost_when_the_wildcard_goes() -> None:
    form = form_of(own=frozenset({catalogue.ADMIN, "team:list"}))
    assert form.is_valid()
    assert form.permissions() == {"team:list"}


@pytest.mark.requirement("ADM-3")
def test_what_a_new_permission_needs_is_added_and_announced() -> None:
    form = form_of("contacts:write")
    assert form.is_valid()
    assert form.permissions() == {"contacts:read", "contacts:write"}
    assert form.matrix_field.announcements() == ["contacts:read was added, because it is needed by contacts:write."]


@pytest.mark.requirement("ADM-3")
@pytest.mark.parametrize(
    "options", [{"inherited": {"contacts:read": "Viewer"}}, {"own": frozenset({"contacts:write"})}]
)
def test_nothing_is_added_for_what_is_inherited_or_was_held_before(options: dict[str, Any]) -> None:
    form = form_of("contacts:write", **options)
    assert form.is_valid()
    assert form.permissions() == {"contacts:write"}
    assert form.matrix_field.announcements() == []


@pytest.mark.requirement("ADM-3", "ASSIGN-2")
def test_a_permission_that_needs_a_withheld_one_is_refused() -> None:
    form = form_of("contacts:write", withheld=frozenset({"contacts:read"}))
    assert form.errors["permissions"] == [
        "contacts:write needs contacts:read, which you do not hold and so cannot grant."
    ]


@pytest.mark.requirement("ROLE-4")
def test_the_form_remembers_the_version_it_was_filled_from() -> None:
    assert 'value="2"' in str(PermissionsForm(permissions=matrix(), version=2)["version"])
    form = form_of()
    assert form.is_valid()
    assert form.version_seen() == 3


# What is shown


@pytest.mark.requirement("ADM-3")
def test_the_matrix_of_every_key_is_drawn_without_script_or_style_in_it() -> None:
    html = drawn()
    assert html.count("data-rx-box") == len(catalogue.keys_of(Scope.TENANT))
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", html)


@pytest.mark.requirement("ADM-3")
@pytest.mark.parametrize(
    ("options", "note"),
    [
        ({"inherited": {"clients:read": "Editor"}}, "Inherited from Editor"),
        ({"withheld": frozenset({"clients:read"})}, "You do not hold this permission, so you cannot grant it."),
    ],
)
def test_a_locked_box_is_disabled_and_described_by_its_reason(options: dict[str, Any], note: str) -> None:
    html = drawn(**options)
    described = re.search(r'aria-describedby="([^"]+)"', box(html, "clients:read"))
    assert " disabled" in box(html, "clients:read")
    assert described is not None
    assert re.search(rf'id="{described[1]}">{note}<', html)


@pytest.mark.requirement("ADM-3")
def test_a_form_sent_back_shows_what_was_ticked_against_what_is_stored() -> None:
    field = str(form_of("team:read", own=frozenset({"team:list"}))["permissions"])
    assert " checked" not in box(field, "team:list")
    assert " data-own" in box(field, "team:list")
    assert " checked" in box(field, "team:read")
    assert " data-own" not in box(field, "team:read")


@pytest.mark.requirement("ROLE-6")
def test_a_new_role_from_another_starts_with_its_permissions_ticked() -> None:
    html = drawn(initial=frozenset({"team:list"}))
    assert " checked" in box(html, "team:list")
    assert " data-own" not in box(html, "team:list")


@pytest.mark.requirement("ADM-3")
def test_the_bar_carries_how_many_people_a_change_affects() -> None:
    assert 'data-people="0"' in render_to_string("roles/bar.html", {"people": 0})


# Details


def details(role: Role | None = None, scope: Scope = Scope.TENANT, **changed: str) -> RoleDetailsForm:
    return RoleDetailsForm(
        {**NAMES, **LOOKS, "scope": scope.value, **changed},
        scope=scope,
        parents=Role.objects.of_scope(scope),
        ceiling=80,
        role=role,
    )


@pytest.mark.requirement("ROLE-1")
@pytest.mark.django_db
def test_the_values_of_a_new_role_are_what_the_action_takes() -> None:
    with on_platform():
        parent = Role.objects.get(name="org-viewer")
        form = details(parent=str(parent.pk), name="lead")
        assert form.is_valid(), form.errors
    assert form.values() == {
        "display_name": "Client lead",
        "name": "lead",
        "description": "",
        "priority": 50,
        "parent": parent,
        "reach": Reach.ASSIGNED,
        "requires_second_factor": False,
        "is_active": False,
        "color": "#3D4FD1",
        "icon": "briefcase",
        "scope": Scope.TENANT,
        "organization": None,
    }


@pytest.mark.requirement("ROLE-1")
def test_a_new_role_without_a_slug_gets_the_one_its_name_suggests() -> None:
    form = details()
    assert form.is_valid()
    assert form.values()["name"] == "client-lead"


@pytest.mark.requirement("ROLE-1")
def test_a_name_without_letters_asks_for_a_slug() -> None:
    assert "name" in details(display_name="★").errors


@pytest.mark.requirement("ROLE-4")
@pytest.mark.django_db
def test_the_form_of_a_stored_role_shows_it_and_gives_no_scope_to_change() -> None:
    with on_platform():
        role = Role.objects.get(name="org-manager")
        shown = RoleDetailsForm(scope=Scope.TENANT, parents=Role.objects.none(), ceiling=80, role=role)
    assert shown["display_name"].value() == "Manager"
    assert shown["version"].value() == role.version
    form = details(role=role, name="")
    assert "name" in form.errors
    assert form.fields.keys().isdisjoint({"scope", "organization"})


@pytest.mark.requirement("ROLE-1")
def test_a_role_of_the_platform_has_no_reach() -> None:
    form = details(scope=Scope.PLATFORM)
    assert form.is_valid()
    assert form.values()["reach"] is None


@pytest.mark.requirement("PERM-4")
def test_a_form_made_for_one_scope_does_not_take_the_other() -> None:
    form = RoleDetailsForm(
        {**NAMES, **LOOKS, "scope": "PLATFORM"}, scope=Scope.TENANT, parents=Role.objects.none(), ceiling=80
    )
    assert "scope" in form.errors


@pytest.mark.requirement("ROLE-1")
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", "101"),
        ("priority", "-1"),
        ("color", "red"),
        ("color", "#12345"),
        ("icon", "skull"),
        ("reach", "far"),
    ],
)
def test_what_a_role_cannot_have_is_told_beside_the_field(field: str, value: str) -> None:
    assert list(details(**{field: value}).errors) == [field]


@pytest.mark.requirement("ROLE-1")
@pytest.mark.django_db
def test_the_details_are_drawn_without_script_or_style_in_them() -> None:
    html = render_to_string("roles/details.html", {"form": details(color="red")})
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", html)
    assert "Write the colour as #" in html


@pytest.mark.requirement("ROLE-10")
def test_every_icon_is_in_the_sprite_and_built_in_roles_use_them() -> None:
    sprite = Path(finders.find("icons/sprite.svg")).read_text()
    assert [name for name in ICONS if f'id="{name}"' not in sprite] == []
    assert {role.icon for role in catalogue.built_in_roles()} <= ICONS.keys()
