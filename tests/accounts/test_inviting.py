from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.actions import Invite, ResendInvitation, RevokeInvitation
from accounts.actions.invitations import digest_of, split_addresses
from accounts.models import CustomDomain, Invitation
from audit.models import AccessRecord
from roles.models import Role
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, NotVisible, Reason
from tests.accounts.conftest import token_in
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, inside, on_platform
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ORG-3")]


def invitations_of(agency: Agency) -> list[Invitation]:
    with inside(agency.organization):
        return list(Invitation.objects.order_by("email"))


def test_many_people_are_invited_at_once(agency: Agency, invite: Any) -> None:
    invite(agency, "admin", "Ada@New.example", "bo@new.example", "ada@new.example")
    assert [sent.email for sent in invitations_of(agency)] == ["ada@new.example", "bo@new.example"]
    assert [message.to for message in mail.outbox] == [["ada@new.example"], ["bo@new.example"]]


def test_the_message_names_who_invites_to_what(agency: Agency, invite: Any) -> None:
    invite(agency, "admin", "ada@new.example")
    message = mail.outbox[0]
    assert message.subject == "Larkmoor admin invites you to Larkmoor"
    assert "as Member" in message.body
    html, kind = message.alternatives[0]
    assert kind == "text/html"
    assert token_in(message) in html


@pytest.mark.requirement("ORG-3")
def test_the_link_is_stored_as_a_digest(agency: Agency, invite: Any) -> None:
    [(invitation, token)] = invite(agency, "admin", "ada@new.example")
    assert invitation.token_digest == digest_of(token)
    assert token not in str(invitation.__dict__)


def test_the_link_is_built_from_the_installation_s_address(agency: Agency, invite: Any) -> None:
    invite(agency, "admin", "ada@new.example")
    assert "http://testserver/o/larkmoor/join/" in mail.outbox[0].body


def test_the_link_is_on_the_organization_s_verified_domain_only(agency: Agency, invite: Any) -> None:
    with on_platform():
        CustomDomain.objects.create(organization=agency.organization, host="claimed.example", verification_token="x")
        CustomDomain.objects.create(
            organization=agency.organization,
            host="work.larkmoor.example",
            verification_token="x",
            verified_at=timezone.now(),
        )
    invite(agency, "admin", "ada@new.example")
    assert "http://work.larkmoor.example/join/" in mail.outbox[0].body


def test_no_message_leaves_when_the_work_is_rolled_back(
    agency: Agency, django_capture_on_commit_callbacks: Any
) -> None:
    actor = agency.actor("admin")

    def invite_twice() -> None:
        with acting(actor):
            for _ in range(2):
                Invite(actor, ["ada@new.example"], built_in("org-member")).execute()

    with django_capture_on_commit_callbacks(execute=True), pytest.raises(ValidationError, match="open invitation"):
        invite_twice()
    assert mail.outbox == []
    assert invitations_of(agency) == []


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("not-an-address", "is not an e-mail address"),
        ("member@larkmoor.example", "belongs to the organization already"),
        ("open@new.example", "has an open invitation already"),
        ("robot@service.larkmoor.invalid", "cannot receive e-mail"),
    ],
)
def test_one_wrong_address_refuses_them_all_and_is_named(
    agency: Agency, invite: Any, address: str, sentence: str
) -> None:
    invite(agency, "admin", "open@new.example")
    with pytest.raises(ValidationError) as refused:
        invite(agency, "admin", "fine@new.example", address)
    assert refused.value.message_dict["emails"][0].count(address) == 1
    assert sentence in refused.value.message_dict["emails"][0]
    assert [sent.email for sent in invitations_of(agency)] == ["open@new.example"]


