"""Applications that an organization registers, changes and deletes."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import Error

from audit.models import AccessRecord, ModelChange
from roles import catalogue
from roles.actions import (
    DeleteApplication,
    GrantResources,
    RegisterApplication,
    RestoreRole,
    RevokeResources,
    UpdateApplication,
)
from roles.actions.applications import Preview, Removal, Touched, preview_change
from roles.applications import MOST_ACTIONS, MOST_APPLICATIONS
from roles.models import Application, Permission, ResourceGrant, RoleEvent
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, NotVisible, Reason, StaleVersion
from tests.factories import MembershipFactory, RoleFactory, UserFactory, inside, on_platform
from tests.isolation.rows import seen_by
from tests.roles.applications import BILLING, clerk, given, grant, keys_of, own_keys, register
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-3")]
REQUIREMENT = pytest.mark.requirement


def test_each_action_becomes_a_permission_in_a_category_of_the_application(agency: Agency) -> None:
    application = register(agency)
    with inside(agency.organization):
        found = Permission.objects.filter(organization=agency.organization)
        assert {one.key: (one.name, one.category, one.scope) for one in found} == {
            keys_of(application)["invoice:read"]: ("Read invoices", "Billing desk", "TENANT"),
            keys_of(application)["invoice:update"]: ("Update invoices", "Billing desk", "TENANT"),
            keys_of(application)["report:update"]: ("Update report", "Billing desk", "TENANT"),
        }


def test_a_key_tells_nothing_of_its_organization(agency: Agency, other_agency: Agency) -> None:
    ours, theirs = register(agency), register(other_agency)
    assert not set(keys_of(ours).values()) & set(keys_of(theirs).values())
    assert all(catalogue.is_application_key(key) for key in keys_of(ours).values())
    assert not catalogue.is_application_key("clients:read")


@pytest.mark.parametrize(
    ("values", "field", "told"),
    [
        ({"slug": "Billing"}, "slug", "small letters"),
        ({"slug": "a:b"}, "slug", "small letters"),
        ({"slug": ""}, "slug", "blank"),
        ({"name": " "}, "name", "blank"),
        ({"name": "x" * 51}, "name", "50"),
        ({"name": "Desk\u202e"}, "name", "invisible"),
        ({"name": "client workspace"}, "name", "catalogue"),
        ({"description": "x" * 501}, "description", "500"),
        (
            {"actions": [{"resource_type": "a:b", "action": "read", "reach": "all"}]},
            "actions",
            "Action 1: resource type",
        ),
        ({"actions": [{"resource_type": "a", "action": "", "reach": "all"}]}, "actions", "Action 1: action"),
        ({"actions": [{"resource_type": "a", "action": "read", "reach": "most"}]}, "actions", "all, assigned, own"),
        ({"actions": [{"resource_type": "a", "action": "read", "reach": "own"}]}, "actions", "Name the property"),
        (
            {"actions": [{"resource_type": "a", "action": "read", "reach": "all", "owner_property": "by"}]},
            "actions",
            "Only an action on one's own",
        ),
        ({"actions": [{"resource_type": "a", "action": "read", "reach": "all"}] * 2}, "actions", "Action 2: “a:read”"),
        ({"actions": [{"resource_type": "a", "action": "read", "reach": "all", "by": "x"}]}, "actions", "“by”"),
        (
            {"actions": [{"resource_type": "a", "action": f"a{n}", "reach": "all"} for n in range(MOST_ACTIONS + 1)]},
            "actions",
            "at most 50",
        ),
    ],
)
def test_what_cannot_be_is_refused_by_field(agency: Agency, values: dict[str, Any], field: str, told: str) -> None:
    with pytest.raises(ValidationError) as refused:
        register(agency, **values)
    assert told in str(refused.value.message_dict[field])
    assert register(agency).slug == "billing"


def test_an_organization_has_no_two_applications_of_one_slug_or_name(agency: Agency, other_agency: Agency) -> None:
    register(agency)
    with pytest.raises(ValidationError, match="slug already"):
        register(agency, name="Other desk")
    with pytest.raises(ValidationError, match="name already"):
        register(agency, slug="other", name="BILLING desk")
    assert register(other_agency).slug == "billing"


def test_an_organization_has_so_many_applications_and_no_more(agency: Agency) -> None:
    for number in range(MOST_APPLICATIONS):
        register(agency, slug=f"desk-{number}", name=f"Desk {number}", actions=[])
    with pytest.raises(ActionRefused, match="at most 20"):
        register(agency)


@REQUIREMENT("PDP-1")
@pytest.mark.parametrize(
    ("keys", "reach", "may"),
    [
        (("org:integrations:read", "org:integrations:write"), "all", True),
        (("org:integrations:read",), "all", False),
        (("org:integrations:read", "org:integrations:write"), "assigned", False),
        (("team:update", "team:read"), "all", False),
    ],
)
def test_applications_are_registered_by_permission_and_with_reach_to_everything(
    agency: Agency, keys: tuple[str, ...], reach: str, may: bool
) -> None:
    actor = clerk(agency, *keys, reach=reach)
    with acting(actor):
        if may:
            assert RegisterApplication(actor, BILLING).execute().version == 1
            return
        with pytest.raises(AccessDenied):
            RegisterApplication(actor, BILLING).execute()


@REQUIREMENT("AUD-2")
@REQUIREMENT("AUD-3")
def test_an_application_is_recorded_with_its_actions(agency: Agency) -> None:
    application = register(agency)
    with on_platform():
        told = ModelChange.objects.filter(organization_id=agency.organization.pk, actor_id=agency.owner.pk)
        names = sorted(told.values_list("content_type__model", flat=True))
        record = AccessRecord.objects.get(operation="register_application")
    assert names == ["application", *["applicationaction"] * 3]
    assert (record.resource_id, record.detail["added"]) == (
        str(application.pk),
        ["invoice:read", "invoice:update", "report:update"],
    )


def test_a_new_name_and_new_actions_are_told_in_the_permissions(agency: Agency) -> None:
    application = register(agency)
    actions = [{**BILLING["actions"][0], "name": "See invoices"}, *BILLING["actions"][1:]]
    actions.append({"resource_type": "invoice", "action": "void", "reach": "all"})
    with acting(agency.actor("owner")) as entered:
        changed = UpdateApplication(entered.actor, application.pk, {"name": "Ledger", "actions": actions}, 1).execute()
        found = dict(Permission.objects.filter(category="Ledger").values_list("key", "name"))
    assert changed.version == 2
    assert len(found) == 4 and found[keys_of(application)["invoice:read"]] == "See invoices"


def test_what_differs_in_nothing_is_not_saved(agency: Agency) -> None:
    application = register(agency)
    with acting(agency.actor("owner")) as entered:
        assert UpdateApplication(entered.actor, application.pk, BILLING).execute().version == 1


def test_a_stale_edit_is_not_made(agency: Agency) -> None:
    application = register(agency)
    with acting(agency.actor("owner")) as entered:
        UpdateApplication(entered.actor, application.pk, {"name": "Ledger"}, 1).execute()
        for verb in (UpdateApplication(entered.actor, application.pk, {"name": "Desk"}, 1), None):
            with pytest.raises(StaleVersion) as stale:
                (verb or DeleteApplication(entered.actor, application.pk, 1)).execute()
            assert stale.value.stored.name == "Ledger"


def test_an_application_keeps_its_slug(agency: Agency) -> None:
    """Outside services ask by it: one that took over another's would be asked about what is the other's."""
    application = register(agency)
    with acting(agency.actor("owner")) as entered, pytest.raises(ValidationError, match="keeps its slug"):
        UpdateApplication(entered.actor, application.pk, {"slug": "ledger"}).execute()
    with seen_by(agency.actor("owner")) as cursor, pytest.raises(Error, match="keeps its"):
        cursor.execute("UPDATE roles_application SET slug = 'ledger'")


@REQUIREMENT("AUD-1")
def test_a_removed_action_goes_from_the_roles_that_hold_it_and_their_history_tells(agency: Agency) -> None:
    application = register(agency)
    read, update = keys_of(application)["invoice:read"], keys_of(application)["invoice:update"]
    role = given(agency, "desk", read, update, "clients:read", "notes:read")
    grant(agency, application, "member", "i-1")
    left = [one for one in BILLING["actions"] if one["action"] != "update"]
    with acting(agency.actor("owner")) as entered:
        UpdateApplication(entered.actor, application.pk, {"actions": left}).execute()
        role.refresh_from_db()
        event = RoleEvent.objects.filter(role_id=role.pk).latest("id")
    assert own_keys(role) == {read, "clients:read", "notes:read"}
    assert (event.kind, role.version) == ("PERMISSIONS_CHANGED", 2)
    assert f"removed {update}" in event.sentence


def test_what_would_go_is_counted_before(agency: Agency) -> None:
    application = register(agency)
    role = given(agency, "desk", keys_of(application)["invoice:read"])
    MembershipFactory(user=UserFactory(), organization=agency.organization, role=role)
    grant(agency, application, "member", "i-1", "i-2")
    with acting(agency.actor("owner")) as entered:
        whole, nobody = BILLING["actions"], Touched(0, 0)
        # The person of the role, and the owner, who has all there is.
        assert preview_change(entered.actor, application.pk) == Preview(Removal(roles=1, people=2, grants=2), nobody)
        assert preview_change(entered.actor, application.pk, whole) == Preview(Removal(0, 0, 0), nobody)
        assert preview_change(entered.actor, application.pk, whole[1:]) == Preview(Removal(1, 2, 0), nobody)


@pytest.mark.parametrize(
    ("number", "values", "roles", "people"),
    [
        (0, {"reach": "assigned"}, 1, 2),
        (0, {"reach": "own", "owner_property": "author"}, 1, 2),
        (0, {"name": "See invoices"}, 0, 0),
        (1, {"reach": "all"}, 0, 1),
        (2, {"owner_property": "editor"}, 1, 2),
        (2, {"reach": "all", "owner_property": ""}, 1, 2),
    ],
)
def test_whom_a_change_of_reach_or_of_the_owner_concerns_is_counted_before(
    agency: Agency, number: int, values: dict[str, str], roles: int, people: int
) -> None:
    application = register(agency)
    clerk(agency, *(keys_of(application)[one] for one in ("invoice:read", "report:update")))
    grant(agency, application, "member", "i-1")
    actions = [one | values if place == number else one for place, one in enumerate(BILLING["actions"])]
    with acting(agency.actor("owner")) as entered:
        told = preview_change(entered.actor, application.pk, actions)
        assert told == Preview(Removal(0, 0, 0), Touched(roles, people))


def test_what_goes_and_what_is_redefined_are_counted_apart(agency: Agency) -> None:
    application = register(agency)
    keys = keys_of(application)
    given(agency, "desk", keys["invoice:read"], keys["report:update"])
    clerk(agency, keys["invoice:read"])
    actions = [{**BILLING["actions"][0], "reach": "assigned"}, BILLING["actions"][1]]
    with acting(agency.actor("owner")) as entered:
        told = preview_change(entered.actor, application.pk, actions)
    assert told == Preview(Removal(roles=1, people=1, grants=0), Touched(roles=2, people=2))


@REQUIREMENT("ROLE-8")
def test_people_are_counted_who_inherit_what_goes_and_none_whose_role_is_switched_off(agency: Agency) -> None:
    application = register(agency)
    parent = given(agency, "desk", keys_of(application)["invoice:read"])
    clerk(agency, "clients:read", parent=parent)
    off = RoleFactory(organization=agency.organization, keys=(keys_of(application)["invoice:read"],), is_active=False)
    MembershipFactory(user=UserFactory(), organization=agency.organization, role=off)
    narrower = [{**BILLING["actions"][0], "reach": "assigned"}, *BILLING["actions"][1:]]
    with acting(agency.actor("owner")) as entered:
        assert preview_change(entered.actor, application.pk).removal == Removal(roles=2, people=2, grants=0)
        assert preview_change(entered.actor, application.pk, narrower).redefined == Touched(roles=2, people=2)


@REQUIREMENT("AUD-2")
def test_the_record_tells_as_much_of_what_went_as_was_told_before(agency: Agency) -> None:
    application = register(agency)
    clerk(agency, *keys_of(application).values())
    grant(agency, application, "member", "i-1")
    with acting(agency.actor("owner")) as entered:
        told = preview_change(entered.actor, application.pk, BILLING["actions"][2:]).removal
        UpdateApplication(entered.actor, application.pk, {"actions": BILLING["actions"][2:]}).execute()
    with on_platform():
        detail = AccessRecord.objects.get(operation="update_application").detail
    assert told == Removal(roles=1, people=2, grants=1)
    assert {name: detail[name] for name in told._fields} == told._asdict()


def test_who_does_not_see_all_grants_is_not_told_how_many_would_go(agency: Agency) -> None:
    application = register(agency)
    grant(agency, application, "member", "i-1", "i-2")
    actor = clerk(agency, "org:integrations:read", "org:integrations:write", reach="assigned")
    with acting(actor), pytest.raises(AccessDenied):
        preview_change(actor, application.pk)


@REQUIREMENT("ASSIGN-2")
def test_a_permission_that_came_again_is_not_restored_with_the_state_of_a_role(agency: Agency) -> None:
    """Threat 3: removed and made again it may reach more, and whoever restores the role does not see that."""
    application = register(agency)
    keys = keys_of(application)
    role = given(agency, "strong", keys["report:update"], keys["invoice:read"], "clients:read")
    with inside(agency.organization):
        made = RoleEvent.objects.filter(role_id=role.pk).earliest("at")
    actor = clerk(agency, "org:integrations:read", "org:integrations:write", priority=5)
    wider = [*BILLING["actions"][:2], {"resource_type": "report", "action": "update", "reach": "all"}]
    with acting(actor):
        UpdateApplication(actor, application.pk, {"actions": BILLING["actions"][:2]}).execute()
        UpdateApplication(actor, application.pk, {"actions": wider}).execute()
    with acting(agency.actor("owner")) as entered:
        RestoreRole(entered.actor, role.pk, made.pk).execute()
        assert own_keys(role) == {keys["invoice:read"], "clients:read"}
        DeleteApplication(entered.actor, application.pk).execute()
        RestoreRole(entered.actor, role.pk, made.pk).execute()
        assert own_keys(role) == {"clients:read"}


def test_grants_end_with_the_last_action_on_their_type(agency: Agency) -> None:
    """Threat 15: a type that comes again begins with no grants."""
    application = register(agency)
    grant(agency, application, "member", "i-1")
    with acting(agency.actor("owner")) as entered:
        UpdateApplication(entered.actor, application.pk, {"actions": BILLING["actions"][2:]}).execute()
        UpdateApplication(entered.actor, application.pk, {"actions": BILLING["actions"]}).execute()
        assert not ResourceGrant.objects.exists()


@REQUIREMENT("ASSIGN-2")
def test_what_a_held_permission_reaches_is_changed_by_who_has_all_only(agency: Agency) -> None:
    """Threat 3: whoever keeps the applications does not widen what they hold themselves."""
    application = register(agency)
    update = keys_of(application)["report:update"]
    actor = clerk(agency, "org:integrations:read", "org:integrations:write", update)
    wider = {"actions": [*BILLING["actions"][:2], {"resource_type": "report", "action": "update", "reach": "all"}]}
    with acting(actor), pytest.raises(AccessDenied) as denied:
        UpdateApplication(actor, application.pk, wider).execute()
    assert denied.value.denial.reason is Reason.ABOVE_CEILING
    other = {"actions": [{**BILLING["actions"][0], "reach": "assigned"}, *BILLING["actions"][1:]]}
    with acting(actor):
        assert UpdateApplication(actor, application.pk, other).execute().version == 2
    with acting(agency.actor("owner")) as entered:
        assert UpdateApplication(entered.actor, application.pk, wider).execute().version == 3


def test_a_deleted_application_takes_its_permissions_along(agency: Agency) -> None:
    application = register(agency)
    role = given(agency, "desk", *keys_of(application).values())
    grant(agency, application, "member", "i-1")
    with acting(agency.actor("owner")) as entered:
        DeleteApplication(entered.actor, application.pk, 1).execute()
        assert not Application.objects.exists() and not ResourceGrant.objects.exists()
        assert not Permission.objects.filter(organization=agency.organization).exists()
    assert own_keys(role) == set()
    again = register(agency)
    assert not set(keys_of(again).values()) & set(keys_of(application).values())


def test_an_application_of_another_organization_is_not_there(agency: Agency, other_agency: Agency) -> None:
    foreign = register(other_agency)
    with acting(agency.actor("owner")) as entered:
        verbs = (
            UpdateApplication(entered.actor, foreign.pk, {"name": "Ours"}),
            DeleteApplication(entered.actor, foreign.pk),
            GrantResources(entered.actor, foreign.pk, "invoice", ["i-1"], [agency.member.pk]),
            RevokeResources(entered.actor, foreign.pk, "invoice", ["i-1"], [agency.member.pk]),
        )
        for verb in verbs:
            with pytest.raises(NotVisible):
                verb.execute()
