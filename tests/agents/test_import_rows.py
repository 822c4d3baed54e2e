"""What a row must hold, and how every problem of it is told."""

import csv
import io
import unicodedata
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.imports import Accepted, ClientRow, Refused, Status, open_table, plan_import, read_clients

pytestmark = [pytest.mark.requirement("CLI-1"), pytest.mark.requirement("AGT-2")]
FILES = Path(__file__).parent / "files"


def read(*rows: dict[str, str]) -> list[Accepted | Refused]:
    headings = sorted({heading for row in rows for heading in row})
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, headings, restval="")
    writer.writeheader()
    writer.writerows(rows)
    table = open_table(io.BytesIO(text.getvalue().encode()))
    return list(read_clients(table, plan_import(table.headings)))


def client(**cells: str) -> ClientRow:
    (outcome,) = read({"name": "Alder", **cells})
    assert isinstance(outcome, Accepted), outcome
    return outcome.client


def problem(**cells: str) -> str:
    (outcome,) = read({"name": "Alder", **cells})
    assert isinstance(outcome, Refused), outcome
    (error,) = outcome.errors
    assert error.column in cells
    return error.message


def test_every_problem_of_a_row_is_told_at_once():
    with (FILES / "hubspot-companies-with-problems.csv").open("rb") as stream:
        table = open_table(stream)
        outcomes = list(read_clients(table, plan_import(table.headings)))
    told = {
        outcome.row: [error.column for error in outcome.errors] for outcome in outcomes if isinstance(outcome, Refused)
    }
    assert told == {
        3: ["Phone Number", "Company name", "Website URL", "Number of Employees", "Annual Revenue"],
        4: ["Company name"],
        5: ["Record ID"],
        6: [""],
        7: ["Record ID"],
        8: ["Number of Employees", "Annual Revenue"],
    }


def test_a_row_without_a_name_is_refused():
    assert "name of the client is missing" in problem(name=" ", city="Oslo")


@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "@SUM(A1)",
        "'=1+1",
        '=HYPERLINK("http://evil.example")',
        "A =CMD(1)",
        "-SUM(A1)",
        "+cmd|' /C calc'!A0",
        "＝1",
    ],
)
def test_a_formula_is_not_a_name(name):
    assert "formula" in problem(name=name)


@pytest.mark.parametrize("name", ["+Plus Agency", "-30- Press", "A = B Studio", "Marks & Co (UK)", "E-Corp (EU)"])
def test_a_name_with_a_harmless_sign_is_kept(name):
    assert client(name=name).name == name


@pytest.mark.parametrize("sign", [*"\x07\x08\x0b\x1b\x1f\x7f\x85\u202a\u202e\u2066\u2069\u200b\u200e\ufeff\u00ad"])
@pytest.mark.parametrize("field", ["name", "city", "description", "contact_first_name"])
def test_control_and_invisible_characters_are_refused_by_their_number(field, sign):
    assert f"U+{ord(sign):04X}" in problem(**{field: f"Al{sign}der"})


@pytest.mark.parametrize("name", ["می\u200cخواهم", "👩\u200d💻 Studio", "क्\u200dष"])
def test_joiners_that_a_script_needs_are_kept(name):
    assert client(name=name).name == name


def test_a_name_of_joiners_only_is_refused():
    assert "no visible character" in problem(name="\u200d")


def test_white_space_is_collapsed_and_letters_are_composed():
    assert client(name="  Cafe\u0301\t\u00a0 \n Norte ").name == "Café Norte"


def test_a_description_keeps_its_lines():
    assert client(description="one\r\ntwo\rthree").description == "one\ntwo\nthree"


@pytest.mark.parametrize(
    ("field", "longest"), [("name", 200), ("city", 100), ("postal_code", 20), ("description", 10_000)]
)
def test_text_is_kept_up_to_its_limit_and_refused_past_it(field, longest):
    assert getattr(client(**{field: "x" * longest}), field) == "x" * longest
    assert "Shorten it" in problem(**{field: "x" * (longest + 1)})


def test_a_cell_over_the_limit_of_the_file_is_refused_in_any_column():
    assert "10,001 characters" in problem(unused="x" * 10_001)


