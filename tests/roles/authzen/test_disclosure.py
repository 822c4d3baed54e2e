"""What an asker does not learn by asking (threat 12), and who may not ask at all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from knox.models import AuthToken

from accounts.models import ApiToken, User
from audit.models import AccessRecord, Decision
from tests.factories import ClientFactory, MembershipFactory, assign, built_in, inside, on_platform
from tests.roles.applications import grant, keys_of, register
from tests.roles.authzen.asking import EVALUATION, Service, question, resource, user
from tests.roles.authzen.conftest import hire, token_of
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-4")]

ServiceOf = Callable[[Agency, User], Service]
READ = {"name": "clients:read"}
MISSING = "01a1f9b9-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def alone(agency: Agency, service_of: ServiceOf) -> tuple[Service, User]:
    """A service whose person may not look at others."""
    person = hire(agency, "clients:read")
    return service_of(agency, person), person


@pytest.fixture(scope="module")
def narrow(agency: Agency, service_of: ServiceOf) -> Service:
    """A service whose person may look at people, and reaches the first client only."""
    person = hire(agency, "team:read", "clients:read", reach="assigned")
    assign(person, agency.clients[0], "view_client")
    return service_of(agency, person)


def test_without_the_right_to_look_at_people_one_asks_about_oneself(
    alone: tuple[Service, User], agency: Agency
) -> None:
    service, person = alone
    for subject in (person.pk, person.email):
        assert service.ask(subject, "clients:read", "client", agency.clients[0]).decision
        assert not service.ask(subject, "clients:write", "client", agency.clients[0]).decision
        assert (
            len(service.search("resource", subject=user(subject), action=READ, resource={"type": "client"}).found) == 3
        )
        client = resource("client", agency.clients[0])
        assert service.search("action", subject=user(subject), resource=client).found == ["clients:read"]


@pytest.mark.parametrize("other", ["owner", "nobody@elsewhere.example", "", MISSING])
def test_without_the_right_to_look_at_people_all_others_are_forbidden(
    alone: tuple[Service, User], agency: Agency, other: str
) -> None:
    service, person = alone
    subject, client = agency.people.get(other, other), resource("client", agency.clients[0])
    assert service.ask(subject, "clients:read", "client", agency.clients[0]).status == 403
    mine = question(person, "clients:read", "client", agency.clients[0])
    assert service.batch(mine, mine | {"subject": user(subject)}).status == 403
    assert service.batch(mine, subject=user(subject)).decisions == [True]
    assert service.search("resource", subject=user(subject), action=READ, resource={"type": "client"}).status == 403
    assert service.search("action", subject=user(subject), resource=client).status == 403
    assert service.search("subject", subject={"type": "user"}, action=READ, resource=client).status == 403


def test_who_may_not_ask_is_told_what_it_needs(alone: tuple[Service, User], agency: Agency) -> None:
    service, _ = alone
    assert "team:read" in service.ask(agency.owner, "clients:read", "client", agency.clients[0]).json["detail"]


def test_a_token_without_the_right_asks_about_its_holder_only(agency: Agency, service: Service) -> None:
    """What counts is what the token may do, not what its holder may."""
    narrowed = token_of(agency, agency.owner)
    with inside(agency.organization):
        newest = ApiToken.objects.filter(user=agency.owner).latest("created_at")
        ApiToken.objects.filter(pk=newest.pk).update(permissions=["clients:read"])
    asker = Service(service.runner, narrowed)
    assert asker.ask(agency.member, "clients:read", "client", agency.clients[0]).status == 403
    assert asker.ask(agency.owner, "clients:read", "client", agency.clients[0]).decision


def test_a_client_out_of_the_askers_reach_is_answered_as_a_missing_one(narrow: Service, agency: Agency) -> None:
    hidden = agency.clients[1]
    assign(agency.member, hidden)
    for person in ("owner", "member", "viewer"):
        for action in ("clients:read", "clients:write", "clients:delete", "clients:teleport"):
            of_hidden = narrow.ask(agency.people[person], action, "client", hidden)
            of_missing = narrow.ask(agency.people[person], action, "client", MISSING)
            assert of_hidden.body == of_missing.body and not of_hidden.decision
    for what, asked in {
        "subject": {"subject": {"type": "user"}, "action": READ},
        "action": {"subject": user(agency.owner)},
    }.items():
        of_hidden = narrow.search(what, **asked, resource=resource("client", hidden))
        of_missing = narrow.search(what, **asked, resource=resource("client", MISSING))
        assert of_hidden.body == of_missing.body and of_hidden.found == []


def test_a_client_within_the_askers_reach_is_answered_as_to_anybody(
    narrow: Service, service: Service, agency: Agency
) -> None:
    for person in agency.people.values():
        for action in ("clients:read", "clients:write"):
            asked = question(person, action, "client", agency.clients[0])
            assert narrow.post(EVALUATION, asked).json["decision"] == service.post(EVALUATION, asked).json["decision"]
    owner = resource("client", agency.clients[0])
    assert str(agency.owner.pk) in narrow.search("subject", subject={"type": "user"}, action=READ, resource=owner).found


def test_a_search_shows_only_clients_within_the_askers_reach(narrow: Service, service: Service, agency: Agency) -> None:
    asked = {"subject": user(agency.owner), "action": READ, "resource": {"type": "client"}}
    assert len(service.search("resource", **asked).found) >= 3
    answer = narrow.search("resource", page={"limit": 1}, **asked)
    assert answer.found == [str(agency.clients[0].pk)] and answer.json["page"]["next_token"] == ""


def test_whoever_is_assigned_nothing_is_told_of_nothing(service_of: ServiceOf, agency: Agency) -> None:
    idle = service_of(agency, hire(agency, "team:read", "clients:read", reach="assigned"))
    assert idle.search("resource", subject=user(agency.owner), action=READ, resource={"type": "client"}).found == []


def test_search_and_evaluation_agree_for_a_narrow_asker(narrow: Service, agency: Agency) -> None:
    for person in agency.people.values():
        for action in ("clients:read", "tasks:write"):
            found = narrow.search(
                "resource", subject=user(person), action={"name": action}, resource={"type": "client"}
            )
            permitted = {str(one.pk) for one in agency.clients if narrow.ask(person, action, "client", one).decision}
            assert set(found.found) == permitted


def test_who_may_not_read_clients_is_told_of_none_and_answered_about_one(
    service_of: ServiceOf, service: Service, agency: Agency
) -> None:
    blind = service_of(agency, hire(agency, "team:read"))
    asked = {"subject": user(agency.owner.pk), "action": READ, "resource": {"type": "client"}}
    assert service.search("resource", **asked).found
    assert blind.search("resource", **asked).found == []
    assert blind.ask(agency.owner.pk, "clients:read", "client", agency.clients[0]).decision


def test_whose_an_outside_resource_is_stays_hidden_from_whoever_reaches_assigned_clients(
    narrow: Service, service: Service, agency: Agency
) -> None:
    application = register(agency)
    clerk = agency.people["clerk"] = hire(agency, *keys_of(application).values())
    grant(agency, application, "clerk", "i-1")
    asked = question(clerk, "update", "billing:invoice", "i-1")
    assert service.batch(asked).decisions == [True]
    assert narrow.batch(asked).decisions == [False]
    assert narrow.search("action", subject=user(clerk), resource=resource("billing:invoice", "i-1")).found == ["read"]


def test_a_search_shows_only_outside_resources_that_the_asker_is_granted_too(
    service_of: ServiceOf, service: Service, agency: Agency
) -> None:
    """Also for actions on everything of a kind: that there is such a resource is known by its grants alone."""
    application = register(agency, slug="counter", name="Counter")
    keys = keys_of(application).values()
    agency.people["clerk"], agency.people["narrow"] = hire(agency, *keys), hire(agency, "team:read", reach="assigned")
    grant(agency, application, "clerk", "i-1", "i-2")
    grant(agency, application, "narrow", "i-2")
    narrow = service_of(agency, agency.people["narrow"])
    for action in ("read", "update"):
        asked = {"subject": user(agency.people["clerk"]), "action": {"name": action}}
        assert service.search("resource", **asked, resource={"type": "counter:invoice"}).found == ["i-1", "i-2"]
        assert narrow.search("resource", **asked, resource={"type": "counter:invoice"}).found == ["i-2"]


def test_nothing_of_another_organization_is_learned(service: Service, agency: Agency, other_agency: Agency) -> None:
    foreign = other_agency.clients[0]
    for subject in (agency.owner, other_agency.owner):
        of_foreign = service.ask(subject, "clients:read", "client", foreign)
        assert of_foreign.body == service.ask(subject, "clients:read", "client", MISSING).body
    of_stranger = service.ask(other_agency.owner, "team:read", "organization", agency.slug)
    assert of_stranger.body == service.ask(MISSING, "team:read", "organization", agency.slug).body


def test_the_token_alone_names_the_organization(
    service: Service, service_of: ServiceOf, agency: Agency, other_agency: Agency
) -> None:
    theirs = service_of(other_agency, other_agency.owner)
    assert theirs.ask(other_agency.owner, "clients:read", "client", other_agency.clients[0]).decision
    assert not service.ask(other_agency.owner, "clients:read", "client", other_agency.clients[0]).decision


def test_a_token_that_is_moved_asks_where_it_leads_now(
    service_of: ServiceOf, agency: Agency, other_agency: Agency
) -> None:
    person = hire(agency, "team:read", "clients:read")
    MembershipFactory(user=person, organization=other_agency.organization, role=built_in("org-admin"))
    asker = service_of(agency, person)
    here, there = (("clients:read", "client", one.clients[0]) for one in (agency, other_agency))
    assert asker.ask(person, *here).decision and not asker.ask(person, *there).decision
    with on_platform():
        ApiToken.objects.filter(user=person).update(organization=other_agency.organization)
    assert not asker.ask(person, *here).decision and asker.ask(person, *there).decision


def test_a_token_of_the_platform_is_refused(service: Service, module_db: str) -> None:
    staff = make_staff("super-admin")
    with on_platform():
        credential, secret = AuthToken.objects.create(user=staff)
        ApiToken.objects.create(credential=credential, user=staff, organization=None, name="Platform")
    answer = Service(service.runner, secret).ask(staff, "clients:read", "client", MISSING)
    assert answer.status == 403 and "platform" in answer.json["detail"]


def test_a_credential_without_a_token_opens_nothing(service: Service, agency: Agency) -> None:
    _, secret = AuthToken.objects.create(user=agency.owner)
    assert Service(service.runner, secret).ask(agency.owner, "clients:read", "client", MISSING).status == 401


def test_a_token_is_over_when_its_time_is(service: Service, agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is compared at each request: nothing in the database changes when it passes."""
    with inside(agency.organization):
        credential, secret = AuthToken.objects.create(user=agency.owner, expiry=timedelta(hours=1))
        ApiToken.objects.create(
            credential=credential, user=agency.owner, organization=agency.organization, name="Short"
        )
    asker = Service(service.runner, secret)
    asked = ("clients:read", "client", agency.clients[0])
    assert asker.ask(agency.owner, *asked).decision
    later = (timezone.now() + timedelta(hours=1, seconds=1)).timestamp()
    monkeypatch.setattr("roles.authzen.askers.time", lambda: later)
    assert asker.ask(agency.owner, *asked).status == 401


