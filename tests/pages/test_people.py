"""Members, invitations and joining, and who works for which client (ORG-3, ASSIGN-4, CLI-4)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import Invitation, User
from accounts.second_factors import with_second_factor
from clients.models import ClientGrant
from roles.models import Membership
from tenancy.context import acting
from tests.factories import UserFactory, built_in, inside, on_platform
from tests.pages.reading import field, links_of, text_of
from tests.world import Agency

PASSWORD = "seven lanterns by the quay"
NEWCOMER = "new@people.example"


def membership_of(agency: Agency, user: User) -> Membership | None:
    with inside(agency.organization):
        return Membership.objects.select_related("role").filter(user=user).first()


def invite(browser: Browser, agency: Agency, email: str = NEWCOMER, role: str = "org-member", **more: Any) -> Any:
    """Send the form that invites."""
    words = {"emails": email, "role": str(built_in(role).pk), **more}
    return browser.post(f"/o/{agency.slug}/members/invite/", words)


@pytest.fixture
def sent_link(agency: Agency, browse: Any, django_capture_on_commit_callbacks: Any) -> str:
    """The link that a new person was sent: a member's, for the first two clients."""
    clients = [str(client.pk) for client in agency.clients[:2]]
    with django_capture_on_commit_callbacks(execute=True):
        answer = invite(browse(agency.owner), agency, clients=clients)
    assert answer.status_code == 302, text_of(answer)
    found = re.search(r"https?://\S+?(/o/\S+/join/\S+/)", str(mail.outbox[-1].body))
    assert found, mail.outbox[-1].body
    return found.group(1)


def assigned(agency: Agency, user: User) -> set[Any]:
    with inside(agency.organization):
        return set(ClientGrant.objects.filter(user=user).values_list("content_object_id", flat=True))


@pytest.mark.requirement("ORG-3")
def test_members_are_listed_with_role_and_reach(agency: Agency, browse: Any) -> None:
    words = text_of(browse(agency.viewer).get(f"/o/{agency.slug}/members/"))

    assert "Larkmoor member member@larkmoor.example Member Assigned clients Off Never" in words
    assert "Larkmoor owner owner@larkmoor.example Owner All clients" in words


@pytest.mark.requirement("ORG-3")
@pytest.mark.parametrize(("kind", "shown"), [("totp", "On"), ("webauthn", "On"), ("recovery_codes", "Off")])
@pytest.mark.parametrize("role", ["owner", "viewer"])
def test_members_are_listed_with_whether_they_have_a_second_factor(
    agency: Agency, browse: Any, role: str, kind: str, shown: str
) -> None:
    with on_platform():
        Authenticator.objects.create(user=agency.member, type=kind, data={"secret": "x"})

    words = text_of(browse(agency.people[role]).get(f"/o/{agency.slug}/members/"))

    assert f"member@larkmoor.example Member Assigned clients {shown}" in words
    assert "manager@larkmoor.example Manager All clients Off" in words


@pytest.mark.requirement("TEN-3")
def test_an_organization_learns_of_its_own_peoples_second_factors_only(agency: Agency, other_agency: Agency) -> None:
    with on_platform():
        for person in (agency.member, other_agency.member):
            Authenticator.objects.create(user=person, type="totp", data={"secret": "x"})

    with acting(agency.actor("viewer")):
        assert with_second_factor() == {agency.member.pk}
    with acting(other_agency.actor("owner")):
        assert with_second_factor() == {other_agency.member.pk}


@pytest.mark.requirement("TEN-1")
def test_only_those_who_may_are_offered_to_change_people(agency: Agency, browse: Any) -> None:
    address = f"/o/{agency.slug}/members/"

    assert {"Invite people", "Change role", "Remove"} <= links_of(browse(agency.admin).get(address)).keys()
    assert not {"Invite people", "Change role", "Remove"} & links_of(browse(agency.manager).get(address)).keys()


@pytest.mark.requirement("ASSIGN-4")
def test_a_members_role_is_changed(agency: Agency, browse: Any) -> None:
    membership = membership_of(agency, agency.viewer)
    assert membership is not None

    answer = browse(agency.admin).post(
        f"/o/{agency.slug}/members/{membership.pk}/role/", {"role": str(built_in("org-member").pk)}
    )

    assert answer.status_code == 302
    assert membership_of(agency, agency.viewer).role.name == "org-member"  # type: ignore[union-attr]


