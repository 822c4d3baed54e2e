"""The pages of imports: uploading, looking over, starting, watching, downloading what was refused."""

from __future__ import annotations

import csv
import io

import pytest

from agents.actions import UploadImport
from agents.models import ImportRun
from audit.models import AccessRecord
from tenancy.context import acting
from tests.agents.importing import companies, csv_bytes, fresh, imported, started, uploaded, work
from tests.factories import inside

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("CLI-1")]


def page(agency, rest: str = "") -> str:
    return f"/o/{agency.slug}/imports/{rest}"


def draft(agency, name: str = "owner", content: bytes | str = "hubspot-companies.csv") -> ImportRun:
    actor = agency.actor(name)
    with acting(actor):
        return UploadImport(actor, uploaded(content)).execute()


def runs(agency) -> list[ImportRun]:
    with inside(agency.organization):
        return list(ImportRun.objects.all())


def test_a_file_goes_from_upload_over_a_look_to_its_result(agency, browse):
    browser = browse(agency.owner)
    sent = browser.post(page(agency, "new/"), {"file": uploaded("hubspot-companies.csv")})
    (run,) = runs(agency)
    assert (sent.status_code, sent["Location"]) == (302, page(agency, f"{run.pk}/"))
    shown = browser.get(sent["Location"]).content.decode()
    assert "HubSpot companies" in shown
    assert "Brightwater Mills" in shown
    assert "Company owner" in shown
    begun = browser.post(sent["Location"], mapping_of(browser, run, agency) | {"step": "start"})
    assert begun.status_code == 302
    assert "Waiting for a worker" in browser.get(begun["Location"]).content.decode()
    work(fresh(run))
    assert "Go to clients" in browser.get(begun["Location"]).content.decode()


def mapping_of(browser, run, agency) -> dict[str, str]:
    """Return what the form of columns is filled with."""
    form = browser.get(page(agency, f"{run.pk}/")).context["form"]
    return {name: field.initial or "" for name, field in form.fields.items()}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"%PDF-1.7", "PDF document"),
        ("name\nJos\u00e9\n".encode("latin-1"), "not written in UTF-8"),
        (csv_bytes(("name",), [(f"C{i}",) for i in range(200_000)]), "200,000 rows"),
        (csv_bytes(("Firma", "Ort"), [("Alder", "Bonn")]), "No column holds the name"),
        (b"", "empty"),
    ],
    ids=["wrong type", "wrong encoding", "200,000 rows", "no column for the name", "empty"],
)
def test_a_file_that_cannot_be_imported_is_refused_on_the_form_and_not_kept(agency, browse, content, said):
    answer = browse(agency.owner).post(page(agency, "new/"), {"file": uploaded(content)})
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert runs(agency) == []


def test_the_column_of_the_names_can_be_chosen_for_a_file_of_no_known_format(agency, browse):
    browser, content = browse(agency.owner), csv_bytes(("Firma", "city"), [("Alder", "Bonn")])
    refused = browser.post(page(agency, "new/"), {"file": uploaded(content)})
    assert '<option value="Firma">' in refused.content.decode()
    browser.post(page(agency, "new/"), {"file": uploaded(content), "name_heading": "Firma"})
    assert runs(agency)[0].mapping == {"name": "Firma", "city": "city"}


def test_a_changed_mapping_is_shown_before_it_is_used(agency, browse):
    run, browser = draft(agency), browse(agency.owner)
    chosen = mapping_of(browser, run, agency) | {"name": "Company Domain Name", "website": "", "step": "preview"}
    shown = browser.post(page(agency, f"{run.pk}/"), chosen)
    assert shown.status_code == 200
    assert shown.context["preview"].rows[0].cells[0] == "brightwatermills.example"
    assert fresh(run).state == "draft"
    browser.post(page(agency, f"{run.pk}/"), chosen | {"step": "start"})
    assert (fresh(run).state, fresh(run).mapping["name"]) == ("queued", "Company Domain Name")


def test_an_unchanged_mapping_keeps_all_that_the_format_does(agency, browse):
    run, browser = draft(agency), browse(agency.owner)
    browser.post(page(agency, f"{run.pk}/"), mapping_of(browser, run, agency) | {"step": "start"})
    assert (fresh(run).state, fresh(run).mapping) == ("queued", {})


def test_a_mapping_without_a_name_is_refused_and_starts_nothing(agency, browse):
    run, browser = draft(agency), browse(agency.owner)
    answer = browser.post(page(agency, f"{run.pk}/"), {"city": "City", "step": "start"})
    assert answer.status_code == 422
    assert "name of the client" in answer.content.decode()
    assert fresh(run).state == "draft"


def test_problems_of_the_first_rows_are_shown_before_anything_is_imported(agency, browse):
    run = draft(agency, content="hubspot-companies-with-problems.csv")
    shown = browse(agency.owner).get(page(agency, f"{run.pk}/")).content.decode()
    assert "Will be refused" in shown
    assert "This is a formula, not a name." in shown


