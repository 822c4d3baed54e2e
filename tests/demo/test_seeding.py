"""The demo world in the database: everybody finds what their role shows, and a second run disturbs nothing."""

from __future__ import annotations

import json
import stat
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import authenticate
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone
from knox.models import AuthToken

from accounts.authentication import authenticate_token
from accounts.models import Organization, User
from audit.models import AccessRecord
from clients.models import WORKSPACE_MODELS, Client, ClientGrant, Document, Note
from iam_dashboard.demo.generators import Plan, make_world
from iam_dashboard.demo.generators.records import InvoiceStatus, TenantRole, World
from iam_dashboard.demo.generators.records import Organization as AgencyRecord
from iam_dashboard.demo.seeding import DemoPerson, KeptAccess, SeedingError, seed
from roles.actors import RoleActor, resolve
from roles.models import Membership, Role
from tenancy.context import acting
from tenancy.errors import Denial, Reason
from tests.factories import UserFactory, inside, on_platform

pytestmark = [pytest.mark.requirement("REL-1"), pytest.mark.django_db]

PEOPLE = dict.fromkeys(TenantRole, 2)
SMALL = (
    Plan("first", "First Agency", PEOPLE, clients=30),
    Plan("second", "Second Agency", PEOPLE, clients=30),
    Plan("third", "Third Agency", dict.fromkeys(TenantRole, 1), clients=5, suspended=True),
)


@pytest.fixture(scope="module")
def world() -> World:
    return make_world(seed=7, anchor=date(2026, 11, 16), plans=SMALL)


@pytest.fixture
def people(db: None, world: World) -> tuple[DemoPerson, ...]:
    """The world in the database; the people whose access is listed."""
    return seed(world, KeptAccess(), _quietly)


def _stored_files() -> set[Path]:
    return {path for path in Path(default_storage.location).rglob("*") if path.is_file()}


def _quietly(sentence: str) -> None:
    """Say nothing."""


def _kept(people: tuple[DemoPerson, ...]) -> KeptAccess:
    return KeptAccess(people[0].password, {(person.email, person.organization): person.token for person in people})


def _person(people: tuple[DemoPerson, ...], role: str, organization: str | None = "first") -> DemoPerson:
    return next(person for person in people if (person.role, person.organization) == (role, organization))


def _organization(slug: str) -> Organization:
    with on_platform():
        return Organization.objects.get(slug=slug)


def _actor(person: DemoPerson) -> RoleActor | Denial:
    """Return who the person is with the token of the list."""
    user, credential = authenticate_token(f"Token {person.token}")
    assert user.email == person.email
    return resolve(user.pk, slug=person.organization, credential=credential.digest)


def _every_row() -> dict[str, Any]:
    """Return everything that seeding writes, as the database keeps it."""
    with on_platform():
        rows: dict[str, Any] = {
            model.__name__: list(model.objects.order_by("pk").values())
            for model in (Organization, User, Membership, EmailAddress, AuthToken)
        }
        organizations = list(Organization.objects.all())
    for organization in organizations:
        with inside(organization):
            for model in (Client, ClientGrant, *WORKSPACE_MODELS):
                rows[f"{organization.slug} {model.__name__}"] = list(model.objects.order_by("pk").values())
    return rows


def test_every_client_and_everything_in_its_workspace_is_written(people, world):
    for agency in world.organizations:
        with inside(_organization(agency.slug)):
            assert Client.objects.count() == len(agency.clients)
            for model in WORKSPACE_MODELS:
                expected = sum(len(getattr(client, f"{model.__name__.lower()}s")) for client in agency.clients)
                assert model.objects.count() == expected > 0
            assert ClientGrant.objects.count() == len(agency.assignments)


def test_every_person_has_their_role_and_a_verified_address(people, world):
    with on_platform():
        for agency in world.organizations:
            members = Membership.objects.filter(organization__slug=agency.slug)
            assert Counter(members.values_list("role__name", flat=True)) == Counter(p.role for p in agency.people)
        unverified = User.objects.exclude(
            pk__in=EmailAddress.objects.filter(verified=True, primary=True).values("user")
        )
        assert not unverified.exists()


def test_everyone_signed_in_last_when_the_world_says_and_after_they_joined(people, world):
    planned = {person.email: person.last_sign_in for agency in world.organizations for person in agency.people}
    with on_platform():
        seeded = Membership.objects.exclude(organization=None)
        assert dict(seeded.values_list("user__email", "user__last_login")) == planned
        assert not seeded.filter(created_at__gt=F("user__last_login")).exists()


def test_a_member_sees_exactly_the_clients_assigned(people, world):
    agency = world.organizations[0]
    member = _person(people, "org-member")
    place = [person.email for person in agency.people].index(member.email)
    assigned = {agency.clients[a.client_index].company.name for a in agency.assignments if a.person_index == place}
    actor = _actor(member)
    with acting(actor):
        assert set(Client.objects.values_list("name", flat=True)) == assigned
    assert 0 < len(assigned) < len(agency.clients)