def test_every_wrong_address_gets_its_own_sentence(agency: Agency, invite: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        invite(agency, "admin", "one", "two", "fine@new.example")
    assert len(refused.value.message_dict["emails"]) == 2


def test_more_than_a_hundred_at_once_are_refused(agency: Agency, invite: Any) -> None:
    with pytest.raises(ValidationError, match="at most 100"):
        invite(agency, "admin", *(f"person{n}@new.example" for n in range(101)))


def test_an_expired_invitation_gives_way_to_a_new_one(agency: Agency, invite: Any) -> None:
    [(first, _)] = invite(agency, "admin", "ada@new.example")
    with inside(agency.organization):
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    [(second, _)] = invite(agency, "admin", "ada@new.example")
    with inside(agency.organization):
        first.refresh_from_db()
    assert first.revoked_at is not None
    assert second.pk != first.pk


@pytest.mark.requirement("ASSIGN-2")
def test_an_admin_invites_an_admin_and_no_owner(agency: Agency, invite: Any) -> None:
    invite(agency, "admin", "peer@new.example", role="org-admin")
    with pytest.raises(AccessDenied) as denied:
        invite(agency, "admin", "above@new.example", role="org-owner")
    assert denied.value.denial.reason is Reason.ABOVE_CEILING


@pytest.mark.requirement("ASSIGN-2")
def test_nobody_invites_to_a_role_with_permissions_they_lack(agency: Agency, invite: Any) -> None:
    within = RoleFactory(organization=agency.organization, priority=10, keys=("clients:read",))
    beyond = RoleFactory(organization=agency.organization, priority=10, keys=("clients:read", "org:billing:write"))
    invite(agency, "admin", "ada@new.example", role=within)
    with pytest.raises(AccessDenied, match="org:billing:write"):
        invite(agency, "admin", "bo@new.example", role=beyond)


@pytest.mark.requirement("ASSIGN-2")
def test_nobody_of_assigned_reach_invites_to_all_clients(agency: Agency, invite: Any) -> None:
    keys = ("team:invite", "clients:read")
    recruiter = RoleFactory(organization=agency.organization, priority=60, reach="assigned", keys=keys)
    everywhere = RoleFactory(organization=agency.organization, priority=10, reach="all", keys=("clients:read",))
    own_clients = RoleFactory(organization=agency.organization, priority=10, reach="assigned", keys=("clients:read",))
    agency.people["recruiter"] = UserFactory()
    MembershipFactory(user=agency.recruiter, organization=agency.organization, role=recruiter)
    invite(agency, "recruiter", "ada@new.example", role=own_clients)
    with pytest.raises(AccessDenied, match="reaches all clients"):
        invite(agency, "recruiter", "bo@new.example", role=everywhere)


def test_a_manager_may_not_invite(agency: Agency, invite: Any) -> None:
    invite(agency, "admin", "ada@new.example")
    with pytest.raises(AccessDenied) as denied:
        invite(agency, "manager", "bo@new.example")
    assert denied.value.denial.reason is Reason.MISSING_PERMISSION


def test_an_inactive_role_cannot_be_offered(agency: Agency, invite: Any) -> None:
    role = RoleFactory(organization=agency.organization, priority=10, keys=("clients:read",))
    invite(agency, "admin", "ada@new.example", role=role)
    with on_platform():
        role.is_active = False
        role.save()
    with pytest.raises(ActionRefused, match="inactive"):
        invite(agency, "admin", "bo@new.example", role=role)


@pytest.mark.requirement("PERM-4")
def test_no_role_of_another_organization_or_of_the_platform_is_offered(
    agency: Agency, other_agency: Agency, invite: Any
) -> None:
    foreign = RoleFactory(organization=other_agency.organization, priority=1, keys=("clients:read",))
    platform: Role = built_in("analyst")
    invite(agency, "owner", "ada@new.example", role="org-viewer")
    for role in (foreign, platform):
        with pytest.raises(AccessDenied) as denied:
            invite(agency, "owner", "bo@new.example", role=role)
        assert denied.value.denial.reason is Reason.OUT_OF_REACH


@pytest.mark.requirement("CLI-3")
def test_clients_of_another_organization_answer_like_missing_ones(
    agency: Agency, other_agency: Agency, invite: Any
) -> None:
    invite(agency, "admin", "ada@new.example", clients=agency.clients[:2])
    with pytest.raises(ValidationError) as foreign:
        invite(agency, "admin", "bo@new.example", clients=[agency.clients[0], other_agency.clients[0]])
    assert foreign.value.message_dict == {"clients": ["Some of these clients do not exist."]}


@pytest.mark.requirement("CLI-3")
def test_nobody_offers_clients_outside_their_reach(agency: Agency, invite: Any) -> None:
    keys = ("team:invite", "clients:read")
    recruiter = RoleFactory(organization=agency.organization, priority=60, reach="assigned", keys=keys)
    offered = RoleFactory(organization=agency.organization, priority=10, reach="assigned", keys=("clients:read",))
    with on_platform():
        membership = agency.member.memberships.get()
        membership.role = recruiter
        membership.save()
    invite(agency, "member", "ada@new.example", role=offered, clients=agency.clients[:1])
    with pytest.raises(ValidationError, match="do not exist"):
        invite(agency, "member", "bo@new.example", role=offered, clients=agency.clients[1:2])


def test_a_role_of_all_clients_takes_no_clients(agency: Agency, invite: Any) -> None:
    with pytest.raises(ValidationError, match="leave the clients out"):
        invite(agency, "admin", "ada@new.example", role="org-manager", clients=agency.clients[:1])


@pytest.mark.requirement("AUD-3")
def test_each_invitation_is_recorded(agency: Agency, invite: Any) -> None:
    [(invitation, _)] = invite(agency, "admin", "ada@new.example")
    with inside(agency.organization):
        record = AccessRecord.objects.get(operation="invite")
    assert (record.actor_id, record.resource_id, record.action) == (agency.admin.pk, str(invitation.pk), "team:invite")


def test_resending_makes_a_new_link_in_the_sender_s_name(
    agency: Agency, invite: Any, django_capture_on_commit_callbacks: Any
) -> None:
    [(invitation, old)] = invite(agency, "admin", "ada@new.example")
    owner = agency.actor("owner")
    with django_capture_on_commit_callbacks(execute=True), acting(owner):
        resent = ResendInvitation(owner, invitation.pk).execute()
    assert token_in(mail.outbox[-1]) != old
    assert resent.token_digest == digest_of(token_in(mail.outbox[-1]))
    assert resent.expires_at > invitation.expires_at
    assert resent.invited_by_id == agency.owner.pk


def test_a_withdrawn_invitation_is_not_resent(agency: Agency, invite: Any) -> None:
    [(invitation, _)] = invite(agency, "admin", "ada@new.example")
    admin = agency.actor("admin")
    with acting(admin):
        assert RevokeInvitation(admin, invitation.pk).execute().revoked_at is not None
        with pytest.raises(ActionRefused, match="withdrawn"):
            ResendInvitation(admin, invitation.pk).execute()


@pytest.mark.requirement("ASSIGN-4")
@pytest.mark.parametrize("verb", [ResendInvitation, RevokeInvitation])
def test_nobody_touches_an_invitation_to_a_role_above_theirs(agency: Agency, invite: Any, verb: Any) -> None:
    [(equal, _)] = invite(agency, "owner", "peer@new.example", role="org-admin")
    [(above, _)] = invite(agency, "owner", "boss@new.example", role="org-owner")
    admin = agency.actor("admin")
    with acting(admin):
        assert verb(admin, equal.pk).execute()
    with pytest.raises(AccessDenied), acting(admin):
        verb(admin, above.pk).execute()


@pytest.mark.requirement("CLI-5")
@pytest.mark.parametrize("verb", [ResendInvitation, RevokeInvitation])
def test_another_organization_s_invitation_does_not_exist(
    agency: Agency, other_agency: Agency, invite: Any, verb: Any
) -> None:
    [(invitation, _)] = invite(agency, "owner", "ada@new.example")
    for stranger in (other_agency.actor("owner"),):
        with pytest.raises(NotVisible), acting(stranger):
            verb(stranger, invitation.pk).execute()
    owner = agency.actor("owner")
    with acting(owner):
        assert verb(owner, invitation.pk).execute()


def test_addresses_are_split_wherever_people_part_them() -> None:
    assert split_addresses("a@x.example, b@x.example;c@x.example\n<d@x.example>") == [
        "a@x.example",
        "b@x.example",
        "c@x.example",
        "d@x.example",
    ]