@pytest.mark.requirement("ASSIGN-2")
def test_a_role_above_ones_own_is_neither_offered_nor_taken(agency: Agency, browse: Any) -> None:
    membership = membership_of(agency, agency.viewer)
    assert membership is not None
    address = f"/o/{agency.slug}/members/{membership.pk}/role/"
    browser = browse(agency.admin)

    assert str(built_in("org-owner").pk) not in browser.get(address).content.decode()
    assert browser.post(address, {"role": str(built_in("org-owner").pk)}).status_code == 422
    assert membership_of(agency, agency.viewer).role.name == "org-viewer"  # type: ignore[union-attr]


@pytest.mark.requirement("ASSIGN-3")
def test_nobody_removes_themselves(agency: Agency, browse: Any) -> None:
    own, other = membership_of(agency, agency.owner), membership_of(agency, agency.admin)
    assert own is not None
    assert other is not None
    browser = browse(agency.owner)

    refused = browser.post(f"/o/{agency.slug}/members/{own.pk}/remove/")

    assert refused.status_code == 403
    assert "Nobody changes their own assignment." in text_of(refused)
    assert membership_of(agency, agency.owner) is not None
    assert browser.post(f"/o/{agency.slug}/members/{other.pk}/remove/").status_code == 302


@pytest.mark.requirement("ASSIGN-4")
def test_nobody_removes_someone_above(agency: Agency, browse: Any) -> None:
    owner, viewer = membership_of(agency, agency.owner), membership_of(agency, agency.viewer)
    assert owner is not None
    assert viewer is not None
    browser = browse(agency.admin)

    refused = browser.post(f"/o/{agency.slug}/members/{owner.pk}/remove/")
    assert refused.status_code == 403
    assert "ranks above your own" in text_of(refused)
    assert membership_of(agency, agency.owner) is not None
    assert browser.post(f"/o/{agency.slug}/members/{viewer.pk}/remove/").status_code == 302
    assert membership_of(agency, agency.viewer) is None


@pytest.mark.requirement("PDP-6")
def test_a_removed_member_is_out_with_the_next_request(agency: Agency, browse: Any) -> None:
    browser = browse(agency.viewer)
    viewer = membership_of(agency, agency.viewer)
    assert viewer is not None
    assert browser.get(f"/o/{agency.slug}/").status_code == 200

    browse(agency.owner).post(f"/o/{agency.slug}/members/{viewer.pk}/remove/")

    assert browser.get(f"/o/{agency.slug}/").status_code == 404


@pytest.mark.requirement("ORG-3")
def test_many_people_are_invited_at_once(agency: Agency, browse: Any) -> None:
    browser = browse(agency.owner)

    answer = invite(browser, agency, "one@people.example, two@people.example\nthree@people.example", "org-viewer")

    assert answer.status_code == 302
    words = text_of(browser.get(f"/o/{agency.slug}/members/"))
    assert "Invited 3 people." in words
    assert all(f"{name}@people.example Viewer" in words for name in ("one", "two", "three"))


@pytest.mark.requirement("ORG-3")
def test_one_wrong_address_stops_all_and_is_named(agency: Agency, browse: Any) -> None:
    answer = invite(browse(agency.owner), agency, "one@people.example nonsense")

    assert answer.status_code == 422
    assert "“nonsense” is not an e-mail address." in text_of(answer)
    with inside(agency.organization):
        assert not Invitation.objects.exists()


@pytest.mark.requirement("ORG-3")
def test_the_roles_to_invite_to_say_what_they_let_a_person_do(agency: Agency, browse: Any) -> None:
    words = text_of(browse(agency.admin).get(f"/o/{agency.slug}/members/invite/"))

    assert "Sees and edits the whole workspace of the clients assigned to them; deletes nothing." in words
    assert "Owner" not in words.replace("Larkmoor owner", "")


@pytest.mark.requirement("ORG-3")
def test_who_may_not_invite_does_not(agency: Agency, browse: Any) -> None:
    assert invite(browse(agency.manager), agency).status_code == 403
    with inside(agency.organization):
        assert not Invitation.objects.exists()