def test_a_refusal_is_told_whatever_the_request_is_called(service: Service, agency: Agency) -> None:
    asked = question(agency.owner, "clients:read", "client", agency.clients[0])
    for name in ("x" * 1_000, "ä\t“ü”".encode().decode("latin-1")):
        assert service.post(EVALUATION, asked, authorization="Bearer no", x_request_id=name).status == 401


@pytest.mark.requirement("AUD-3")
@pytest.mark.parametrize("kind", ["application/json; a*=bogus''%41", "application/json; charset=nowhere"])
def test_a_refusal_is_recorded_whatever_its_content_type_says(
    alone: tuple[Service, User], agency: Agency, kind: str
) -> None:
    asked = question(agency.owner, "clients:read", "client", agency.clients[0])
    refused = alone[0].post(EVALUATION, asked, content_type=kind)
    assert refused.status == 403
    with inside(agency.organization):
        assert AccessRecord.objects.get(request_id=refused.json["request_id"]).decision == Decision.DENY


@pytest.mark.requirement("AUD-3")
def test_a_refusal_without_a_name_is_found_by_the_one_that_it_is_given(service: Service, agency: Agency) -> None:
    asked = question(agency.owner, "clients:read", "client", agency.clients[0])
    refused = service.post(EVALUATION, asked, authorization="Bearer no")
    with on_platform():
        assert AccessRecord.objects.get(request_id=refused.json["request_id"]).reason == "token-refused"


