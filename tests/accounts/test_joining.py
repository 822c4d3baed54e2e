from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.actions import AcceptInvitation, InvitationClosed, ResendInvitation, RevokeInvitation, open_offer
from accounts.models import Invitation, User
from audit.models import AccessRecord
from roles.models import Membership, Permission
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, Reason
from tests.accounts.conftest import token_in
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, inside, on_platform
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ORG-3")]

PASSWORD = "a long enough passphrase"
NOT_OFFERED = "may not offer this role any more"


def accept(agency: Agency, token: str, **values: Any) -> Membership:
    given = {"name": "Ada Lark", "password": PASSWORD} | values
    return AcceptInvitation(agency.slug, token, **given).execute()


def test_a_new_person_gets_an_account_and_access_at_once(agency: Agency, invite: Any, browse: Any) -> None:
    [(_, token)] = invite(agency, "admin", "ada@new.example")
    membership = accept(agency, token)
    assert (membership.role.name, membership.user.name) == ("org-member", "Ada Lark")
    assert authenticate(email="ada@new.example", password=PASSWORD) == membership.user
    assert browse(membership.user).get(f"/api/orgs/{agency.slug}/me/").status_code == 200


def test_the_link_proves_the_address(agency: Agency, invite: Any) -> None:
    [(_, token)] = invite(agency, "admin", "ada@new.example")
    user = accept(agency, token).user
    assert EmailAddress.objects.get(user=user).verified


def test_the_newcomer_works_for_exactly_the_clients_offered(agency: Agency, invite: Any) -> None:
    [(_, token)] = invite(agency, "admin", "ada@new.example", clients=agency.clients[:2])
    agency.people["ada"] = accept(agency, token).user
    from clients.access import clients_in_reach

    actor = agency.actor("ada")
    with acting(actor):
        assert set(clients_in_reach(actor)) == set(agency.clients[:2])


def test_a_client_that_the_inviter_no_longer_reaches_is_not_assigned(agency: Agency, invite: Any) -> None:
    from clients.access import clients_in_reach
    from clients.models import ClientGrant

    keys = ("team:invite", "clients:read", "clients:write")
    recruiter = RoleFactory(organization=agency.organization, priority=60, reach="assigned", keys=keys)
    offered = RoleFactory(organization=agency.organization, priority=10, reach="assigned", keys=("clients:read",))
    with on_platform():
        Membership.objects.filter(user=agency.member).update(role=recruiter)
    [(_, token)] = invite(agency, "member", "ada@new.example", role=offered, clients=agency.clients[:1])
    with inside(agency.organization):
        ClientGrant.objects.filter(user=agency.member).delete()
    agency.people["ada"] = accept(agency, token).user
    actor = agency.actor("ada")
    with acting(actor):
        assert not clients_in_reach(actor).exists()


def test_the_time_from_invitation_to_first_access_is_recorded(agency: Agency, invite: Any) -> None:
    [(invitation, token)] = invite(agency, "admin", "ada@new.example")
    with inside(agency.organization):
        Invitation.objects.update(created_at=timezone.now() - timedelta(minutes=8))
    membership = accept(agency, token)
    with inside(agency.organization):
        invitation.refresh_from_db()
        record = AccessRecord.objects.get(operation="accept_invitation")
    assert invitation.accepted_at == invitation.first_access_at
    assert 480 <= record.detail["seconds_from_invitation"] <= 490
    assert (record.actor_id, record.resource_id) == (membership.user_id, str(membership.pk))


def test_an_existing_person_accepts_as_themselves(agency: Agency, invite: Any) -> None:
    person = UserFactory(email="ada@known.example")
    [(_, token)] = invite(agency, "admin", "ada@known.example")
    assert accept(agency, token, user=person).user == person


def test_an_existing_person_signs_in_first(agency: Agency, invite: Any) -> None:
    person = UserFactory(email="ada@known.example")
    [(_, token)] = invite(agency, "admin", "ada@known.example")
    with pytest.raises(AccessDenied) as denied:
        accept(agency, token)
    assert denied.value.denial.reason is Reason.NOT_SIGNED_IN
    assert accept(agency, token, user=person)


