from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from accounts.actions import AcceptInvitation, InvitationClosed, Invite
from accounts.models import User
from roles.models import Membership
from tenancy.context import acting
from tests.accounts.conftest import token_in
from tests.concurrency import at_once, failures
from tests.factories import UserFactory, built_in, inside, on_platform
from tests.world import Agency, make_agency

pytestmark = pytest.mark.requirement("ORG-3")

PASSWORD = "a long enough passphrase"


def invited(agency: Agency, email: str) -> str:
    actor = agency.actor("admin")
    with acting(actor):
        Invite(actor, [email], built_in("org-member")).execute()
    return token_in(mail.outbox[-1])


def join(agency: Agency, token: str, user: Any = None) -> Any:
    return lambda: AcceptInvitation(agency.slug, token, user, name="Ada", password=PASSWORD).execute()


def test_of_two_new_people_behind_one_link_one_gets_in(committed_db: str) -> None:
    agency = make_agency("Larkmoor")
    token = invited(agency, "ada@new.example")
    outcomes = at_once([join(agency, token)] * 4)
    assert [type(failure) for failure in failures(outcomes)] == [InvitationClosed] * 3
    with on_platform():
        assert User.objects.filter(email="ada@new.example").count() == 1
    with inside(agency.organization):
        assert Membership.objects.filter(user__email="ada@new.example").count() == 1


def test_a_person_who_accepts_twice_at_once_joins_once(committed_db: str) -> None:
    agency = make_agency("Larkmoor")
    person = UserFactory(email="ada@known.example")
    token = invited(agency, person.email)
    outcomes = at_once([join(agency, token, person)] * 3)
    assert [type(failure) for failure in failures(outcomes)] == [InvitationClosed] * 2


def test_one_new_person_joining_two_organizations_at_once_gets_one_account(committed_db: str) -> None:
    agencies = [make_agency("Larkmoor"), make_agency("Quaymark")]
    tokens = [invited(agency, "ada@new.example") for agency in agencies]
    outcomes = at_once([join(agency, token) for agency, token in zip(agencies, tokens, strict=True)])
    with on_platform():
        person = User.objects.get(email="ada@new.example")
    for agency, token, outcome in zip(agencies, tokens, outcomes, strict=True):
        if isinstance(outcome, Exception):
            assert "Sign in" in str(outcome)
            assert join(agency, token, person)().user == person


@pytest.mark.requirement("ORG-3")
def test_two_people_who_invite_the_same_address_at_once_send_one_invitation(committed_db: str) -> None:
    agency = make_agency("Larkmoor")
    role = built_in("org-member")

    def invite(by: str) -> Any:
        actor = agency.actor(by)

        def call() -> Any:
            with acting(actor):
                return Invite(actor, ["ada@new.example"], role).execute()

        return call

    outcomes = at_once([invite("owner"), invite("admin")])
    assert len(failures(outcomes)) == 1
    assert len(mail.outbox) == 1
