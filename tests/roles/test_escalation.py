"""Attacks by which somebody would come to more than they have (threats 1 to 5): each fails through every face.

Each stands beside the same change by somebody who may make it, through the same face, which succeeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction

from accounts.actions import AcceptInvitation, CreateServiceAccount, Invite, IssueToken, RevokeToken
from accounts.models import User
from roles.actors import RoleActor, resolve
from roles.models import Role as StoredRole
from roles.models import RolePermission
from tenancy.context import acting
from tenancy.errors import AccessDenied, Reason
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, on_platform
from tests.roles.attacks import (
    ADMIN,
    ATTACKS,
    BILLING,
    OWNER,
    SPARE,
    STAFF,
    SUPER,
    Attack,
    clone,
    create,
    edit,
    give,
    replaced,
    take,
)
from tests.roles.faces import FACES, Change, by_action, by_api, carried_out
from tests.roles.rules import PLATFORM, Actor, World
from tests.roles.stage import BUILT_IN, HERE, Stage, build_stage

pytestmark = pytest.mark.requirement("ASSIGN-2")


@contextmanager
def taken_back() -> Iterator[None]:
    """Undo in the database what is done inside."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def cast(module_db: str) -> Stage:
    """The cast of all plays, and roles without people to try things with."""
    stage = build_stage()
    here = stage.places[HERE]
    made = {
        "spare": RoleFactory(organization=here, name="spare", priority=10, reach="assigned", keys=("clients:read",)),
        "sleeper": RoleFactory(
            scope=PLATFORM, name="sleeper", priority=10, reach=None, keys=("users:ban",), is_active=False
        ),
        "boss": RoleFactory(scope=PLATFORM, name="boss", priority=90, reach=None),
        "root": RoleFactory(scope=PLATFORM, name="root", priority=10, reach=None, keys=("roles:read",)),
    }
    with on_platform():
        StoredRole.objects.filter(pk=made["boss"].pk).update(parent=made["root"].pk)
    stage.roles.update({name: role.pk for name, role in made.items()})
    return stage


@pytest.fixture
def stage(cast: Stage) -> Iterator[Stage]:
    """The cast, for one test: what it does is taken back."""
    with taken_back():
        yield replace(cast, people=dict(cast.people))


CASES = [
    pytest.param(attack, face, id=f"{attack.threat}-{attack.by.person}-{face}-{attack.name.replace(' ', '-')}")
    for attack in ATTACKS
    for face in attack.faces
]


def nothing_gained(before: World, after: World, actor: Actor) -> bool:
    """Whether all is as it was, but for new roles within the actor's ceiling: a form leaves out what is above it."""
    made = after.roles.keys() - before.roles.keys()
    as_it_was = replace(after, roles={name: role for name, role in after.roles.items() if name not in made})
    return as_it_was == before and not after.over(actor, made)


@pytest.mark.requirement("ROLE-4")
@pytest.mark.requirement("ASSIGN-3")
@pytest.mark.requirement("ASSIGN-4")
@pytest.mark.requirement("ROLE-6")
@pytest.mark.requirement("ROLE-7")
@pytest.mark.requirement("ROLE-8")
@pytest.mark.parametrize(("attack", "face"), CASES)
def test_nobody_comes_to_more_than_they_have(stage: Stage, attack: Attack, face: str) -> None:
    change = attack.change if isinstance(attack.change, Change) else attack.change(stage)
    attempt = FACES[face]
    with taken_back():
        assert not attempt(stage, attack.by, attack.harmless)
    before = stage.stored()
    with taken_back():
        refused = attempt(stage, attack.by, change)
        assert nothing_gained(before, stage.stored(), attack.by), refused
        assert refused or face == "console"
    assert not attempt(stage, attack.may, change)
    assert stage.stored() != before


def refusal(stage: Stage, by: Actor, change: Change, **rights: Any) -> Exception:
    """Return what the action refuses the change with, for a person who acts with other rights than their own."""
    before = stage.stored()
    with taken_back():
        real = replace(stage.actor(by), **rights)
        told = carried_out(stage, real, change)
        assert isinstance(told, Exception), f"{change} was not refused"
        assert stage.stored() == before
    return told


