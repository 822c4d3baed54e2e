"""The REST face of imports."""

from __future__ import annotations

import json

import pytest

from agents.models import ImportRun
from tests.agents.importing import companies, csv_bytes, fresh, imported, started, uploaded, work
from tests.factories import inside

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("API-1")]


def address(agency, rest: str = "") -> str:
    return f"/api/orgs/{agency.slug}/imports/{rest}"


def send(api, agency, content, **fields):
    return api.post(address(agency), {"file": uploaded(content), **fields}, format="multipart")


def test_a_file_is_sent_and_its_import_followed_to_the_end(agency, call):
    api = call(agency.owner)
    sent = send(api, agency, "hubspot-companies-with-problems.csv")
    assert sent.status_code == 201
    assert sent.json()["state"] == "queued"
    with inside(agency.organization):
        run = ImportRun.objects.get()
    work(run)
    now = api.get(sent.headers["Location"]).json()
    assert (now["state"], now["refused_rows"]) == ("succeeded", len({error["row"] for error in now["refused"]}))
    assert any("formula" in error["message"] for error in now["refused"])
    assert api.get(address(agency)).json()["count"] == 1


def test_a_mapping_is_sent_as_json(agency, call):
    content = csv_bytes(("Firma",), [("Alder",)])
    sent = send(call(agency.owner), agency, content, mapping=json.dumps({"name": "Firma"}))
    assert (sent.status_code, sent.json()["mapping"]) == (201, {"name": "Firma"})


@pytest.mark.parametrize(
    ("content", "fields", "said"),
    [
        (b"", {}, "empty"),
        (b"PK\x03\x04 xl/workbook.xml", {}, "not a CSV file"),
        (csv_bytes(("Firma",), [("Alder",)]), {}, "No column holds the name"),
        (companies(1), {"mapping": "[1]"}, "JSON object"),
        (companies(1), {"mapping": '{"name": "Nowhere"}'}, "no such heading"),
        (companies(1), {"title": "x"}, "no such field"),
    ],
    ids=["empty", "workbook", "no column for the name", "mapping of no shape", "unknown heading", "unknown field"],
)
def test_what_cannot_be_imported_is_a_problem_and_leaves_nothing(agency, call, content, fields, said):
    answer = send(call(agency.owner), agency, content, **fields)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert said in json.dumps(answer.json())
    with inside(agency.organization):
        assert not ImportRun.objects.exists()


def test_an_import_is_cancelled(agency, call):
    run = started(agency.actor("owner"), companies(2))
    api = call(agency.owner)
    assert api.post(address(agency, f"{run.pk}/cancel/")).json()["state"] == "cancelled"
    assert api.post(address(agency, f"{run.pk}/cancel/")).status_code == 409


def test_refused_rows_are_downloaded(agency, call):
    run = imported(agency.actor("owner"), "hubspot-companies-with-problems.csv")
    answer = call(agency.owner).get(address(agency, f"{run.pk}/refused/"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert b"HYPERLINK" in answer.getvalue()


@pytest.mark.requirement("CLI-3")
@pytest.mark.parametrize(("method", "rest"), [("get", ""), ("get", "refused/"), ("post", "cancel/")])
def test_the_import_of_another_is_as_if_it_were_not_there(agency, other_agency, call, method, rest):
    run = started(agency.actor("owner"), companies(1))
    for person, place in [(agency.member, agency), (other_agency.owner, other_agency)]:
        assert getattr(call(person), method)(address(place, f"{run.pk}/{rest}")).status_code == 404
    assert fresh(run).state == "queued"


def test_a_viewer_cannot_import(agency, call):
    assert send(call(agency.viewer), agency, companies(1)).status_code == 403
    assert send(call(agency.member), agency, companies(1)).status_code == 201