def test_nobody_accepts_for_another_address(agency: Agency, invite: Any) -> None:
    [(_, token)] = invite(agency, "admin", "ada@new.example")
    with pytest.raises(AccessDenied, match="for another address"):
        accept(agency, token, user=UserFactory(email="eve@known.example"))
    assert accept(agency, token)


def test_a_link_works_once(agency: Agency, invite: Any) -> None:
    [(_, token)] = invite(agency, "admin", "ada@new.example")
    person = accept(agency, token).user
    with pytest.raises(InvitationClosed):
        accept(agency, token, user=person)


def test_a_link_works_for_its_own_organization_only(agency: Agency, other_agency: Agency, invite: Any) -> None:
    [(_, token)] = invite(agency, "admin", "ada@new.example")
    with pytest.raises(InvitationClosed):
        accept(other_agency, token)
    assert accept(agency, token).organization_id == agency.organization.pk


def test_a_link_expires(agency: Agency, invite: Any) -> None:
    [(_, token)] = invite(agency, "admin", "ada@new.example")
    [(_, other)] = invite(agency, "admin", "bo@new.example")
    with inside(agency.organization):
        Invitation.objects.filter(email="ada@new.example").update(expires_at=timezone.now())
    with pytest.raises(InvitationClosed):
        accept(agency, token)
    assert accept(agency, other)


def test_a_revoked_link_is_dead(agency: Agency, invite: Any) -> None:
    [(invitation, token)] = invite(agency, "admin", "ada@new.example")
    assert open_offer(agency.slug, token).email == "ada@new.example"
    actor = agency.actor("admin")
    with acting(actor):
        RevokeInvitation(actor, invitation.pk).execute()
    with pytest.raises(InvitationClosed):
        accept(agency, token)


def test_the_old_link_dies_when_a_new_one_is_sent(
    agency: Agency, invite: Any, django_capture_on_commit_callbacks: Any, mailoutbox: Any
) -> None:
    [(invitation, old)] = invite(agency, "admin", "ada@new.example")
    actor = agency.actor("admin")
    with django_capture_on_commit_callbacks(execute=True), acting(actor):
        ResendInvitation(actor, invitation.pk).execute()
    with pytest.raises(InvitationClosed):
        accept(agency, old)
    assert accept(agency, token_in(mailoutbox[-1]))


def demote(agency: Agency) -> None:
    Membership.objects.filter(user=agency.admin).update(role=built_in("org-viewer"))


def remove(agency: Agency) -> None:
    Membership.objects.filter(user=agency.admin).delete()


def ban(agency: Agency) -> None:
    User.objects.filter(pk=agency.admin.pk).update(is_active=False, banned_at=timezone.now())


@pytest.mark.parametrize("loss", [demote, remove, ban])
def test_an_invitation_ends_with_the_right_of_whoever_sent_it(agency: Agency, invite: Any, loss: Any) -> None:
    [(_, kept)] = invite(agency, "owner", "kept@new.example")
    [(_, token)] = invite(agency, "admin", "ada@new.example")
    with on_platform():
        loss(agency)
    with pytest.raises(AccessDenied, match=NOT_OFFERED):
        accept(agency, token)
    assert accept(agency, kept)


def test_an_owner_who_resends_it_stands_behind_it(
    agency: Agency, invite: Any, django_capture_on_commit_callbacks: Any, mailoutbox: Any
) -> None:
    [(invitation, _)] = invite(agency, "admin", "ada@new.example")
    with on_platform():
        remove(agency)
    actor = agency.actor("owner")
    with django_capture_on_commit_callbacks(execute=True), acting(actor):
        ResendInvitation(actor, invitation.pk).execute()
    assert accept(agency, token_in(mailoutbox[-1])).assigned_by_id == agency.owner.pk


