"""The permissions of an application: held by roles of its own organization only, and told wherever others are."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.db import Error, connection

from accounts.actions import IssueToken
from roles import catalogue
from roles.actions import (
    CloneRole,
    UpdateRole,
)
from roles.actors import RoleActor, effective_permissions, resolve
from roles.family import family_of
from roles.impact import impact_of_assignment, impact_of_update
from roles.inheritance import held_permissions
from roles.review import review_of_update
from tenancy.context import acting
from tenancy.errors import AccessDenied, Reason
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, on_platform
from tests.isolation.rows import rows, seen_by
from tests.roles.applications import clerk, given, keys_of, own_keys, platform_actor, register
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-3")]
REQUIREMENT = pytest.mark.requirement
OTHER = {"slug": "ledger", "name": "Ledger"}


@REQUIREMENT("PERM-4")
def test_a_role_of_the_organization_holds_them_and_passes_them_on(agency: Agency) -> None:
    application = register(agency)
    key = keys_of(application)["invoice:read"]
    role = given(agency, "desk", key)
    heir = given(agency, "heir", parent=role)
    assert own_keys(role) == {key} and key in effective_permissions(heir.pk)
    with acting(agency.actor("owner")):
        [[held]] = held_permissions(heir).values()
    assert (held.permission.name, held.permission.category, held.source.name) == (
        "Read invoices",
        "Billing desk",
        "desk",
    )


@REQUIREMENT("PERM-4")
@pytest.mark.parametrize("who", ["owner", "super-admin"])
def test_a_role_of_another_organization_never_does(agency: Agency, other_agency: Agency, who: str) -> None:
    """Threat 5, by whoever may do most."""
    own, foreign = keys_of(register(agency))["invoice:read"], keys_of(register(other_agency))["invoice:read"]
    role = RoleFactory(organization=agency.organization)
    actor = agency.actor("owner") if who == "owner" else platform_actor(make_staff("super-admin"))
    with acting(actor), pytest.raises(ValidationError, match="There is no permission"):
        UpdateRole(actor, role.pk, {"permissions": [foreign]}).execute()
    with acting(actor):
        UpdateRole(actor, role.pk, {"permissions": [own]}).execute()
    assert own_keys(role) == {own}


@REQUIREMENT("PERM-4")
def test_a_role_that_organizations_share_holds_none(agency: Agency) -> None:
    own = keys_of(register(agency))["invoice:read"]
    shared = RoleFactory(organization=None)
    actor = platform_actor(make_staff("super-admin"))
    with acting(actor), pytest.raises(ValidationError, match="There is no permission"):
        UpdateRole(actor, shared.pk, {"permissions": [own]}).execute()


def test_an_unknown_key_of_an_application_is_refused(agency: Agency) -> None:
    register(agency)
    with pytest.raises(ValidationError, match="There is no permission"):
        given(agency, "desk", "app-00000000:invoice:read")


@REQUIREMENT("PERM-4")
@REQUIREMENT("CLI-5")
@pytest.mark.parametrize("place", ["another organization", "no organization"])
def test_the_database_refuses_them_elsewhere(agency: Agency, other_agency: Agency, place: str) -> None:
    """Threat 5, by raw SQL: a role of another organization, or of none, cannot hold the key."""
    key = keys_of(register(agency))["invoice:read"]
    foreign = RoleFactory(organization=None if place == "no organization" else other_agency.organization)
    own = RoleFactory(organization=agency.organization)
    insert = "INSERT INTO roles_rolepermission (role_id, permission_id) VALUES (%s, %s)"
    with on_platform(), connection.cursor() as cursor:
        cursor.execute(insert, [own.pk, key])
    with pytest.raises(Error, match="none of another organization"), on_platform(), connection.cursor() as cursor:
        cursor.execute(insert, [foreign.pk, key])


@REQUIREMENT("CLI-5")
def test_a_foreign_key_is_answered_by_the_database_as_one_that_does_not_exist(
    agency: Agency, other_agency: Agency
) -> None:
    foreign = keys_of(register(other_agency))["invoice:read"]
    role = RoleFactory(organization=agency.organization)
    told = []
    for key in (foreign, "app-00000000:invoice:read"):
        with seen_by(agency.actor("owner")) as cursor, pytest.raises(Error) as refused:
            cursor.execute("INSERT INTO roles_rolepermission (role_id, permission_id) VALUES (%s, %s)", [role.pk, key])
        told.append(str(refused.value).splitlines()[0])
    assert told[0] == told[1]


@REQUIREMENT("CLI-5")
def test_an_organization_sees_the_catalogue_and_its_own_keys(agency: Agency, other_agency: Agency) -> None:
    own = set(keys_of(register(agency)).values())
    register(other_agency)
    with seen_by(agency.actor("viewer")) as cursor:
        assert {row["key"] for row in rows(cursor, "roles_permission")} == own | catalogue.entries().keys()


@REQUIREMENT("CLI-5")
def test_nobody_forges_a_key_of_the_catalogue(agency: Agency) -> None:
    insert = (
        "INSERT INTO roles_permission (key, name, scope, category, position, organization_id)"
        " VALUES (%s, 'x', 'TENANT', 'x', 1, %s)"
    )
    organization = agency.organization.pk
    with seen_by(agency.actor("owner")) as cursor:
        cursor.execute(insert, ["app-00000000:a:b", organization])
    for key, place in (("clients:teleport", organization), ("app-00000000:a:b", None), ("clients:teleport", None)):
        with seen_by(agency.actor("owner")) as cursor, pytest.raises(Error, match="row-level|violates check"):
            cursor.execute(insert, [key, place])


@REQUIREMENT("ASSIGN-2")
def test_nobody_grants_a_permission_of_an_application_that_they_lack(agency: Agency) -> None:
    application = register(agency)
    read, update = keys_of(application)["invoice:read"], keys_of(application)["invoice:update"]
    actor = clerk(agency, "team:read", "team:list", "team:roles:assign", read)
    spare = RoleFactory(organization=agency.organization, priority=1)
    with acting(actor), pytest.raises(AccessDenied) as denied:
        UpdateRole(actor, spare.pk, {"permissions": [update]}).execute()
    assert denied.value.denial.reason is Reason.ABOVE_CEILING
    with acting(actor):
        UpdateRole(actor, spare.pk, {"permissions": [read]}).execute()
    assert own_keys(spare) == {read}


@REQUIREMENT("ASSIGN-2")
def test_a_wildcard_covers_every_application_and_is_not_given_for_one(agency: Agency) -> None:
    read = keys_of(register(agency))["invoice:read"]
    assert agency.actor("owner").has(read)
    assert not agency.actor("admin").has(read)
    assert not agency.actor("owner").has("app-none:invoice:read")


@REQUIREMENT("ORG-6")
def test_a_token_may_be_narrowed_to_them(agency: Agency) -> None:
    key = keys_of(register(agency))["invoice:read"]
    unheld = keys_of(register(agency, **OTHER))["invoice:read"]
    actor = clerk(agency, "org:api-keys:read", "org:api-keys:write", key)
    with acting(actor):
        token, _ = IssueToken(actor, "Desk", permissions=[key]).execute()
        with pytest.raises(ValidationError, match="does not hold"):
            IssueToken(actor, "Desk", permissions=[unheld]).execute()
    assert token.permissions == [key]


@REQUIREMENT("ORG-6")
def test_so_may_the_token_of_an_owner_who_has_them_by_a_wildcard(agency: Agency) -> None:
    application = register(agency)
    read, update = keys_of(application)["invoice:read"], keys_of(application)["invoice:update"]
    with acting(agency.actor("owner")) as entered:
        token, _ = IssueToken(entered.actor, "Desk", permissions=[read, "clients:read"]).execute()
        with pytest.raises(ValidationError, match="does not hold"):
            IssueToken(entered.actor, "Desk", permissions=["app-00000000:invoice:read"]).execute()
    actor = resolve(agency.owner.pk, credential=token.credential_id, organization_id=agency.organization.pk)
    assert isinstance(actor, RoleActor)
    assert actor.has(read) and actor.has("clients:read")
    assert not actor.has(update) and not actor.has("clients:write") and not actor.has("admin:*")


def test_what_two_have_in_common_is_what_each_covers() -> None:
    key, wildcard = "app-00000001:invoice:read", frozenset({"admin:*", "clients:read"})
    assert catalogue.common(wildcard, frozenset({key})) == catalogue.common(frozenset({key}), wildcard) == {key}
    assert catalogue.common(frozenset({key}), frozenset({"clients:read"})) == frozenset()
    assert catalogue.common(wildcard, wildcard) == wildcard


@REQUIREMENT("PDP-5")
def test_an_edit_is_reviewed_with_the_permissions_of_applications(agency: Agency) -> None:
    application = register(agency, actions=[{"resource_type": "invoice", "action": "delete", "reach": "all"}])
    key = f"app-{str(application.pk)[-8:]}:invoice:delete"
    role = given(agency, "desk")
    MembershipFactory(user=UserFactory(), organization=agency.organization, role=role)
    with acting(agency.actor("owner")) as entered:
        review = review_of_update(entered.actor, role, {"permissions": [key]})
        impact = impact_of_update(entered.actor, role.pk, {"permissions": [key]})
        categories, dangerous = review.difference.categories, review.dangerous
    assert [(one.name, [change.entry.key for change in one.added]) for one in categories] == [("Billing desk", [key])]
    assert [entry.key for entry in dangerous] == [key]
    assert impact.gained == {key} and impact.people == 1


@REQUIREMENT("PDP-5")
def test_who_becomes_owner_gains_every_application_and_loses_none(agency: Agency) -> None:
    application = register(agency)
    key = keys_of(application)["invoice:read"]
    role, user = given(agency, "desk", key), UserFactory()
    MembershipFactory(user=user, organization=agency.organization, role=role)
    with acting(agency.actor("owner")) as entered:
        impact = impact_of_assignment(entered.actor, [user.pk], built_in("org-owner"))
    assert not impact.lost
    assert impact.gained >= {keys_of(application)["invoice:update"], catalogue.ADMIN} and key not in impact.gained
    actor = platform_actor(make_staff("super-admin"))
    with acting(actor):
        assert not impact_of_assignment(actor, [user.pk], built_in("org-owner"), agency.organization.pk).lost


@REQUIREMENT("ROLE-6")
def test_a_clone_holds_them_too(agency: Agency) -> None:
    key = keys_of(register(agency))["invoice:read"]
    role = given(agency, "desk", key)
    with acting(agency.actor("owner")) as entered:
        clone = CloneRole(entered.actor, role.pk).execute()
        assert key in family_of(clone.pk).effective(clone.pk)
