"""The rules about roles and the people who hold them, asked of plain values (ROLE-4, ASSIGN-2 to ASSIGN-4)."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from accounts.models import User
from roles import access
from roles.actors import RoleActor
from roles.family import Family, Relative
from roles.models import Membership, Permission, Role, RoleEvent
from tenancy.actors import Reach, Scope, Stranger, SystemActor
from tenancy.errors import AccessDenied, Denial, Reason
from tenancy.policies import AccessPolicy, Verb, policy_for
from tests.roles.engine.values import HERE, named, role

pytestmark = [pytest.mark.requirement("ASSIGN-2"), pytest.mark.requirement("ROLE-4")]

ASSIGN, STAFF_ASSIGN = "team:roles:assign", "roles:assign"


def actor(*keys: str, priority: int = 50, reach: Reach | None = Reach.ALL, **others: Any) -> RoleActor:
    """Return somebody who acts in the organization with these permissions."""
    values: dict[str, Any] = {
        "user_id": uuid4(),
        "label": "ann@people.example",
        "scope": Scope.TENANT,
        "organization_id": HERE,
        "organization_name": "Larkmoor",
        "membership_id": uuid4(),
        "role_id": named("own"),
        "role_name": "own",
        "role_display_name": "Own",
        "priority": priority,
        "reach": reach,
        "permissions": frozenset(keys),
    }
    return RoleActor(**values | others)


def staff(*keys: str, priority: int = 50) -> RoleActor:
    return actor(*keys, priority=priority, reach=None, scope=Scope.PLATFORM, organization_id=None)


def family(*roles: Relative) -> Family:
    return Family({one.id: one for one in roles})


def stored(name: str, *, scope: Scope = Scope.TENANT, organization: UUID | None = HERE, built_in: bool = False) -> Role:
    """Return the role as a row that was never written."""
    return Role(
        id=named(name),
        name=name,
        display_name=name.title(),
        scope=scope,
        organization_id=organization,
        is_system=built_in,
    )


def reason(denial: Denial | None) -> Reason | None:
    return denial.reason if denial else None


class TestRank:
    def test_the_installation_ranks_above_everyone_and_a_stranger_below(self) -> None:
        assert access.priority_of(SystemActor("test")) == 101
        assert access.priority_of(actor(priority=7)) == 7
        assert access.priority_of(Stranger(None, "nobody")) < 0


class TestCeiling:
    def ceiling(self, by: Any, *roles: Relative, asked: str = "desk") -> Denial | None:
        return access.ceiling_denial(by, named(asked), family(*roles), ASSIGN)

    def test_a_role_of_equal_rank_with_permissions_one_has_is_within_it(self) -> None:
        assert self.ceiling(actor("team:read", "team:list"), role("desk", "team:read")) is None

    def test_a_role_that_ranks_higher_is_above_it(self) -> None:
        denial = self.ceiling(actor("team:read", priority=49), role("desk", "team:read"))
        assert denial == Denial(
            Reason.ABOVE_CEILING, ASSIGN, "roles.role", str(named("desk")),
            "“Desk” ranks above your own role (priority 50).",
        )  # fmt: skip

    def test_a_role_with_a_permission_one_lacks_is_above_it(self) -> None:
        denial = self.ceiling(actor("team:read"), role("desk", "team:read", "reports:read", "clients:read"))
        assert denial is not None and denial.reason is Reason.ABOVE_CEILING
        assert denial.sentence == "“Desk” holds permissions that you lack: clients:read, reports:read."

    def test_up_to_five_missing_permissions_are_named(self) -> None:
        keys = ["clients:delete", "clients:read", "clients:write", "contacts:read", "contacts:write", "team:read"]
        five, six = (self.ceiling(actor(), role("desk", *some)) for some in (keys[:5], keys))
        assert five is not None and five.sentence.endswith(f": {', '.join(keys[:5])}.")
        assert six is not None and six.sentence.endswith(f": {', '.join(keys[:5])} ….")

    def test_what_waits_in_a_sleeping_role_counts(self) -> None:
        roles = role("base", "team:read", active=False), role("desk", parent="base", active=False)
        assert reason(self.ceiling(actor(), *roles)) is Reason.ABOVE_CEILING
        assert self.ceiling(actor("team:read"), *roles) is None

    def test_a_wildcard_counts_as_all_that_it_covers(self) -> None:
        assert access.ceiling_gap(actor("team:read"), ["team:read"]) == frozenset()
        assert "clients:delete" in access.ceiling_gap(actor("team:read"), ["admin:*"])
        assert access.ceiling_gap(SystemActor("test", HERE), ["admin:*", "team:read"]) == frozenset()

    @pytest.mark.parametrize(
        ("by", "of", "expected"),
        [
            (Reach.ASSIGNED, "all", Reason.ABOVE_CEILING),
            (Reach.ASSIGNED, "assigned", None),
            (Reach.ALL, "all", None),
            (Reach.ALL, "assigned", None),
        ],
    )
    def test_whoever_reaches_some_gives_nobody_all(self, by: Reach, of: str, expected: Reason | None) -> None:
        denial = self.ceiling(actor("team:read", reach=by), role("desk", "team:read", reach=of))
        assert reason(denial) is expected
        assert denial is None or denial.sentence == "“Desk” reaches all clients, and you reach assigned ones."

    def test_reach_is_of_organizations_only(self) -> None:
        assert self.ceiling(staff("team:read"), role("desk", "team:read", reach="all")) is None

    def test_a_role_that_is_gone_is_given_by_nobody(self) -> None:
        denial = self.ceiling(actor("team:read"), asked="gone")
        gone = str(named("gone"))
        assert denial == Denial(Reason.OUT_OF_REACH, ASSIGN, "roles.role", gone, "There is no such role.")


class TestChangingARole:
    DESK = role("desk", "team:read", parent="base")
    FAMILY = family(DESK, role("base"), role("own", parent="desk"), role("apart"))

    def denied(self, by: RoleActor, of: Role, *held: str, key: str = ASSIGN) -> Denial | None:
        return access.edit_denial(by, of, self.FAMILY, key, frozenset(map(named, held)))

    def test_a_custom_role_within_the_ceiling_is_changed(self) -> None:
        assert self.denied(actor(ASSIGN, "team:read"), stored("desk"), "apart") is None

    @pytest.mark.parametrize(
        ("by", "of", "held", "expected"),
        [
            (actor("team:read"), stored("desk"), (), Reason.MISSING_PERMISSION),
            (actor(ASSIGN, "team:read", on_behalf_of_id=uuid4()), stored("desk"), (), Reason.IMPERSONATING),
            (actor(ASSIGN, "team:read"), stored("desk", organization=None, built_in=True), (), Reason.BUILT_IN),
            (actor(ASSIGN, "team:read"), stored("desk", organization=None), (), Reason.BUILT_IN),
            (actor(ASSIGN, "team:read"), stored("desk", organization=uuid4()), (), Reason.BUILT_IN),
            (actor(ASSIGN, "team:read"), stored("desk"), ("apart", "desk"), Reason.OWN_ROLE),
            (actor(ASSIGN, "team:read"), stored("desk"), ("apart", "own"), Reason.OWN_ROLE),
            (actor(ASSIGN, "team:read"), stored("base"), ("own",), Reason.OWN_ROLE),
            (actor(ASSIGN), stored("desk"), (), Reason.ABOVE_CEILING),
        ],
    )
    def test_it_is_refused_with_the_reason(
        self, by: RoleActor, of: Role, held: tuple[str, ...], expected: Reason
    ) -> None:
        denial = self.denied(by, of, *held)
        assert denial is not None and denial.reason is expected
        if expected is not Reason.MISSING_PERMISSION:
            assert (denial.key, denial.resource_type, denial.resource_id) == (ASSIGN, "roles.role", str(of.pk))

    def test_the_platform_changes_its_own_and_those_of_organizations(self) -> None:
        by = staff("roles:update", "team:read")
        for organization in (None, HERE):
            assert self.denied(by, stored("desk", organization=organization), key="roles:update") is None

    @pytest.mark.parametrize(
        ("of", "held", "sentence"),
        [
            (stored("desk", built_in=True), (), "“Desk” is built in: only a release changes it. Clone it instead."),
            (stored("desk", organization=None), (), "“Desk” is shared by the platform. Clone it instead."),
            (stored("desk"), ("desk",), "You hold “Desk” yourself. Somebody else has to change it."),
            (stored("base"), ("own",), "Your own role inherits from “Base”. Somebody else has to change it."),
        ],
    )
    def test_the_sentence_tells_what_to_do_instead(self, of: Role, held: tuple[str, ...], sentence: str) -> None:
        denial = self.denied(actor(ASSIGN, "team:read"), of, *held)
        assert denial is not None and denial.sentence == sentence


class TestActingOnPeople:
    def membership(self, priority: int = 50, user_id: Any = None) -> Membership:
        user = User(id=user_id or uuid4(), email="bob@people.example")
        return Membership(id=uuid4(), user=user, role=Role(id=uuid4(), priority=priority), organization_id=HERE)

    def test_somebody_of_equal_rank_is_in_ones_hands(self) -> None:
        assert access.target_denial(actor(ASSIGN), self.membership(50), ASSIGN) is None

    @pytest.mark.requirement("ASSIGN-4")
    def test_somebody_above_is_not(self) -> None:
        target = self.membership(51)
        denial = access.target_denial(actor(ASSIGN), target, ASSIGN)
        assert denial == Denial(
            Reason.OUTRANKED, ASSIGN, "roles.membership", str(target.pk), f"{target.user}'s role ranks above your own."
        )

    @pytest.mark.requirement("ASSIGN-3")
    def test_nobody_is_in_their_own_hands(self) -> None:
        by = actor(ASSIGN)
        target = self.membership(1, by.user_id)
        denial = access.target_denial(by, target, ASSIGN)
        sentence = "Nobody changes their own assignment."
        assert denial == Denial(Reason.SELF, ASSIGN, "roles.membership", str(target.pk), sentence)

    @pytest.mark.parametrize(
        ("by", "target", "expected"),
        [
            (actor(), 50, Reason.MISSING_PERMISSION),
            (actor(ASSIGN, on_behalf_of_id=uuid4()), 50, Reason.IMPERSONATING),
            (actor(ASSIGN), 51, Reason.OUTRANKED),
        ],
    )
    def test_acting_on_them_is_refused_with_the_reason(self, by: RoleActor, target: int, expected: Reason) -> None:
        with pytest.raises(AccessDenied) as refused:
            access.require_may_act_on(by, self.membership(target), ASSIGN)
        assert refused.value.denial.reason is expected and refused.value.denial.key == ASSIGN

    def test_acting_on_them_is_allowed_otherwise(self) -> None:
        access.require_may_act_on(actor(ASSIGN), self.membership(50), ASSIGN)

    def test_whoever_acts_for_another_hands_out_nothing(self) -> None:
        access.require_for_oneself(actor(), ASSIGN)
        with pytest.raises(AccessDenied) as refused:
            access.require_for_oneself(actor(on_behalf_of_id=uuid4()), ASSIGN)
        sentence = "Roles are not changed while acting for somebody else."
        assert refused.value.denial == Denial(Reason.IMPERSONATING, ASSIGN, "roles.role", "", sentence)


@pytest.mark.parametrize(
    ("policy_of", "of_staff", "of_members"),
    [
        (access.roles_policy, access.role_policy, access.team_role_policy),
        (access.roles_list_policy, access.role_list_policy, access.team_role_list_policy),
        (access.permissions_policy, access.permission_policy, access.team_permission_policy),
        (access.memberships_policy, access.membership_policy, access.member_policy),
        (access.assign_key, STAFF_ASSIGN, ASSIGN),
    ],
)
def test_each_scope_has_a_policy_of_its_own(
    policy_of: Any, of_staff: AccessPolicy[Any] | str, of_members: AccessPolicy[Any] | str
) -> None:
    assert (policy_of(staff()), policy_of(actor())) == (of_staff, of_members)


def keys(view: str, add: str, change: str, delete: str) -> dict[Verb, str]:
    return dict(zip(Verb, (view, add, change, delete), strict=True))


@pytest.mark.requirement("PERM-1")
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (access.role_policy, keys("roles:read", "roles:create", "roles:update", "roles:delete")),
        (access.team_role_policy, keys("team:read", ASSIGN, ASSIGN, ASSIGN)),
        (access.role_list_policy, {Verb.VIEW: "roles:list"}),
        (access.team_role_list_policy, {Verb.VIEW: "team:list"}),
        (access.role_event_policy, {Verb.VIEW: "audit:read"}),
        (access.team_role_event_policy, {Verb.VIEW: "org:audit:read"}),
        (access.permission_policy, {Verb.VIEW: "roles:list"}),
        (access.team_permission_policy, {Verb.VIEW: "team:list"}),
        (access.membership_policy, keys("roles:list", STAFF_ASSIGN, STAFF_ASSIGN, STAFF_ASSIGN)),
        (access.member_policy, keys("team:list", "team:invite", ASSIGN, "team:remove")),
    ],
)
def test_each_verb_takes_its_permission(policy: AccessPolicy[Any], expected: dict[Verb, str]) -> None:
    assert policy.keys == expected


@pytest.mark.parametrize(
    ("model", "policy"),
    [
        (Role, access.role_policy),
        (RoleEvent, access.role_event_policy),
        (Permission, access.permission_policy),
        (Membership, access.membership_policy),
    ],
)
def test_the_console_goes_by_the_policies_of_the_platform(model: Any, policy: AccessPolicy[Any]) -> None:
    assert policy_for(model) is policy


class TestApplications:
    """What concerns everybody in the organization, and what one could hand to oneself."""

    def denied(self, check: Any, *args: Any) -> Denial:
        with pytest.raises(AccessDenied) as refused:
            check(*args)
        return refused.value.denial

    def test_what_is_for_everybody_needs_the_permission_and_reach_to_everything(self) -> None:
        key = access.WRITE_APPLICATIONS
        access.require_for_everybody(actor(key), key)
        assert self.denied(access.require_for_everybody, actor(), key).reason is Reason.MISSING_PERMISSION
        for reach in (Reach.ASSIGNED, None):
            assert self.denied(access.require_for_everybody, actor(key, reach=reach), key) == Denial(
                Reason.OUT_OF_REACH, key,
                sentence="Only someone who reaches all clients does this: it is about everybody's access.",
            )  # fmt: skip

    def test_what_is_for_everybody_is_done_in_ones_own_name(self) -> None:
        key = access.WRITE_APPLICATIONS
        denial = self.denied(access.require_for_everybody, actor(key, on_behalf_of_id=uuid4()), key)
        assert (denial.reason, denial.key) == (Reason.IMPERSONATING, key)

    def test_what_held_permissions_allow_is_changed_by_who_holds_everything(self) -> None:
        held = ["app-1:read", "app-1:edit"]
        assert self.denied(access.require_may_redefine, actor("team:read"), held) == Denial(
            Reason.ABOVE_CEILING, access.WRITE_APPLICATIONS, "roles.application", "",
            "Roles hold app-1:edit, app-1:read: what it reaches is changed by someone who holds every permission here.",
        )  # fmt: skip
        access.require_may_redefine(actor("admin:*"), held)
        access.require_may_redefine(SystemActor("test", HERE), held)
        access.require_may_redefine(actor("team:read"), [])

    def test_nobody_grants_resources_to_themselves_but_who_holds_everything(self) -> None:
        ann, owner = actor(access.GRANT_RESOURCES), actor("admin:*")
        assert self.denied(access.require_may_grant_to, ann, [uuid4(), ann.user_id]) == Denial(
            Reason.SELF, access.GRANT_RESOURCES, "roles.resourcegrant", "",
            "Nobody grants a resource to themselves.",
        )  # fmt: skip
        access.require_may_grant_to(ann, [uuid4()])
        access.require_may_grant_to(owner, [owner.user_id])