@pytest.mark.requirement("AUD-3")
def test_a_refused_attempt_is_recorded(alone: tuple[Service, User], agency: Agency) -> None:
    service, person = alone
    asked = question(agency.owner, "clients:read", "client", agency.clients[0])
    assert service.post(EVALUATION, asked, x_request_id="about-another").status == 403
    assert service.post(EVALUATION, asked, x_request_id="no-token", authorization="Bearer no").status == 401
    with inside(agency.organization):
        record = AccessRecord.objects.get(request_id="about-another")
    assert (record.actor_id, record.decision, record.action) == (person.pk, Decision.DENY, "team:read")
    assert record.interface == "authzen" and record.address == "192.0.2.7" and record.operation == EVALUATION
    with on_platform():
        assert AccessRecord.objects.get(request_id="no-token").reason == "token-refused"


def test_the_use_of_a_token_is_noted(service: Service, agency: Agency) -> None:
    asker = Service(service.runner, token_of(agency, agency.admin))
    assert asker.ask(agency.admin, "clients:read", "client", agency.clients[0]).decision
    asker.settle()
    with inside(agency.organization):
        assert ApiToken.objects.filter(user=agency.admin).latest("created_at").last_used_at is not None


def test_a_new_client_is_out_of_a_narrow_askers_sight(narrow: Service, agency: Agency) -> None:
    fresh = ClientFactory(organization=agency.organization)
    assert not narrow.ask(agency.owner, "clients:read", "client", fresh).decision
