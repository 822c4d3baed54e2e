"""Before an edit, exactly what it changes for exactly whom is told, and then just that happens (PDP-5).

Whatever people try, test_machine.py compares the preview with the rules. Here are the cases that are easy to get wrong.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from roles.actions import DeleteRole, UpdateRole
from roles.actors import RoleActor
from roles.impact import Impact, impact_of_assignment, impact_of_delete, impact_of_update
from roles.models import Role as StoredRole
from tenancy.context import acting
from tenancy.errors import NotVisible
from tests.factories import MembershipFactory, UserFactory, on_platform
from tests.roles.attacks import ADMIN, LEADER, OWNER, STRANGER, SUPER
from tests.roles.faces import Change, by_action
from tests.roles.rules import Actor, World
from tests.roles.stage import HERE, Stage, build_stage

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-5")]


@pytest.fixture
def stage(db: None) -> Stage:
    return build_stage()


def told(stage: Stage, impact: Impact, by: RoleActor) -> dict[Actor, tuple[set[str], set[str]]]:
    """Return who the preview says gains and loses what."""
    users = {user.pk: name for name, user in stage.people.items()}
    places = {stage.place_id(place): place for place in stage.places}
    with acting(by):
        return {
            Actor(users[one.user_id], places[one.organization_id]): (set(effect.gained), set(effect.lost))
            for effect in impact.effects
            for one in impact.people_of(effect)
        }


def happened(before: World, after: World) -> dict[Actor, tuple[set[str], set[str]]]:
    """Return who gained and lost what, by the rules."""
    everyone = {*before.held, *after.held}
    pairs = {
        actor: (after.rights(actor) - before.rights(actor), before.rights(actor) - after.rights(actor))
        for actor in everyone
    }
    return {actor: (set(gained), set(lost)) for actor, (gained, lost) in pairs.items() if gained or lost}


def impact_of(stage: Stage, by: Actor, role: str, **values: Any) -> tuple[Impact, RoleActor]:
    actor = stage.actor(by)
    with acting(actor):
        return impact_of_update(actor, stage.roles[role], values), actor


EDITS = {
    "a key more": ("base", {"permissions": ["clients:read", "notes:read"]}),
    "a key that an heir has of its own": ("base", {"permissions": ["clients:read", "team:read"]}),
    "a wildcard": ("plain", {"permissions": ["admin:*"]}),
    "a key less": ("lead", {"permissions": ["clients:read"]}),
    "switched off": ("ground", {"is_active": False}),
    "a role above switched off": ("base", {"is_active": False}),
    "no parent": ("heir", {"parent": None}),
    "another parent": ("lead", {"parent": "org-viewer"}),
    "an inactive parent": ("lead", {"parent": "asleep"}),
    "another name": ("lead", {"display_name": "Leader"}),
    "another reach": ("lead", {"reach": "all"}),
}


@pytest.mark.parametrize("name", EDITS)
def test_the_preview_of_an_edit_is_what_happens(stage: Stage, name: str) -> None:
    role, values = EDITS[name]
    values = {key: stage.roles[value] if key == "parent" and value else value for key, value in values.items()}
    before = stage.stored()
    impact, owner = impact_of(stage, OWNER, role, **values)
    foretold = {actor: change for actor, change in told(stage, impact, owner).items() if any(change)}
    assert stage.stored() == before
    with acting(owner):
        UpdateRole(owner, stage.roles[role], values).execute()
    assert foretold == happened(before, stage.stored())
    assert not impact.refused


def test_a_wider_reach_is_told_although_no_permission_changes(stage: Stage) -> None:
    impact, _ = impact_of(stage, OWNER, "lead", reach="all")
    [effect] = impact.effects
    assert (effect.reach_before, effect.reach_after, effect.gained, effect.people) == ("assigned", "all", (), 1)


@pytest.mark.requirement("ROLE-5")
def test_the_preview_of_a_deletion_is_what_happens(stage: Stage) -> None:
    before, owner = stage.stored(), stage.actor(OWNER)
    with acting(owner):
        impact = impact_of_delete(owner, stage.roles["heir"], stage.roles["desk"])
    foretold = told(stage, impact, owner)
    with acting(owner):
        DeleteRole(owner, stage.roles["heir"], stage.roles["desk"]).execute()
    assert foretold == happened(before, stage.stored())


@pytest.mark.requirement("ASSIGN-5")
def test_the_preview_of_an_assignment_is_what_happens_to_people_of_different_roles(stage: Stage) -> None:
    before, owner, people = stage.stored(), stage.actor(OWNER), ("member", "viewer", "leader", "apprentice")
    with on_platform():
        role = StoredRole.objects.get(pk=stage.roles["lead"])
    with acting(owner):
        impact = impact_of_assignment(owner, [stage.people[name].pk for name in people], role)
    foretold = told(stage, impact, owner)
    assert not by_action(stage, OWNER, Change("assign", "lead", people=people))
    assert foretold == happened(before, stage.stored())
    assert Actor("leader", HERE) not in foretold


def test_the_platform_is_told_of_people_in_every_organization_and_an_organization_of_its_own(stage: Stage) -> None:
    """A shared role has people in two; the organization cannot change it, and sees its own people of it only."""
    for place in ("larkmoor", "quaymark"):
        user = stage.people[f"sharer of {place}"] = UserFactory()  # type: ignore[index]
        with on_platform():
            shared = StoredRole.objects.get(pk=stage.roles["shared"])
        MembershipFactory(user=user, organization=stage.places[place], role=shared)
    impact, actor = impact_of(stage, SUPER, "shared", permissions=["notes:read"])
    change = ({"notes:read"}, {"clients:read"})
    foretold = told(stage, impact, actor)
    assert foretold == {Actor(f"sharer of {place}", place): change for place in ("larkmoor", "quaymark")}
    for by in (OWNER, STRANGER):
        impact, actor = impact_of(stage, by, "shared", permissions=["notes:read"])
        assert "shared by the platform" in impact.refused
        assert set(told(stage, impact, actor)) == {Actor(f"sharer of {by.place}", by.place)}


@pytest.mark.requirement("ASSIGN-2")
@pytest.mark.parametrize(
    ("by", "role", "values"),
    [
        (ADMIN, "plain", {"permissions": ["org:billing:read"]}),
        (LEADER, "lead", {"permissions": []}),
        (LEADER, "ground", {"permissions": []}),
        (ADMIN, "asleep", {"is_active": True}),
        (LEADER, "plain", {"reach": "all"}),
    ],
)
def test_an_edit_that_would_be_refused_says_so_beforehand(stage: Stage, by: Actor, role: str, values: Any) -> None:
    impact, _ = impact_of(stage, by, role, **values)
    assert impact.refused
    assert impact.refused in by_action(stage, by, Change("edit", role, values))
    allowed, _ = impact_of(stage, OWNER, role, **values)
    assert not allowed.refused


@pytest.mark.requirement("CLI-5")
def test_there_is_no_preview_of_a_role_out_of_sight(stage: Stage) -> None:
    with pytest.raises(NotVisible):
        impact_of(stage, OWNER, "theirs", permissions=[])
    with pytest.raises(ValidationError):
        impact_of(stage, OWNER, "plain", parent=stage.roles["theirs"])
