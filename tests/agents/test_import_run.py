"""An import from start to end, worked through in this process."""

from __future__ import annotations

import csv
import io

import pytest
from django.core.files.storage import default_storage

from agents.actions import StartImport, UploadImport
from agents.actions import run as running
from agents.actions.chunk import client_id
from agents.imports import FileProblem, ImportFileError
from agents.models import ImportRun
from audit.models import AccessRecord, ModelChange
from clients.models import Client, Contact
from tenancy.context import acting
from tenancy.ids import new_id
from tests.agents.importing import (
    GOOGLE,
    HUBSPOT,
    clients_of,
    companies,
    csv_bytes,
    imported,
    refused_text,
    uploaded,
    work,
)
from tests.factories import ClientFactory, inside

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("CLI-1")]


def test_companies_of_hubspot_become_clients(agency):
    run = imported(agency.actor("owner"), "hubspot-companies.csv")
    assert (run.state, run.problem) == ("succeeded", "")
    assert (run.total_rows, run.done_rows, run.created_clients, run.refused_rows) == (4, 4, 4, 0)
    names = [client.name for client in clients_of(agency.organization)]
    assert names == ["Brightwater Mills", "Kestrel Robotics", "Sörensen & Fils, SA", "東雲デザイン"]


def test_an_imported_client_carries_what_the_row_says_and_who_brought_it(agency):
    imported(agency.actor("owner"), "hubspot-companies.csv")
    mills = clients_of(agency.organization)[0]
    assert (mills.city, mills.employees, mills.source, mills.external_id) == (
        "Manchester",
        140,
        "hubspot",
        "18450210731",
    )
    assert mills.created_by_id == agency.owner.pk


@pytest.mark.parametrize("file", ["hubspot-companies.csv", "google-contacts.csv", "plain-semicolons.csv"])
def test_everything_imported_is_valid_by_the_models_own_rules(agency, file):
    imported(agency.actor("owner"), file)
    with inside(agency.organization):
        for client in Client.objects.exclude(source=""):
            client.full_clean()
            for contact in client.contacts.all():
                contact.full_clean()


def test_people_of_one_organization_in_google_contacts_become_contacts_of_one_client(agency):
    run = imported(agency.actor("owner"), "google-contacts.csv")
    workshop = next(client for client in clients_of(agency.organization) if client.name == "Taller Ibáñez")
    assert sorted(contact.first_name for contact in workshop.contacts.all()) == ["María José", "Tom"]
    assert [contact.first_name for contact in workshop.contacts.all() if contact.is_primary] == ["María José"]
    assert run.created_contacts >= 3


def test_people_of_one_organization_are_one_client_across_chunks_too(agency, monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 2)
    rows = [(f"Ada{i}", "Byron", "Engine Works", f"ada{i}@works.example") for i in range(5)]
    run = imported(agency.actor("owner"), csv_bytes(GOOGLE, rows))
    (works,) = clients_of(agency.organization)
    assert (run.created_clients, run.created_contacts, run.refused_rows) == (1, 5, 0)
    assert len(works.contacts.all()) == 5


def test_two_people_of_the_same_name_without_organization_are_two_clients(agency):
    rows = [("John", "Smith", "", "john@one.example"), ("John", "Smith", "", "john@two.example")]
    imported(agency.actor("owner"), csv_bytes(GOOGLE, rows))
    assert {client.email for client in clients_of(agency.organization)} == {"john@one.example", "john@two.example"}


def test_a_chosen_mapping_reads_a_file_of_any_headings(agency):
    content = csv_bytes(("Firma", "Ort"), [("Alder", "Bonn")])
    actor = agency.actor("owner")
    with acting(actor):
        run = UploadImport(actor, uploaded(content), {"name": "Firma"}).execute()
        run = StartImport(actor, run.pk, {"name": "Firma", "city": "Ort"}).execute()
    work(run)
    assert [(client.name, client.city) for client in clients_of(agency.organization)] == [("Alder", "Bonn")]


def test_refused_rows_come_back_as_a_file_that_no_spreadsheet_runs(agency):
    run = imported(agency.actor("owner"), "hubspot-companies-with-problems.csv")
    lines = list(csv.reader(io.StringIO(refused_text(run))))
    assert run.state == "succeeded"
    assert run.refused_rows == len(lines) - 1 > 0
    assert lines[0][:2] == ["Row", "Problem"]
    formula = next(line for line in lines if any("HYPERLINK" in cell for cell in line[2:]))
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in formula)


def test_a_corrected_file_of_refused_rows_can_be_sent_again(agency):
    actor = agency.actor("owner")
    run = imported(actor, csv_bytes(HUBSPOT, [("1", "", "Lyon"), ("2", "Alder", "Lyon")]))
    corrected = refused_text(run).replace(",1,,Lyon", ",1,Beech,Lyon")
    again = imported(actor, corrected.encode())
    assert (again.created_clients, again.refused_rows) == (1, 0)
    assert {client.name for client in clients_of(agency.organization)} == {"Alder", "Beech"}


def test_importing_the_same_file_twice_creates_nothing_twice(agency):
    actor = agency.actor("owner")
    imported(actor, companies(3))
    again = imported(actor, companies(3))
    assert (again.state, again.created_clients, again.refused_rows) == ("succeeded", 0, 3)
    assert "A client with this record id is there already: Company 1." in refused_text(again)
    assert len(clients_of(agency.organization)) == 3


def test_contacts_of_google_imported_twice_create_nothing_twice(agency):
    actor = agency.actor("owner")
    first = imported(actor, "google-contacts.csv")
    again = imported(actor, "google-contacts.csv")
    assert (again.created_clients, again.created_contacts) == (0, 0)
    assert len(clients_of(agency.organization)) == first.created_clients