def test_each_assignment_is_for_work_or_only_for_reading_as_planned(people, world):
    agency = world.organizations[0]
    planned = {
        (
            agency.people[assignment.person_index].email,
            agency.clients[assignment.client_index].company.name,
            "change_client" if assignment.writes else "view_client",
        )
        for assignment in agency.assignments
    }
    with inside(_organization("first")):
        grants = ClientGrant.objects.values_list("user__email", "content_object__name", "permission__codename")
        assert set(grants) == planned


def test_a_manager_sees_every_client_of_the_agency_and_none_of_the_other(people, world):
    actor = _actor(_person(people, "org-manager"))
    with acting(actor):
        assert set(Client.objects.values_list("organization__slug", flat=True)) == {"first"}
        assert Client.objects.count() == len(world.organizations[0].clients)


def test_notes_bear_the_name_of_their_author(people, world):
    agency = world.organizations[0]
    written = Counter(agency.people[note.author_index].email for client in agency.clients for note in client.notes)
    with inside(_organization("first")):
        assert Counter(Note.objects.order_by().values_list("created_by__email", flat=True)) == written


def test_a_documents_file_can_be_read_back_as_it_was_made(people, world):
    made = {document.content for client in world.organizations[0].clients for document in client.documents}
    with inside(_organization("first")):
        contents = set()
        for document in Document.objects.all():
            with document.file.open() as file:
                contents.add(file.read())
    assert contents == made


def test_clients_were_created_before_what_is_in_their_workspace(people):
    with inside(_organization("first")):
        for model in WORKSPACE_MODELS:
            assert not model.objects.filter(created_at__lt=F("client__created_at")).exists()
            assert not model.objects.filter(created_at__gt=timezone.now()).exists()


def test_one_person_of_each_role_and_organization_is_listed(people):
    tenant = {(role.value, plan.slug) for role in TenantRole for plan in SMALL}
    platform = {(role, None) for role in ("super-admin", "platform-admin", "support-agent", "analyst")}
    assert [(person.role, person.organization) for person in people[:4]] == [
        (role, None) for role in ("super-admin", "platform-admin", "support-agent", "analyst")
    ]
    assert {(person.role, person.organization) for person in people} == tenant | platform
    assert len(people) == len(tenant | platform)


def test_every_listed_password_signs_in(people):
    for person in people:
        user = authenticate(None, email=person.email, password=person.password)
        assert user is not None
        assert user.email == person.email
    assert authenticate(None, email=people[0].email, password="another password") is None


def test_every_listed_token_acts_with_the_listed_role_unless_the_organization_is_suspended(people):
    for person in people:
        actor = _actor(person)
        if person.organization == "third":
            assert actor == Denial(Reason.SUSPENDED)
        else:
            assert isinstance(actor, RoleActor)
            assert actor.role_name == person.role


def test_a_listed_token_opens_no_other_organization(people):
    member = _person(people, "org-owner")
    user, credential = authenticate_token(f"Token {member.token}")
    assert isinstance(resolve(user.pk, slug="first", credential=credential.digest), RoleActor)
    assert isinstance(resolve(user.pk, slug="second", credential=credential.digest), Denial)


def test_seeding_is_recorded(people):
    with on_platform():
        recorded = AccessRecord.objects.filter(action="organizations:create", actor_label="system: seed demo")
        assert recorded.count() == len(SMALL)


def test_a_second_run_changes_nothing(people, world):
    before = _every_row()
    assert seed(world, _kept(people), _quietly) == people
    assert _every_row() == before


def test_what_people_changed_stays_in_a_second_run(people, world):
    with inside(_organization("first")):
        changed = Client.objects.first()
        Client.objects.filter(pk=changed.pk).update(name="Renamed by hand")
        Client.objects.exclude(pk=changed.pk).last().delete()
    before = _every_row()
    seed(world, _kept(people), _quietly)
    assert _every_row() == before


def test_a_lost_list_gives_everybody_a_new_password_and_the_listed_new_tokens(people, world):
    renewed = seed(world, KeptAccess(), _quietly)
    assert renewed[0].password != people[0].password
    unlisted = next(p.email for p in world.organizations[0].people if p.email not in {q.email for q in people})
    for email in (renewed[0].email, unlisted):
        assert authenticate(None, email=email, password=renewed[0].password) is not None
        assert authenticate(None, email=email, password=people[0].password) is None
    assert isinstance(_actor(_person(renewed, "org-owner")), RoleActor)
    with on_platform():
        assert AuthToken.objects.count() == len(people)


