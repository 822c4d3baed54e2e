"""What is refused as a whole file, and what is told to the person."""

import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agents.imports import FileProblem, ImportFileError, Limits, open_table, plan_import, read_clients

pytestmark = [pytest.mark.requirement("CLI-1"), pytest.mark.requirement("AGT-2")]


def refusal(content: bytes, mapping: dict[str, str] | None = None, limits: Limits | None = None) -> ImportFileError:
    with pytest.raises(ImportFileError) as raised:
        table = open_table(io.BytesIO(content), limits)
        plan = plan_import(table.headings, mapping)
        list(read_clients(table, plan))
    return raised.value


def names(content: bytes) -> list[str]:
    table = open_table(io.BytesIO(content))
    return [outcome.client.name for outcome in read_clients(table, plan_import(table.headings))]


@pytest.mark.parametrize(
    ("content", "problem", "advice"),
    [
        (b"", FileProblem.EMPTY, "Export the clients again"),
        (b"\n\n\r\n", FileProblem.EMPTY, "only empty lines"),
        (b"name,email\n", FileProblem.NO_ROWS, "headings but no rows"),
        (b"PK\x03\x04....xl/workbook.xml", FileProblem.NOT_CSV, "save it as “CSV UTF-8"),
        (b"PK\x03\x04....clients.csv", FileProblem.NOT_CSV, "Unpack it"),
        (b"%PDF-1.7\n", FileProblem.NOT_CSV, "PDF"),
        (b"\x89PNG\r\n\x1a\n", FileProblem.NOT_CSV, "PNG"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileProblem.NOT_CSV, ".xls"),
        (b"<!DOCTYPE html><title>Sign in</title>", FileProblem.NOT_CSV, "sign-in page"),
        (b'\xef\xbb\xbf{"clients": []}', FileProblem.NOT_CSV, "JSON"),
        (b"BEGIN:VCARD\nVERSION:3.0\n", FileProblem.NOT_CSV, "Google CSV"),
        ("name\nMüller\n".encode("cp1252"), FileProblem.ENCODING, "CSV UTF-8 (comma delimited)"),
        ("name\nMüller\n".encode("utf-32"), FileProblem.ENCODING, "UTF-32"),
        (b"\xff\xfen\x00a\x00m\x00e\x00\n", FileProblem.ENCODING, "not written in UTF-8"),
        (b"name\nAlder\n\x00\x00\n", FileProblem.NUL_BYTES, "Line 3"),
        (b'name\nAlder\n"Birch\n', FileProblem.MALFORMED, "starts on line 3"),
        (b'name\n"Alder" Bakery\n', FileProblem.MALFORMED, "starts on line 2"),
        (b"name\n" + b"a" * 200_000, FileProblem.MALFORMED, "far too long"),
        (b"Row,Problem\n2,Wrong.\n", FileProblem.NO_HEADINGS, "Put the column names there"),
        (b"name,Email,e_mail,EMAIL\na,b,c,d\n", FileProblem.DUPLICATE_HEADINGS, "columns 2 and 4"),
        (b"City,Country\nOslo,Norway\n", FileProblem.MISSING_COLUMN, "“City”, “Country”"),
        (
            b"Record ID,First Name,Last Name,Email,Company name\n1,A,B,,C\n",
            FileProblem.MISSING_COLUMN,
            "“Company name”",
        ),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_with_advice(content, problem, advice):
    error = refusal(content)
    assert error.problem is problem
    assert advice in error.message


def test_a_file_of_200_000_rows_is_refused_and_told_to_be_split():
    content = b"name\n" + b"".join(b"Client %d\n" % number for number in range(200_000))
    error = refusal(content)
    assert error.problem is FileProblem.TOO_MANY_ROWS
    assert "200,000 rows" in error.message
    assert "Split it into 2 files" in error.message


def test_a_file_of_exactly_the_most_rows_is_read():
    assert open_table(io.BytesIO(b"name\na\nb\n"), Limits(rows=2)).rows == 2


def test_one_row_too_many_is_refused():
    assert refusal(b"name\na\nb\nc\n", limits=Limits(rows=2)).problem is FileProblem.TOO_MANY_ROWS


def test_a_file_over_20_megabytes_is_refused():
    error = refusal(b"name\n" + b"a" * (20 * 1024 * 1024))
    assert error.problem is FileProblem.TOO_LARGE
    assert "at most 20 MB" in error.message


def test_a_file_with_too_many_columns_is_refused():
    content = ",".join(["name", *(f"column {number}" for number in range(200))]).encode() + b"\na\n"
    assert refusal(content).problem is FileProblem.TOO_MANY_COLUMNS


def test_the_limit_of_the_csv_module_for_the_whole_process_stays_as_it_was():
    before = csv.field_size_limit()
    names(b"name\nAlder\n")
    assert csv.field_size_limit() == before


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_supported_encoding_delimiter_and_line_ending_gives_the_same_rows(encoding, delimiter, ending):
    lines = [["name", "city"], ["Müller Druck", "Köln"], ["Nordstern", ""]]
    content = "".join(delimiter.join(line) + ending for line in lines).encode(encoding)
    assert names(content) == ["Müller Druck", "Nordstern"]


def test_big_endian_utf_16_is_read():
    assert names(b"\xfe\xff" + "name\nMüller\n".encode("utf-16-be")) == ["Müller"]


def test_a_comma_inside_quotes_does_not_hide_the_semicolons():
    assert names(b'"name";"city, country"\nAlder;Berlin\n') == ["Alder"]


def test_row_numbers_are_the_lines_on_which_records_start():
    table = open_table(io.BytesIO(b'name,description\n\nAlder,"two\nlines"\n,\nBirch,\n'))
    assert [outcome.row for outcome in read_clients(table, plan_import(table.headings))] == [3, 6]
    assert table.rows == 2


def test_a_table_can_be_read_twice_and_leaves_the_file_open():
    stream = io.BytesIO(b"name\nAlder\n")
    table = open_table(stream)
    assert list(table.records()) == list(table.records())
    assert not stream.closed


@example(b"\xef\xbb\xbf")
@example(b"\xff\xfe")
@example(b'"')
@example(b"name\n\xed\xa0\x80\n")
@given(
    st.binary(max_size=300)
    | st.binary(max_size=80).map(lambda rest: b"name,email\n" + rest)
    | st.text(max_size=80).map(lambda text: f"name,website,status\n{text}".encode("utf-16", "surrogatepass"))
    | st.lists(st.lists(st.text(max_size=6), max_size=4), max_size=6).map(
        lambda rows: ("name;employees;contact_email\n" + "\n".join(";".join(row) for row in rows)).encode(
            "utf-8", "surrogatepass"
        )
    )
)
def test_no_bytes_raise_anything_but_the_import_error(content):
    try:
        table = open_table(io.BytesIO(content))
        plan = plan_import(table.headings)
        outcomes = list(read_clients(table, plan))
    except ImportFileError as error:
        assert error.message
    else:
        assert len(outcomes) == table.rows