@pytest.mark.requirement("PERM-4")
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(
    ("foreign", "fitting"),
    [
        (edit("spare", "clients:read users:ban"), edit("spare", "notes:read")),
        (edit("spare", "clients:read super:*"), edit("spare", "admin:*")),
        (edit("aide", "roles:read clients:read"), edit("aide", "users:ban")),
        (edit("aide", "roles:read admin:*"), edit("aide", "super:*")),
        (edit("aide", parent="org-viewer"), edit("aide", parent="analyst")),
        (edit("spare", parent="analyst"), edit("spare", parent="org-viewer")),
        (edit("spare", parent="theirs"), edit("spare", parent="desk")),
        (replaced("heir", "theirs"), replaced("heir", "desk")),
        (replaced("aide", "org-viewer"), replaced("aide", "analyst")),
    ],
    ids=lambda change: f"{change.verb}-{change.role}-{change.values or change.replacement}",
)
def test_scopes_and_organizations_do_not_mix_whoever_asks(
    stage: Stage, face: str, foreign: Change, fitting: Change
) -> None:
    before = stage.stored()
    with taken_back():
        assert FACES[face](stage, SUPER, foreign)
        assert stage.stored() == before
    assert not FACES[face](stage, SUPER, fitting)
    assert stage.stored() != before


@pytest.mark.requirement("PERM-4")
@pytest.mark.parametrize("face", [by_action, by_api])
def test_a_role_of_one_organization_is_given_in_no_other_whoever_asks(stage: Stage, face: Any) -> None:
    """The console does not ask where: such a role is given in its own organization."""
    before = stage.stored()
    with taken_back():
        assert face(stage, SUPER, give("theirs", "viewer", place=HERE))
        assert stage.stored() == before
    assert not face(stage, SUPER, give("desk", "viewer", place=HERE))


@pytest.mark.requirement("ROLE-4")
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("by", [SUPER, STAFF])
def test_a_form_from_before_a_permission_was_withdrawn_does_not_bring_it_back(
    stage: Stage, face: str, by: Actor
) -> None:
    first = edit("aide", "roles:read users:read")
    withdrawn = edit("aide", "roles:read")
    assert not by_action(stage, SUPER, first)
    seen = row(stage, "aide").version
    assert not by_action(stage, SUPER, withdrawn)
    before = stage.stored()
    with taken_back():
        assert FACES[face](stage, by, replace(first, version=seen))
        assert stage.stored() == before
    assert not FACES[face](stage, by, replace(first, version=row(stage, "aide").version))
    assert stage.stored() != before


@pytest.mark.requirement("ROLE-4")
@pytest.mark.parametrize("name", [*BUILT_IN])
def test_nobody_changes_a_built_in_role(stage: Stage, name: str) -> None:
    before = stage.stored()
    for change in (edit(name, priority=1), edit(name, is_active=False), replaced(name, "spare")):
        for face in FACES.values():
            assert face(stage, SUPER, change)
    assert stage.stored() == before


@pytest.mark.requirement("ASSIGN-4")
@pytest.mark.parametrize("change", [take("super-admin", "deputy"), give("aide", "deputy")], ids=["removed", "demoted"])
@pytest.mark.parametrize("face", FACES)
def test_the_last_active_super_admin_stays(stage: Stage, change: Change, face: str) -> None:
    """Somebody else may do as much, by a role that the platform made itself, and still cannot take out the last one."""
    stage.people["deputy"] = deputy = UserFactory()
    MembershipFactory(user=deputy, organization=None, role=built_in("super-admin"))
    with taken_back():
        assert not FACES[face](stage, SUPER, change)
    if face == "actions":
        peer = UserFactory()
        everything = RoleFactory(scope="PLATFORM", reach=None, priority=100, keys=("super:*",))
        MembershipFactory(user=peer, organization=None, role=everything)
        with on_platform():
            User.objects.filter(pk=stage.people["super"].pk).update(is_active=False)
        refused = carried_out(stage, resolve(peer.pk), change)
        assert isinstance(refused, AccessDenied)
        assert refused.denial.reason is Reason.LAST_OF_ITS_KIND


@pytest.mark.requirement("ORG-5")
@pytest.mark.parametrize(
    "change",
    [
        SPARE,
        create("clients:read"),
        clone("spare"),
        Change("delete", "spare"),
        give("spare", "viewer"),
        take("org-viewer", "viewer"),
    ],
    ids=lambda change: change.verb,
)
def test_nobody_changes_roles_while_acting_for_somebody_else(stage: Stage, change: Change) -> None:
    refused = refusal(stage, OWNER, change, on_behalf_of_id=stage.people["super"].pk)
    assert isinstance(refused, AccessDenied)
    assert refused.denial.reason is Reason.IMPERSONATING
    assert not by_action(stage, OWNER, change)