def test_a_role_edited_above_the_inviter_meanwhile_is_not_given(agency: Agency, invite: Any) -> None:
    role = RoleFactory(organization=agency.organization, priority=10, keys=("clients:read",))
    [(_, token)] = invite(agency, "admin", "ada@new.example", role=role)
    [(_, other)] = invite(agency, "owner", "bo@new.example", role=role)
    with on_platform():
        role.permissions.add(Permission.objects.get(key="org:billing:write"))
    with pytest.raises(AccessDenied, match=NOT_OFFERED) as denied:
        accept(agency, token)
    assert denied.value.denial.reason is Reason.ABOVE_CEILING
    assert accept(agency, other)


def test_a_role_whose_priority_was_raised_meanwhile_is_not_given(agency: Agency, invite: Any) -> None:
    role = RoleFactory(organization=agency.organization, priority=10, keys=("clients:read",))
    [(_, token)] = invite(agency, "admin", "ada@new.example", role=role)
    with on_platform():
        role.priority = 90
        role.save()
    with pytest.raises(AccessDenied, match=NOT_OFFERED):
        accept(agency, token)


def test_a_role_deactivated_meanwhile_is_not_given(agency: Agency, invite: Any) -> None:
    role = RoleFactory(organization=agency.organization, priority=10, keys=("clients:read",))
    [(_, token)] = invite(agency, "admin", "ada@new.example", role=role)
    with on_platform():
        role.is_active = False
        role.save()
    with pytest.raises(ActionRefused, match=NOT_OFFERED):
        accept(agency, token)


@pytest.mark.requirement("ORG-1")
def test_nobody_joins_a_suspended_organization(agency: Agency, invite: Any) -> None:
    [(_, token)] = invite(agency, "admin", "ada@new.example")
    assert open_offer(agency.slug, token)
    with on_platform():
        agency.organization.status = "suspended"
        agency.organization.save()
    with pytest.raises(InvitationClosed):
        accept(agency, token)


@pytest.mark.requirement("ASSIGN-1")
def test_a_member_does_not_get_a_second_role(agency: Agency, invite: Any) -> None:
    person = UserFactory(email="ada@known.example")
    [(_, token)] = invite(agency, "admin", "ada@known.example", role="org-admin")
    MembershipFactory(user=person, organization=agency.organization, role=built_in("org-viewer"))
    with pytest.raises(ActionRefused, match="already"):
        accept(agency, token, user=person)
    with inside(agency.organization):
        assert Membership.objects.get(user=person).role.name == "org-viewer"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "short"),
        ("password", "123456789012345"),
        ("name", "  "),
        ("name", "Ada \u202eadA"),
        ("name", "a" * 151),
    ],
)
def test_a_name_or_password_that_will_not_do_leaves_the_invitation_open(
    agency: Agency, invite: Any, field: str, value: str
) -> None:
    [(_, token)] = invite(agency, "admin", "ada@new.example")
    with pytest.raises(ValidationError) as invalid:
        accept(agency, token, **{field: value})
    assert list(invalid.value.message_dict) == [field]
    with on_platform():
        assert not User.objects.filter(email="ada@new.example").exists()
    assert accept(agency, token)


@pytest.mark.requirement("AUD-3")
def test_a_refused_link_is_recorded(agency: Agency, invite: Any) -> None:
    with pytest.raises(InvitationClosed):
        open_offer(agency.slug, "guessed")
    with inside(agency.organization):
        record = AccessRecord.objects.get(decision="deny")
    assert (record.resource_type, record.reason) == ("accounts.invitation", Reason.OUT_OF_REACH)


def test_unknown_used_and_foreign_links_answer_alike(agency: Agency, other_agency: Agency, invite: Any) -> None:
    [(_, used)] = invite(agency, "admin", "ada@new.example")
    [(_, foreign)] = invite(other_agency, "admin", "bo@new.example")
    accept(agency, used)
    sentences = set()
    for token in ("guessed", used, foreign):
        with pytest.raises(InvitationClosed) as closed:
            open_offer(agency.slug, token)
        sentences.add(str(closed.value))
    assert len(sentences) == 1