def test_progress_asks_for_itself_until_the_run_is_over(agency, browse):
    run, browser = started(agency.actor("owner"), companies(2)), browse(agency.owner)
    going = browser.get(page(agency, f"{run.pk}/"), headers={"HX-Request": "true"})
    assert 'hx-trigger="every 1s"' in going.content.decode()
    assert "<html" not in going.content.decode()
    work(run)
    over = browser.get(page(agency, f"{run.pk}/"), headers={"HX-Request": "true"})
    assert "hx-trigger" not in over.content.decode()
    assert "2 clients imported" in over.headers["HX-Trigger"]


def test_progress_works_without_script(agency, browse):
    run = started(agency.actor("owner"), companies(2))
    shown = browse(agency.owner).get(page(agency, f"{run.pk}/")).content.decode()
    assert f'href="{page(agency, f"{run.pk}/")}"' in shown
    assert "<progress" in shown


@pytest.mark.requirement("AGT-4")
def test_refused_rows_are_told_on_the_page_and_downloaded_as_harmless_csv(agency, browse):
    run, browser = imported(agency.actor("owner"), "hubspot-companies-with-problems.csv"), browse(agency.owner)
    assert "Download refused rows" in browser.get(page(agency, f"{run.pk}/")).content.decode()
    answer = browser.get(page(agency, f"{run.pk}/refused/"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="clients-refused.csv"' or (
        "hubspot-companies-with-problems-refused.csv" in answer.headers["Content-Disposition"]
    )
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    cells = [cell for line in csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))) for cell in line]
    assert any("HYPERLINK" in cell for cell in cells)
    assert not any(cell.startswith(("=", "@", "+", "-")) for cell in cells)


def test_a_run_without_refused_rows_has_no_download(agency, browse):
    run = imported(agency.actor("owner"), companies(1))
    assert browse(agency.owner).get(page(agency, f"{run.pk}/refused/")).status_code == 404


def test_cancelling_asks_first(agency, browse):
    run, browser = started(agency.actor("owner"), companies(2)), browse(agency.owner)
    assert "stays" in browser.get(page(agency, f"{run.pk}/cancel/")).content.decode()
    assert fresh(run).state == "queued"
    browser.post(page(agency, f"{run.pk}/cancel/"))
    assert fresh(run).state == "cancelled"


@pytest.mark.requirement("CLI-3")
def test_the_list_shows_a_member_their_own_imports_and_an_owner_all(agency, browse):
    theirs = imported(agency.actor("member"), csv_bytes(("name",), [("Mine",)]))
    imported(agency.actor("owner"), companies(1))
    assert [row[0].pk for row in browse(agency.member).get(page(agency)).context["rows"]] == [theirs.pk]
    assert len(browse(agency.owner).get(page(agency)).context["rows"]) == 2


@pytest.mark.requirement("CLI-3")
@pytest.mark.parametrize("rest", ["", "cancel/", "refused/"])
def test_the_import_of_another_is_as_if_it_were_not_there(agency, other_agency, browse, rest):
    run = imported(agency.actor("owner"), "hubspot-companies-with-problems.csv")
    assert browse(agency.owner).get(page(agency, f"{run.pk}/{rest}")).status_code == 200
    assert browse(agency.member).get(page(agency, f"{run.pk}/{rest}")).status_code == 404
    assert browse(other_agency.owner).get(page(other_agency, f"{run.pk}/{rest}")).status_code == 404


def test_a_viewer_is_not_offered_to_import_and_cannot(agency, browse):
    browser = browse(agency.viewer)
    assert "Import clients" not in browser.get(page(agency)).content.decode()
    assert browser.get(page(agency, "new/")).status_code == 403
    assert browser.post(page(agency, "new/"), {"file": uploaded(companies(1))}).status_code == 403
    assert runs(agency) == []


def test_an_upload_of_another_person_is_shown_without_the_button_that_starts_it(agency, browse):
    run, browser = draft(agency, "admin"), browse(agency.owner)
    assert "Start import" not in browser.get(page(agency, f"{run.pk}/")).content.decode()
    browser.post(page(agency, f"{run.pk}/"), {"step": "start", "name": "Company name"})
    assert fresh(run).state == "draft"


@pytest.mark.requirement("AUD-3")
def test_uploading_and_starting_leave_their_records(agency, browse):
    run, browser = draft(agency), browse(agency.owner)
    browser.post(page(agency, f"{run.pk}/"), mapping_of(browser, run, agency) | {"step": "start"})
    with inside(agency.organization):
        told = AccessRecord.objects.filter(resource_id=str(run.pk)).values_list("operation", "interface")
        assert {("upload_import", "system"), ("start_import", "pages")} <= set(told)
