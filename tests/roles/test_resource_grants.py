"""Resources of an application that are granted to people one by one."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import Error

from roles.actions import GrantResources, RevokeResources, UpdateApplication
from roles.models import ResourceGrant
from tenancy.context import acting
from tenancy.errors import AccessDenied, NotVisible, Reason
from tests.factories import MembershipFactory, inside, on_platform
from tests.isolation.rows import rows, seen_by
from tests.roles.applications import BILLING, grant, register
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-3")]
REQUIREMENT = pytest.mark.requirement


def test_resources_are_granted_many_to_many_and_taken_back(agency: Agency) -> None:
    application = register(agency)
    people = [agency.member.pk, agency.viewer.pk]
    grant(agency, application, "member", "i-1")
    with acting(agency.actor("manager")) as entered:
        made = GrantResources(entered.actor, application.pk, "invoice", ["i-1", "i-2"], people).execute()
        assert (made.new, made.unchanged) == (3, 1)
        assert RevokeResources(entered.actor, application.pk, "invoice", ["i-1", "i-9"], people).execute() == 2
        assert set(ResourceGrant.objects.values_list("resource_id", flat=True)) == {"i-2"}


@pytest.mark.parametrize(
    ("resource_type", "ids", "told"),
    [
        ("ledger", ["i-1"], "no resources of this type. Known are: invoice, report."),
        ("report", ["r-1"], "No action on “report” asks for a grant"),
        ("invoice", [], "Name 1 to"),
        ("invoice", [""], "1 to 200 characters"),
        ("invoice", ["x" * 201], "1 to 200 characters"),
        ("invoice", ["i\x00"], "control character"),
    ],
)
def test_what_cannot_be_granted_is_told(agency: Agency, resource_type: str, ids: list[str], told: str) -> None:
    application = register(agency)
    with acting(agency.actor("owner")) as entered:
        with pytest.raises(ValidationError, match=told):
            GrantResources(entered.actor, application.pk, resource_type, ids, [agency.member.pk]).execute()
        assert GrantResources(entered.actor, application.pk, "invoice", ["i-1"], [agency.member.pk]).execute().new == 1


def test_nothing_is_granted_to_somebody_of_another_organization(agency: Agency, other_agency: Agency) -> None:
    application = register(agency)
    with acting(agency.actor("owner")) as entered:
        for people in ([other_agency.member.pk], [agency.member.pk, other_agency.member.pk], [UUID(int=1)]):
            with pytest.raises(NotVisible):
                GrantResources(entered.actor, application.pk, "invoice", ["i-1"], people).execute()
        assert not ResourceGrant.objects.exists()


def test_a_grant_stays_and_is_taken_back_when_no_action_asks_for_one_any_more(agency: Agency) -> None:
    application = register(agency)
    grant(agency, application, "member", "i-1", "i-2")
    wider = [BILLING["actions"][0], {**BILLING["actions"][1], "reach": "all"}, BILLING["actions"][2]]
    about = (application.pk, "invoice", ["i-1"], [agency.member.pk])
    with acting(agency.actor("owner")) as entered:
        UpdateApplication(entered.actor, application.pk, {"actions": wider}).execute()
        with pytest.raises(ValidationError) as refused:
            GrantResources(entered.actor, *about).execute()
        assert RevokeResources(entered.actor, *about).execute() == 1
        assert [one.resource_id for one in ResourceGrant.objects.all()] == ["i-2"]
    assert refused.value.message_dict == {
        "resource_type": [
            "No action on “invoice” asks for a grant: it would permit nothing. "
            "First let one of its actions reach “assigned”."
        ]
    }


@REQUIREMENT("PDP-1")
@pytest.mark.parametrize(("who", "may"), [("manager", True), ("member", False), ("viewer", False)])
def test_resources_are_granted_by_permission_and_with_reach_to_everything(agency: Agency, who: str, may: bool) -> None:
    application = register(agency)
    with acting(agency.actor(who)) as entered:
        verb = GrantResources(entered.actor, application.pk, "invoice", ["i-1"], [agency.admin.pk])
        if may:
            assert verb.execute().new == 1
            return
        with pytest.raises(AccessDenied):
            verb.execute()


@REQUIREMENT("ASSIGN-3")
def test_nobody_grants_a_resource_to_themselves_but_who_has_all(agency: Agency) -> None:
    application = register(agency)
    for who, may in (("manager", False), ("owner", True)):
        with acting(agency.actor(who)) as entered:
            people = [agency.people[who].pk, agency.member.pk]
            verb = GrantResources(entered.actor, application.pk, "invoice", ["i-1"], people)
            if may:
                assert verb.execute().new == 2
                continue
            with pytest.raises(AccessDenied) as denied:
                verb.execute()
            assert denied.value.denial.reason is Reason.SELF


@REQUIREMENT("CLI-5")
def test_with_assigned_reach_one_sees_ones_own_grants_and_changes_none(agency: Agency) -> None:
    application = register(agency)
    grant(agency, application, "member", "i-1")
    grant(agency, application, "viewer", "i-2")
    with seen_by(agency.actor("member")) as cursor:
        assert [row["resource_id"] for row in rows(cursor, "roles_resourcegrant")] == ["i-1"]
    for verb in ("DELETE FROM roles_resourcegrant", "UPDATE roles_resourcegrant SET resource_id = 'i-2'"):
        with seen_by(agency.actor("member")) as cursor, pytest.raises(Error, match="permission denied"):
            cursor.execute(verb)


def test_grants_end_with_the_membership(agency: Agency) -> None:
    """Threat 15: whoever comes back begins with none."""
    application = register(agency)
    grant(agency, application, "member", "i-1")
    with on_platform():
        membership = agency.member.memberships.get()
        role = membership.role
        membership.delete()
    MembershipFactory(user=agency.member, organization=agency.organization, role=role)
    with inside(agency.organization):
        assert not ResourceGrant.objects.exists()