@pytest.mark.parametrize(
    ("field", "raw", "kept"),
    [
        ("email", " Info@Alder.example ", "Info@Alder.example"),
        ("email", "\u202ainfo@alder.example\u202c", "info@alder.example"),
        ("website", "alder.example/shop?a=1", "https://alder.example/shop?a=1"),
        ("website", "http://bücher.example", "http://bücher.example"),
        ("phone", "+49 (30) 55-50/1 ext. 7", "+49 (30) 55-50/1 ext. 7"),
        ("phone", "=1", None),
        ("email", "info@alder", None),
        ("email", "a@b.example, c@d.example", None),
        ("website", "javascript://alder.example/%0aalert(1)", None),
        ("website", "ftp://alder.example", None),
        ("website", "not a site", None),
        ("status", "Archived", Status.ARCHIVED),
        ("status", "Sales Qualified Lead", Status.LEAD),
        ("status", "asleep", None),
        ("external_id", "8.80E+10", None),
        ("employees", "0", 0),
        ("employees", "1,200", 1200),
        ("employees", "1\u00a0200", 1200),
        ("employees", "250.0", 250),
        ("employees", "12.5", None),
        ("employees", "3000000000", None),
        ("employees", "١٢", None),
        ("annual_revenue", "1250000.5", Decimal("1250000.50")),
        ("annual_revenue", "1,250,000.50", Decimal("1250000.50")),
        ("annual_revenue", "1.250.000,50", Decimal("1250000.50")),
        ("annual_revenue", "1.250.000", Decimal("1250000.00")),
        ("annual_revenue", "1’250’000", Decimal("1250000.00")),
        ("annual_revenue", "999999999999.99", Decimal("999999999999.99")),
        ("annual_revenue", "1000000000000", None),
        ("annual_revenue", "1.250", None),
        ("annual_revenue", "-1", None),
        ("annual_revenue", "1,25,000", None),
        ("annual_revenue", "NaN", None),
        ("annual_revenue", "9" * 41, None),
    ],
)
def test_a_cell_is_read_or_refused(field, raw, kept):
    if kept is None:
        assert problem(**{field: raw})
    else:
        assert getattr(client(**{field: raw}), field) == kept


def test_a_person_without_any_name_is_refused():
    (outcome,) = read(
        {"First Name": "", "Last Name": "", "Organization Name": "", "E-mail 1 - Value": "a@alder.example"}
    )
    assert isinstance(outcome, Refused)
    assert [error.column for error in outcome.errors] == ["Organization Name"]


def test_a_stage_that_an_account_of_hubspot_defined_itself_is_active():
    (outcome,) = read({"Record ID": "1", "Company name": "Alder", "Lifecycle Stage": "Partner"})
    assert isinstance(outcome, Accepted)
    assert outcome.client.status is Status.ACTIVE


def test_a_person_whose_whole_name_is_too_long_for_a_client_is_refused():
    cells = {"First Name": "x" * 100, "Last Name": "y" * 100, "Organization Name": "", "Labels": "* myContacts"}
    (outcome,) = read(cells)
    assert isinstance(outcome, Refused)
    assert "201 characters" in outcome.errors[0].message


def test_a_contact_without_name_and_email_is_refused():
    assert "neither a name nor an e-mail" in problem(contact_phone="555 0100")
    assert "neither a name nor an e-mail" in problem(contact_title="Buyer")


def test_a_contact_may_have_an_email_only():
    contact = client(contact_email="a@alder.example").contact
    assert contact is not None
    assert (contact.first_name, contact.last_name, contact.email) == ("", "", "a@alder.example")


def test_a_repeated_external_id_names_the_first_row():
    first, second = read({"name": "Alder", "external_id": "7"}, {"name": "Birch", "external_id": "7"})
    assert isinstance(first, Accepted)
    assert isinstance(second, Refused)
    assert [str(error) for error in second.errors] == [
        "external_id: Row 2 is the same client. Keep one of the two rows."
    ]


def test_the_same_name_and_email_is_a_repetition_whatever_the_case():
    _, second = read({"name": "Alder", "email": "a@alder.example"}, {"name": "ALDER", "email": "A@alder.example"})
    assert isinstance(second, Refused)


def test_the_same_name_with_another_external_id_is_another_client():
    outcomes = read({"name": "Alder", "external_id": "7"}, {"name": "Alder", "external_id": "8"})
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)


def test_a_refused_row_does_not_count_as_the_first():
    _, second = read(
        {"name": "Alder", "email": "", "employees": "many"}, {"name": "Alder", "email": "", "employees": "3"}
    )
    assert isinstance(second, Accepted)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=60))
def test_an_accepted_name_is_composed_visible_and_free_of_control_characters(name):
    (outcome,) = read({"name": name, "city": "Oslo"})
    if isinstance(outcome, Accepted):
        kept = outcome.client.name
        assert unicodedata.is_normalized("NFC", kept)
        assert kept == " ".join(kept.split()) != ""
        assert all(unicodedata.category(sign) not in ("Cc", "Cf") or sign in "\u200c\u200d" for sign in kept)
        assert not kept.startswith(("=", "@"))


@given(st.decimals(min_value=0, max_value=Decimal("999999999999.99"), places=2))
def test_an_amount_is_read_the_same_plain_and_grouped(amount):
    assert client(annual_revenue=f"{amount:f}").annual_revenue == amount
    assert client(annual_revenue=f"{amount:,}").annual_revenue == amount