@pytest.mark.requirement("ORG-5")
@pytest.mark.parametrize("verb", ["invite", "service account", "token", "revoke"])
def test_nobody_hands_out_roles_or_tokens_while_acting_for_somebody_else(stage: Stage, verb: str) -> None:
    owner, role = stage.actor(OWNER), row(stage, "spare")
    with acting(owner):
        token, _ = IssueToken(owner, "First").execute()
    verbs: dict[str, Callable[[RoleActor], Any]] = {
        "invite": lambda actor: Invite(actor, ["dora@people.example"], role),
        "service account": lambda actor: CreateServiceAccount(actor, "Robot", role),
        "token": lambda actor: IssueToken(actor, "Second"),
        "revoke": lambda actor: RevokeToken(actor, token.pk),
    }
    impersonated = replace(owner, on_behalf_of_id=stage.people["super"].pk)
    with pytest.raises(AccessDenied) as refused, acting(impersonated):
        verbs[verb](impersonated).execute()
    assert refused.value.denial.reason is Reason.IMPERSONATING
    with acting(owner):
        verbs[verb](owner).execute()


@pytest.mark.requirement("ORG-6")
@pytest.mark.parametrize("verb", ["invite", "service account", "token of a stronger service account"])
def test_nobody_hands_a_stronger_role_to_a_newcomer(stage: Stage, verb: str) -> None:
    """The admin may invite and is given the right to make service accounts; the owner's are above them."""
    with on_platform():
        RolePermission.objects.create(role=built_in("org-admin"), permission_id="org:api-keys:write")
    owner, admin = stage.actor(OWNER), stage.actor(ADMIN)
    with acting(owner):
        robot = CreateServiceAccount(owner, "Robot", built_in("org-owner")).execute().user
    chief = row(stage, "chief")
    verbs: dict[str, Callable[[RoleActor], Any]] = {
        "invite": lambda actor: Invite(actor, ["dora@people.example"], chief),
        "service account": lambda actor: CreateServiceAccount(actor, "Second", chief),
        "token of a stronger service account": lambda actor: IssueToken(actor, "Robot's", robot),
    }
    with pytest.raises(AccessDenied) as refused, acting(admin):
        verbs[verb](admin).execute()
    assert refused.value.denial.reason is Reason.ABOVE_CEILING
    with acting(owner):
        verbs[verb](owner).execute()


@pytest.mark.requirement("ORG-6")
def test_a_token_narrowed_to_fewer_permissions_hands_on_no_other(stage: Stage) -> None:
    change = edit("spare", "clients:read notes:read")
    narrowed = frozenset({"team:read", "team:roles:assign", "clients:read"})
    refused = refusal(stage, OWNER, change, permissions=narrowed)
    assert isinstance(refused, AccessDenied)
    assert refused.denial.reason is Reason.ABOVE_CEILING
    assert carried_out(stage, replace(stage.actor(OWNER), permissions=narrowed | {"notes:read"}), change) is None


@pytest.mark.requirement("ORG-3")
@pytest.mark.parametrize(
    "raised", [{"permissions": ["clients:read", BILLING]}, {"priority": 90}, {"parent": "chief"}], ids=str
)
def test_an_invitation_to_a_role_that_was_raised_meanwhile_is_not_accepted(stage: Stage, raised: Any) -> None:
    """The admin who invited could not offer the role as it is now. The owner who invited could."""
    for by, newcomer in ((ADMIN, "ada"), (OWNER, "ben")):
        actor = stage.actor(by)
        with acting(actor):
            Invite(actor, [stage.people[newcomer].email], row(stage, "spare")).execute()
    links = {name: stage.know_link(Actor(name, HERE)) for name in ("ada", "ben")}
    assert not by_action(stage, OWNER, edit("spare", **raised))
    with pytest.raises(AccessDenied, match="may not offer this role"):
        AcceptInvitation(HERE, links["ada"], stage.people["ada"]).execute()
    assert AcceptInvitation(HERE, links["ben"], stage.people["ben"]).execute().role_id == stage.roles["spare"]


def row(stage: Stage, name: str) -> StoredRole:
    with on_platform():
        return StoredRole.objects.get(pk=stage.roles[name])
