"""Which heading becomes which field, for real exports and for a person's own choice."""

from decimal import Decimal
from pathlib import Path

import pytest

from agents.imports import (
    Accepted,
    ClientRow,
    ContactRow,
    FileProblem,
    ImportFileError,
    Source,
    Status,
    open_table,
    plan_import,
    read_clients,
)

pytestmark = [pytest.mark.requirement("CLI-1"), pytest.mark.requirement("AGT-2")]
FILES = Path(__file__).parent / "files"


def clients(name: str) -> list[ClientRow]:
    with (FILES / name).open("rb") as stream:
        table = open_table(stream)
        outcomes = list(read_clients(table, plan_import(table.headings)))
    assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
    return [outcome.client for outcome in outcomes]


def test_a_company_from_hubspot_brings_all_its_fields():
    assert clients("hubspot-companies.csv")[0] == ClientRow(
        name="Brightwater Mills",
        status=Status.ACTIVE,
        source=Source.HUBSPOT,
        industry="TEXTILES",
        website="https://www.brightwatermills.example",
        phone="+44 161 555 0142",
        street="12 Canal Street",
        city="Manchester",
        region="Greater Manchester",
        postal_code="M1 3HE",
        country="United Kingdom",
        employees=140,
        annual_revenue=Decimal("18500000.00"),
        description="Weaves technical fabrics\nfor outdoor clothing.",
        external_id="18450210731",
    )


def test_numbers_quotes_and_other_scripts_of_hubspot_are_read():
    _, french, _, japanese = clients("hubspot-companies.csv")
    assert (french.name, french.employees, french.annual_revenue) == (
        "Sörensen & Fils, SA",
        1250,
        Decimal("42000000.50"),
    )
    assert french.description == 'Makes "slow" preserves'
    assert (japanese.name, japanese.city, japanese.annual_revenue) == ("東雲デザイン", "東京", Decimal(0))


def test_the_lifecycle_stages_of_hubspot_become_statuses():
    assert [client.status for client in clients("hubspot-companies.csv")] == ["active", "lead", "lead", "active"]


def test_the_domain_is_the_website_when_hubspot_has_no_other():
    assert clients("hubspot-companies.csv")[1].website == "https://sorensenfils.example"


def test_a_person_from_google_contacts_becomes_the_contact_of_the_organization():
    client = clients("google-contacts.csv")[0]
    assert (client.name, client.city, client.website) == ("Taller Ibáñez", "Madrid", "https://talleribanez.example")
    assert client.contact == ContactRow(
        "María José", "Ibáñez", "maria@talleribanez.example", "+34 91 555 01 23", "Directora"
    )


def test_two_people_of_one_organization_in_google_contacts_are_both_read():
    assert [client.name for client in clients("google-contacts.csv")[:2]] == ["Taller Ibáñez", "Taller Ibáñez"]


def test_marks_of_direction_copied_with_a_telephone_number_are_dropped():
    assert clients("google-contacts.csv")[1].phone == "+34 600 555 019"


def test_a_person_without_an_organization_is_the_client():
    client = clients("google-contacts.csv")[2]
    assert (client.name, client.email) == ("Leila Haddad", "leila.haddad@mail.example")
    assert client.contact is not None and client.contact.last_name == "Haddad"


def test_the_earlier_form_of_google_contacts_is_read():
    (client,) = clients("google-contacts-earlier.csv")
    assert (client.name, client.source, client.country) == ("Fjordlys AS", Source.GOOGLE, "Norway")
    assert client.contact == ContactRow(
        "Ingrid", "Solberg", "ingrid@fjordlys.example", "+47 22 55 50 19", "Head of Sales"
    )


def test_our_own_field_names_are_read_in_any_case_and_spacing():
    first, second = clients("plain-semicolons.csv")
    assert (first.name, first.status, first.annual_revenue) == (
        "Müller Druck GmbH",
        Status.PAUSED,
        Decimal("1250000.50"),
    )
    assert first.contact == ContactRow("Jörg", "", "joerg@muellerdruck.example", "", "")
    assert (second.status, second.employees, second.contact) == (Status.ACTIVE, 1200, None)


def test_a_persons_own_mapping_replaces_the_one_of_the_format():
    plan = plan_import(("Record ID", "Company name", "Trading name"), {"name": "trading NAME"})
    assert plan.chosen() == {"name": ("Trading name",)}
    assert plan.format.source is Source.HUBSPOT
    assert plan.ignored == ("Record ID", "Company name")


@pytest.mark.parametrize(
    ("mapping", "problem", "said"),
    [
        ({"title": "Firma"}, FileProblem.MAPPING, "no field “title”"),
        ({"name": "Company"}, FileProblem.MAPPING, "no such heading"),
        ({"city": "Ort"}, FileProblem.MISSING_COLUMN, "name of the client"),
    ],
)
def test_a_mapping_that_does_not_fit_the_file_is_refused(mapping, problem, said):
    with pytest.raises(ImportFileError) as raised:
        plan_import(("Firma", "Ort"), mapping)
    assert raised.value.problem is problem
    assert said in raised.value.message


def test_an_empty_mapping_leaves_the_choice_to_the_format():
    assert plan_import(("name",), {}) == plan_import(("name",))


def test_a_refusal_stays_short_however_many_headings_there_are():
    with pytest.raises(ImportFileError) as raised:
        plan_import([f"{number} {'long ' * 40}" for number in range(200)])
    assert len(raised.value.message) < 1000
    assert "and 188 more" in raised.value.message


def test_a_mapping_reads_headings_in_another_language():
    assert plan_import(("Firma", "Ort"), {"name": "Firma", "city": "Ort"}).chosen() == {
        "name": ("Firma",),
        "city": ("Ort",),
    }
