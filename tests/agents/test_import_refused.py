"""The file of refused rows can be opened safely, corrected and sent again."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.imports import Accepted, Refused, RowError, open_table, plan_import, read_clients, write_refused
from agents.imports.escaping import neutralise, restore

pytestmark = [pytest.mark.requirement("CLI-1"), pytest.mark.requirement("AGT-2")]

CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
RISKY_CELL = CELL | st.builds(str.__add__, st.sampled_from(["=", "+", "-", "@", "\t", "\r", "'", "'="]), CELL)


def outcomes(content: bytes) -> tuple[tuple[str, ...], list[Accepted | Refused]]:
    table = open_table(io.BytesIO(content))
    return table.headings, list(read_clients(table, plan_import(table.headings)))


def refused_file(content: bytes) -> bytes:
    headings, found = outcomes(content)
    return b"".join(write_refused(headings, (row for row in found if isinstance(row, Refused))))


def test_refused_rows_keep_their_cells_beside_row_and_problem():
    written = refused_file(b"name,email,shoe size\nAlder,nobody,42\nBirch,,43\n,a@b.example,44\n")
    assert written.startswith(b"\xef\xbb\xbf")
    assert list(csv.reader(io.StringIO(written.decode("utf-8-sig")))) == [
        ["Row", "Problem", "name", "email", "shoe size"],
        ["2", "email: This is not an e-mail address. Write it like name@company.example.", "Alder", "nobody", "42"],
        ["4", "name: The name of the client is missing. Write it.", "", "a@b.example", "44"],
    ]


def test_no_cell_of_the_file_runs_as_a_formula():
    written = refused_file(b'name,city,=1+1\n"=cmd|\'/C calc\'!A1",@SUM(A1),"\tx"\n')
    for line in csv.reader(io.StringIO(written.decode("utf-8-sig"))):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in line)


def test_a_corrected_file_is_imported_as_if_it_were_the_first():
    written = refused_file(b"name,phone,employees\nAlder,+49 30 5550,many\n")
    _, (outcome,) = outcomes(written.replace(b"many", b"12"))
    assert isinstance(outcome, Accepted)
    assert (outcome.client.phone, outcome.client.employees) == ("+49 30 5550", 12)


def test_a_row_with_too_many_cells_is_written_whole():
    written = refused_file(b"name,city\nAlder,Oslo,Norway\nBirch\n")
    _, found = outcomes(written)
    assert [list(row.cells) for row in found] == [["Alder", "Oslo", "Norway"], ["Birch"]]


def test_a_file_refused_twice_has_one_row_and_one_problem_column():
    again = refused_file(refused_file(b"name,email\nAlder,nobody\n"))
    assert again.splitlines()[0] == b"\xef\xbb\xbfRow,Problem,name,email"


def test_a_long_file_is_written_in_blocks():
    refused = [Refused(number, ["x" * 500], (RowError(number, "name", "Wrong."),)) for number in range(400)]
    blocks = list(write_refused(("name",), refused))
    assert len(blocks) > 3
    assert open_table(io.BytesIO(b"".join(blocks))).rows == 400


@given(RISKY_CELL)
def test_restoring_undoes_neutralising(cell):
    assert restore(neutralise(cell)) == cell
    assert not neutralise(cell).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


@given(st.lists(st.lists(RISKY_CELL, min_size=1, max_size=5), min_size=1, max_size=6))
def test_reading_what_was_written_gives_the_same_cells(rows):
    refused = [Refused(number, cells, (RowError(number, "name", "Wrong."),)) for number, cells in enumerate(rows)]
    table = open_table(io.BytesIO(b"".join(write_refused(("name", "=city", "phone"), refused))))
    assert table.headings == ("name", "=city", "phone")
    assert [list(record.cells) for record in table.records()] == rows