@pytest.mark.requirement("ORG-3")
def test_a_new_person_joins_and_sees_exactly_the_clients_offered(agency: Agency, sent_link: str) -> None:
    newcomer = Browser()
    page = newcomer.get(sent_link)
    assert "Larkmoor owner invites you to work here as Member" in text_of(page)

    home = newcomer.post(sent_link, {"name": "Noor", "password": PASSWORD}, follow=True)

    assert "Welcome, Noor" in text_of(home)
    clients = newcomer.get(f"/o/{agency.slug}/clients/")
    assert {row["client"].pk for row in clients.context["rows"]} == {client.pk for client in agency.clients[:2]}


@pytest.mark.requirement("ORG-3")
def test_a_link_works_once(agency: Agency, sent_link: str) -> None:
    assert Browser().post(sent_link, {"name": "Noor", "password": PASSWORD}).status_code == 302

    again = Browser().get(sent_link)

    assert again.status_code == 404
    assert "This link does not work" in text_of(again)


@pytest.mark.requirement("ORG-3")
def test_a_weak_password_is_refused_and_the_link_still_works(agency: Agency, sent_link: str) -> None:
    refused = Browser().post(sent_link, {"name": "Noor", "password": "12345"})

    assert refused.status_code == 422
    assert "too short" in text_of(refused)
    assert field(refused, "name") == "Noor"
    assert Browser().post(sent_link, {"name": "Noor", "password": PASSWORD}).status_code == 302


@pytest.mark.requirement("ORG-3")
@pytest.mark.parametrize("state", ["used up", "withdrawn", "expired", "made up", "of another organization"])
def test_every_dead_link_answers_alike(agency: Agency, other_agency: Agency, sent_link: str, state: str) -> None:
    assert Browser().get(sent_link).status_code == 200
    link = sent_link
    with inside(agency.organization):
        if state == "used up":
            Invitation.objects.update(accepted_at=timezone.now())
        elif state == "withdrawn":
            Invitation.objects.update(revoked_at=timezone.now())
        elif state == "expired":
            Invitation.objects.update(expires_at=timezone.now())
    if state == "made up":
        link = f"/o/{agency.slug}/join/made-up/"
    elif state == "of another organization":
        link = sent_link.replace(agency.slug, other_agency.slug)

    answer = Browser().get(link)

    assert answer.status_code == 404
    assert "This link does not work This invitation does not work (any more)." in text_of(answer)
    assert "new@people.example" not in text_of(answer)


@pytest.mark.requirement("ORG-3")
def test_links_cannot_be_guessed_at_without_end(agency: Agency, sent_link: str) -> None:
    guesser = Browser()
    answers = [guesser.get(f"/o/{agency.slug}/join/guess-{number}/").status_code for number in range(70)]

    assert answers[0] == 404
    assert answers[-1] == 429
    assert guesser.get(sent_link).status_code == 429
    assert Browser(REMOTE_ADDR="192.0.2.7").get(sent_link).status_code == 200


@pytest.mark.requirement("ORG-3")
def test_someone_signed_in_as_another_is_told_so(agency: Agency, browse: Any, sent_link: str) -> None:
    answer = browse(UserFactory()).get(sent_link)

    assert "This invitation is for another address" in text_of(answer)
    assert "new@people.example" not in text_of(answer)


@pytest.mark.requirement("ORG-3")
def test_someone_with_an_account_signs_in_and_accepts(agency: Agency, browse: Any, sent_link: str) -> None:
    person = UserFactory(email="new@people.example")

    asked = Browser().get(sent_link)
    assert links_of(asked)["Sign in and accept"] == f"/o/{agency.slug}/sign-in/?next={sent_link}"
    joined = browse(person).post(sent_link, follow=True)

    assert joined.status_code == 200
    assert assigned(agency, person) == {client.pk for client in agency.clients[:2]}


@pytest.mark.requirement("ORG-3")
def test_resending_ends_the_earlier_link(
    agency: Agency, browse: Any, sent_link: str, django_capture_on_commit_callbacks: Any
) -> None:
    with inside(agency.organization):
        invitation = Invitation.objects.get()

    with django_capture_on_commit_callbacks(execute=True):
        browse(agency.owner).post(f"/o/{agency.slug}/invitations/{invitation.pk}/resend/")

    assert Browser().get(sent_link).status_code == 404
    assert len(mail.outbox) == 2