def test_an_expired_token_is_replaced_and_the_others_are_kept(people, world):
    owner = _person(people, "org-owner")
    with on_platform():
        AuthToken.objects.filter(user__email=owner.email).update(expiry=timezone.now() - timedelta(days=1))
    renewed = seed(world, _kept(people), _quietly)
    assert _person(renewed, "org-owner").token != owner.token
    assert isinstance(_actor(_person(renewed, "org-owner")), RoleActor)
    assert [p for p in renewed if p.email != owner.email] == [p for p in people if p.email != owner.email]


def test_somebody_banned_gives_way_to_a_colleague_of_the_same_role(people, world):
    banned = _person(people, "org-admin")
    with on_platform():
        User.objects.filter(email=banned.email).update(is_active=False, banned_at=timezone.now())
    listed = _person(seed(world, _kept(people), _quietly), "org-admin")
    assert listed.email != banned.email
    assert isinstance(_actor(listed), RoleActor)


def test_a_failure_leaves_neither_rows_nor_files_of_the_organization(db, world):
    stored_before = _stored_files()
    with pytest.raises(IntegrityError):
        seed(replace(world, organizations=(_with_impossible_invoice(world.organizations[0]),)), KeptAccess(), _quietly)
    with on_platform():
        assert not Organization.objects.exists()
        assert not User.objects.filter(email__endswith="@first.example").exists()
    assert _stored_files() == stored_before


def _with_impossible_invoice(agency: AgencyRecord) -> AgencyRecord:
    """Return the agency with one invoice that the database refuses: paid on no day."""
    place = next(place for place, client in enumerate(agency.clients) if client.invoices)
    client = agency.clients[place]
    refused = replace(client.invoices[0], status=InvoiceStatus.PAID, paid_on=None)
    changed = replace(client, invoices=(refused, *client.invoices[1:]))
    return replace(agency, clients=(*agency.clients[:place], changed, *agency.clients[place + 1 :]))


def test_an_address_that_is_taken_is_named(db, world):
    taken = world.organizations[0].people[-1].email
    UserFactory(email=taken)
    with pytest.raises(SeedingError, match=taken):
        seed(world, KeptAccess(), _quietly)


def test_missing_roles_say_which_command_makes_them(db, world):
    with on_platform():
        Role.objects.filter(name="org-viewer").update(name="former-viewer")
    with pytest.raises(SeedingError, match=r"org-viewer.*sync_roles --apply"):
        seed(world, KeptAccess(), _quietly)


def test_the_command_makes_two_agencies_of_60_people_and_400_clients_and_a_suspended_one(db, tmp_path):
    _run(tmp_path / "people.json")
    sizes = {}
    for slug in ("larkmoor", "quaymark", "emberlane"):
        organization = _organization(slug)
        with inside(organization):
            sizes[slug] = (organization.status, organization.memberships.count(), Client.objects.count())
    assert sizes == {
        "larkmoor": ("active", 60, 400),
        "quaymark": ("active", 60, 400),
        "emberlane": ("suspended", 5, 20),
    }


def test_the_command_writes_a_list_for_its_owners_eyes_and_keeps_it_in_the_next_run(db, tmp_path):
    people_file = tmp_path / "people.json"
    said = _run(people_file)
    first = people_file.read_text()
    listed = json.loads(first)["people"]
    assert stat.S_IMODE(people_file.stat().st_mode) == 0o600
    assert len(listed) == 4 + 3 * 5
    assert all(set(person) == {"email", "password", "role", "organization", "token"} for person in listed)
    assert "Larkmoor Studio: 60 people, 400 clients" in said
    assert "Larkmoor Studio: found, left as it is" in _run(people_file)
    assert people_file.read_text() == first


def test_the_command_takes_a_password(db, tmp_path):
    people_file = tmp_path / "people.json"
    _run(people_file, password="a password of our own")
    listed = json.loads(people_file.read_text())["people"]
    assert {person["password"] for person in listed} == {"a password of our own"}
    assert authenticate(None, email=listed[0]["email"], password="a password of our own") is not None


def test_the_command_refuses_a_weak_password_and_writes_nothing(db, tmp_path):
    with pytest.raises(CommandError, match="too short"):
        _run(tmp_path / "people.json", password="demo")
    assert list(tmp_path.glob("people.json")) == []
    with on_platform():
        assert not Organization.objects.exists()


def test_the_command_never_overwrites_a_file_that_is_something_else(db, tmp_path):
    other = tmp_path / "notes.json"
    other.write_text('{"notes": []}')
    with pytest.raises(CommandError, match="not a list of demo people"):
        _run(other)
    assert other.read_text() == '{"notes": []}'


def test_the_command_says_that_the_directory_is_missing(db, tmp_path):
    with pytest.raises(CommandError, match="does not exist"):
        _run(tmp_path / "absent" / "people.json")


def _run(people_file: Path, **options: str) -> str:
    said = StringIO()
    call_command("seed_demo", output=people_file, stdout=said, **options)
    return said.getvalue()