def test_a_client_of_the_same_name_and_address_is_refused(agency):
    ClientFactory(organization=agency.organization, name="Alder", email="info@alder.example")
    content = csv_bytes(("name", "email"), [("Alder", "INFO@alder.example"), ("Alder", "other@alder.example")])
    run = imported(agency.actor("owner"), content)
    assert (run.created_clients, run.refused_rows) == (1, 1)
    assert "A client with this name and e-mail address is there already: Alder." in refused_text(run)


@pytest.mark.requirement("CLI-3")
def test_a_client_out_of_reach_is_not_told_of_as_a_duplicate(agency):
    ClientFactory(organization=agency.organization, name="Hidden", source="hubspot", external_id="1")
    run = imported(agency.actor("member"), companies(1))
    assert (run.created_clients, run.refused_rows) == (1, 0)


@pytest.mark.requirement("CLI-3")
def test_a_client_of_another_organization_is_not_told_of_as_a_duplicate(agency, other_agency):
    imported(other_agency.actor("owner"), companies(2))
    assert imported(agency.actor("owner"), companies(2)).created_clients == 2


@pytest.mark.requirement("CLI-2")
def test_a_member_with_assigned_reach_sees_what_they_imported(agency):
    imported(agency.actor("member"), "google-contacts.csv")
    with acting(agency.actor("member")):
        names = set(Client.objects.values_list("name", flat=True))
    assert {"Taller Ibáñez", "Leila Haddad", "Larkmoor client 1"} <= names


@pytest.mark.requirement("AUD-2")
def test_every_imported_client_and_contact_has_its_history(agency):
    run = imported(agency.actor("owner"), "google-contacts.csv")
    with inside(agency.organization):
        made = [*Client.objects.exclude(source=""), *Contact.objects.filter(client__source="google")]
        changes = ModelChange.objects.filter(object_pk__in=[str(one.pk) for one in made])
        assert changes.count() == len(made) == run.created_clients + run.created_contacts
        assert set(changes.values_list("actor_id", "interface", "cid", "action")) == {
            (agency.owner.pk, "task", "request-1", ModelChange.Action.CREATE)
        }


@pytest.mark.requirement("AUD-2")
def test_the_history_of_an_imported_client_reads_as_that_of_a_saved_one(agency):
    with acting(agency.actor("owner")):
        saved = Client.objects.create(organization=agency.organization, name="Alder", city="Bonn", employees=3)
    imported(agency.actor("owner"), csv_bytes(("name", "city", "employees"), [("Alder & Sons", "Bonn", "3")]))
    with inside(agency.organization):
        other = Client.objects.get(name="Alder & Sons")
        ours = ModelChange.objects.get(object_pk=str(other.pk)).changes
        theirs = ModelChange.objects.get(object_pk=str(saved.pk)).changes
    columns = {field.name for field in Client._meta.concrete_fields}
    differing = {"id", "name", "source", "created_at", "created_by"}
    assert {k: v for k, v in ours.items() if k not in differing} == {
        k: v for k, v in theirs.items() if k in columns - differing
    }
    assert ours["created_by"] == [None, str(agency.owner.pk)]


@pytest.mark.requirement("AUD-3")
def test_every_chunk_leaves_a_record_of_what_it_did(agency, monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 2)
    run = imported(agency.actor("owner"), companies(3))
    with inside(agency.organization):
        records = AccessRecord.objects.filter(resource_id=str(run.pk), operation="import_rows").order_by("id")
        assert [(record.detail["rows"], record.detail["clients"]) for record in records] == [([2, 3], 2), ([4, 4], 1)]
        assert {record.actor_id for record in records} == {agency.owner.pk}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", FileProblem.EMPTY),
        (b"PK\x03\x04 xl/workbook.xml", FileProblem.NOT_CSV),
        ("name\nJosé\n".encode("latin-1"), FileProblem.ENCODING),
        (csv_bytes(("name",), [(f"Company {i}",) for i in range(200_000)]), FileProblem.TOO_MANY_ROWS),
        (csv_bytes(("Firma",), [("Alder",)]), FileProblem.MISSING_COLUMN),
    ],
    ids=["empty", "workbook", "wrong encoding", "200,000 rows", "no column for the name"],
)
def test_of_a_file_that_cannot_be_imported_nothing_is_kept(agency, content, problem):
    actor = agency.actor("owner")
    with pytest.raises(ImportFileError) as raised, acting(actor):
        UploadImport(actor, uploaded(content)).execute()
    assert raised.value.problem is problem
    with inside(agency.organization):
        assert not ImportRun.objects.exists()
    assert not default_storage.exists(f"imports/{agency.organization.pk}")


def test_a_file_that_was_stored_goes_when_the_upload_is_rolled_back(agency):
    actor = agency.actor("owner")
    kept = []

    def upload_and_fail() -> None:
        with acting(actor):
            kept.append(UploadImport(actor, uploaded(companies(1))).execute().file.name)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        upload_and_fail()
    assert not default_storage.exists(kept[0])


def test_the_name_of_an_upload_never_becomes_a_path_and_is_shown_without_tricks(agency):
    actor = agency.actor("owner")
    with acting(actor):
        run = UploadImport(actor, uploaded(companies(1), "../../etc/\u202egnp.csv")).execute()
    assert run.file.name == f"imports/{agency.organization.pk}/{run.pk}.csv"
    assert run.filename == "gnp.csv"


def test_the_key_of_an_imported_client_is_a_uuid_of_version_7_that_repeats():
    run = new_id()
    made = client_id(run, 7)
    assert made == client_id(run, 7) != client_id(run, 8)
    assert (made.version, made.variant) == (7, run.variant)
    assert made.int >> 80 == run.int >> 80