@pytest.mark.requirement("ORG-3")
def test_withdrawing_asks_first_and_ends_the_link(agency: Agency, browse: Any, sent_link: str) -> None:
    with inside(agency.organization):
        address = f"/o/{agency.slug}/invitations/{Invitation.objects.get().pk}/revoke/"
    browser = browse(agency.owner)

    assert "Withdraw the invitation of new@people.example?" in text_of(browser.get(address))
    assert Browser().get(sent_link).status_code == 200
    assert browser.post(address).status_code == 302
    assert Browser().get(sent_link).status_code == 404


@pytest.mark.requirement("CLI-4")
def test_unassigned_clients_stand_on_top(agency: Agency, browse: Any) -> None:
    page = browse(agency.manager).get(f"/o/{agency.slug}/assignments/")

    assert [client.name for client, _ in page.context["rows"]] == [
        "Larkmoor client 2",
        "Larkmoor client 3",
        "Larkmoor client 1",
    ]


@pytest.mark.requirement("CLI-4")
def test_assignments_are_seen_by_person(agency: Agency, browse: Any) -> None:
    words = text_of(browse(agency.manager).get(f"/o/{agency.slug}/assignments/?by=person"))

    assert "Larkmoor member member@larkmoor.example Member Larkmoor client 1" in words
    assert "Larkmoor owner owner@larkmoor.example Owner All clients, by role" in words


@pytest.mark.requirement("CLI-4")
def test_a_bulk_assignment_is_previewed_then_made(agency: Agency, browse: Any) -> None:
    browser = browse(agency.manager)
    address = f"/o/{agency.slug}/assignments/change/"
    chosen = {
        "clients": [str(client.pk) for client in agency.clients],
        "people": [str(agency.member.pk), str(agency.viewer.pk)],
        "access": "change_client",
        "operation": "assign",
    }

    preview = browser.post(address, chosen)

    assert "New 4" in text_of(preview)
    assert "Changed 1" in text_of(preview)
    assert "Unchanged 1" in text_of(preview)
    assert len(assigned(agency, agency.member)) == 1
    assert browser.post(address, chosen | {"step": "confirm"}).status_code == 302
    assert assigned(agency, agency.member) == assigned(agency, agency.viewer) == {c.pk for c in agency.clients}


@pytest.mark.requirement("PDP-6")
def test_a_client_taken_away_is_gone_with_the_next_request(agency: Agency, browse: Any) -> None:
    member = browse(agency.member)
    client = f"/o/{agency.slug}/clients/{agency.clients[0].pk}/"
    assert member.get(client).status_code == 200

    chosen = {"clients": [str(agency.clients[0].pk)], "people": [str(agency.member.pk)], "operation": "unassign"}
    browse(agency.manager).post(f"/o/{agency.slug}/assignments/change/", chosen | {"step": "confirm"})

    assert member.get(client).status_code == 404


@pytest.mark.requirement("CLI-4")
@pytest.mark.parametrize("missing", ["clients", "people"])
def test_an_assignment_of_nothing_says_what_is_missing(agency: Agency, browse: Any, missing: str) -> None:
    chosen = {"clients": [str(agency.clients[0].pk)], "people": [str(agency.member.pk)], "operation": "assign"}
    del chosen[missing]

    answer = browse(agency.manager).post(f"/o/{agency.slug}/assignments/change/", chosen)

    assert answer.status_code == 422
    assert "Choose at least one" in text_of(answer)


@pytest.mark.requirement("CLI-4")
def test_who_may_not_assign_does_not(agency: Agency, other_agency: Agency, browse: Any) -> None:
    address = f"/o/{agency.slug}/assignments/change/"
    chosen = {"people": [str(agency.member.pk)], "operation": "assign", "step": "confirm"}
    ours = chosen | {"clients": [str(agency.clients[1].pk)]}
    theirs = chosen | {"clients": [str(other_agency.clients[0].pk)]}

    assert browse(agency.member).post(address, ours).status_code == 403
    assert browse(agency.manager).post(address, theirs).status_code == 422
    assert len(assigned(agency, agency.member)) == 1
    assert browse(agency.manager).post(address, ours).status_code == 302
