"""What belongs to a client: seven kinds, one behavior (CLI-1, CLI-2)."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from clients.models import Document, Invoice, Task, WorkspaceItem
from clients.pages.kinds import KINDS, Kind
from roles.models import Membership
from tests.factories import WORKSPACE_FACTORIES, DocumentFactory, InvoiceFactory, TaskFactory, assign, inside
from tests.pages.reading import field, links_of, text_of
from tests.world import Agency

FILLED: dict[str, dict[str, str]] = {
    "contacts": {"first_name": "Ines", "last_name": "Valk"},
    "campaigns": {"name": "Spring", "channel": "search", "status": "draft", "budget": "100", "currency": "EUR"},
    "tasks": {"title": "Call back", "status": "open", "priority": "normal"},
    "notes": {"body": "Prefers mornings."},
    "invoices": {"number": "7", "status": "draft", "amount": "10", "currency": "EUR", "issued_on": "2026-11-01"},
    "connections": {"provider": "shopify", "account_name": "Shop", "status": "connected"},
}
FACTORIES = {factory._meta.model: factory for factory in WORKSPACE_FACTORIES}


def filled(kind: Kind) -> dict[str, Any]:
    if kind.slug == "documents":
        return {"title": "Plan", "file": SimpleUploadedFile("plan.txt", b"First, then second.")}
    return dict(FILLED[kind.slug])


def stored(agency: Agency, model: type[WorkspaceItem]) -> list[Any]:
    with inside(agency.organization):
        return list(model._default_manager.order_by("created_at"))


@pytest.fixture(params=KINDS, ids=lambda kind: kind.slug)
def kind(request: Any) -> Kind:
    """Each kind in turn."""
    return request.param


def items_page(agency: Agency, kind: Kind, client: int = 0, page: str = "") -> str:
    return f"/o/{agency.slug}/clients/{agency.clients[client].pk}/{kind.slug}/{page}"


@pytest.mark.requirement("CLI-1")
def test_an_item_is_created_listed_and_shown(agency: Agency, browse: Any, kind: Kind) -> None:
    browser = browse(agency.member)

    answer = browser.post(items_page(agency, kind, page="new/"), filled(kind))

    assert answer.status_code == 302, text_of(answer)
    (item,) = stored(agency, kind.model)
    assert item.created_by_id == agency.member.pk
    assert str(item) in text_of(browser.get(items_page(agency, kind)))
    assert str(item) in text_of(browser.get(f"/o/{agency.slug}/{kind.slug}/{item.pk}/"))


@pytest.mark.requirement("CLI-1")
def test_an_item_is_edited_and_a_stale_edit_overwrites_nothing(agency: Agency, browse: Any, kind: Kind) -> None:
    item = FACTORIES[kind.model](client=agency.clients[0])
    address = f"/o/{agency.slug}/{kind.slug}/{item.pk}/edit/"
    browser = browse(agency.member)
    version = field(browser.get(address), "version")
    words = filled(kind) | {"version": version}

    assert browser.post(address, words).status_code == 302
    stale = browser.post(address, filled(kind) | {"version": version})

    assert stale.status_code == 409
    assert "Nothing was overwritten" in text_of(stale)
    assert stored(agency, kind.model)[0].version == int(version) + 1


@pytest.mark.requirement("CLI-1")
def test_an_item_is_deleted_by_those_who_may(agency: Agency, browse: Any, kind: Kind) -> None:
    item = FACTORIES[kind.model](client=agency.clients[0])
    address = f"/o/{agency.slug}/{kind.slug}/{item.pk}/delete/"

    assert browse(agency.member).post(address).status_code == 403
    assert len(stored(agency, kind.model)) == 1
    assert browse(agency.manager).post(address).url == items_page(agency, kind)
    assert stored(agency, kind.model) == []


@pytest.mark.requirement("CLI-2")
def test_who_reads_a_client_adds_and_edits_nothing(agency: Agency, browse: Any, kind: Kind) -> None:
    assign(agency.member, agency.clients[1], "view_client")
    item = FACTORIES[kind.model](client=agency.clients[1])
    browser = browse(agency.member)

    listing = browser.get(items_page(agency, kind, 1))
    assert listing.status_code == 200
    assert kind.add_label not in links_of(listing)
    assert browser.post(items_page(agency, kind, 1, "new/"), filled(kind)).status_code == 403
    assert browser.post(f"/o/{agency.slug}/{kind.slug}/{item.pk}/edit/", filled(kind)).status_code == 403
    assert len(stored(agency, kind.model)) == 1


@pytest.mark.requirement("CLI-3")
def test_an_item_out_of_reach_is_not_there(agency: Agency, browse: Any, kind: Kind) -> None:
    item = FACTORIES[kind.model](client=agency.clients[1])
    browser = browse(agency.member)

    for page in ("", "edit/"):
        assert browse(agency.owner).get(f"/o/{agency.slug}/{kind.slug}/{item.pk}/{page}").status_code == 200
        assert browser.get(f"/o/{agency.slug}/{kind.slug}/{item.pk}/{page}").status_code == 404


@pytest.mark.requirement("CLI-1")
def test_a_constraint_is_told_in_words(agency: Agency, browse: Any) -> None:
    InvoiceFactory(client=agency.clients[0], number="7")

    answer = browse(agency.owner).post(
        f"/o/{agency.slug}/clients/{agency.clients[0].pk}/invoices/new/", FILLED["invoices"]
    )

    assert answer.status_code == 422
    assert "This client already has an invoice of that number." in text_of(answer)
    assert len(stored(agency, Invoice)) == 1


@pytest.mark.requirement("CLI-1")
def test_items_are_searched_and_filtered(agency: Agency, browse: Any) -> None:
    TaskFactory(client=agency.clients[0], title="Call the printer", status="open")
    TaskFactory(client=agency.clients[0], title="Write the brief", status="done")
    address = f"/o/{agency.slug}/clients/{agency.clients[0].pk}/tasks/"
    browser = browse(agency.owner)

    found = text_of(browser.get(f"{address}?q=printer"))
    done = text_of(browser.get(f"{address}?status=done"))

    assert "Call the printer" in found
    assert "Write the brief" not in found
    assert "Write the brief" in done
    assert "Call the printer" not in done
    assert "Nothing fits" in text_of(browser.get(f"{address}?q=elephant"))


@pytest.mark.requirement("CLI-1")
def test_invoices_stand_newest_first_by_the_day_of_issue(agency: Agency, browse: Any) -> None:
    for number, day in (("middle", "2026-05-01"), ("newest", "2026-09-01"), ("oldest", "2026-01-01")):
        InvoiceFactory(client=agency.clients[0], number=number, issued_on=day, due_on=None)
    address = f"/o/{agency.slug}/clients/{agency.clients[0].pk}/invoices/"
    browser = browse(agency.owner)

    def numbers(query: str = "") -> list[str]:
        return [row.item.number for row in browser.get(address + query).context["rows"]]

    assert numbers() == ["newest", "middle", "oldest"]
    assert numbers("?ordering=issued_on") == ["oldest", "middle", "newest"]


@pytest.mark.requirement("CLI-1")
def test_tasks_to_do_stand_before_those_done_each_by_the_day_they_are_due(agency: Agency, browse: Any) -> None:
    for title, status, day in (
        ("done early", "done", "2026-01-01"),
        ("some day", "open", None),
        ("late", "in_progress", "2026-09-01"),
        ("soon", "open", "2026-05-01"),
    ):
        TaskFactory(client=agency.clients[0], title=title, status=status, due_on=day)

    page = browse(agency.owner).get(f"/o/{agency.slug}/clients/{agency.clients[0].pk}/tasks/")

    assert [row.item.title for row in page.context["rows"]] == ["soon", "late", "some day", "done early"]


@pytest.mark.requirement("CLI-1")
def test_a_task_is_given_to_someone_of_the_organization(agency: Agency, other_agency: Agency, browse: Any) -> None:
    address = f"/o/{agency.slug}/clients/{agency.clients[0].pk}/tasks/new/"
    with inside(agency.organization):
        ours = Membership.objects.get(user=agency.member)
    with inside(other_agency.organization):
        theirs = Membership.objects.get(user=other_agency.member)
    browser = browse(agency.owner)

    assert browser.post(address, FILLED["tasks"] | {"assignee": str(theirs.pk)}).status_code == 422
    assert browser.post(address, FILLED["tasks"] | {"assignee": str(ours.pk)}).status_code == 302
    assert [task.assignee_id for task in stored(agency, Task)] == [ours.pk]
    assert "Call back" in text_of(browse(agency.member).get(f"/o/{agency.slug}/"))


@pytest.mark.requirement("CLI-1")
def test_a_file_that_a_browser_could_run_is_refused(agency: Agency, browse: Any) -> None:
    page = SimpleUploadedFile("plan.html", b"<html><script>alert(1)</script></html>", "text/html")

    answer = browse(agency.owner).post(
        f"/o/{agency.slug}/clients/{agency.clients[0].pk}/documents/new/", {"title": "Plan", "file": page}
    )

    assert answer.status_code == 422
    assert "Web pages" in text_of(answer)
    assert stored(agency, Document) == []


@pytest.mark.requirement("CLI-3")
def test_a_file_is_a_download_for_those_who_reach_its_client(agency: Agency, browse: Any) -> None:
    document = DocumentFactory(client=agency.clients[0])
    hidden = DocumentFactory(client=agency.clients[1])
    browser = browse(agency.member)

    answer = browser.get(f"/o/{agency.slug}/documents/{document.pk}/file/")

    assert b"".join(answer.streaming_content) == b"Plan of the quarter."
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert browser.get(f"/o/{agency.slug}/documents/{hidden.pk}/file/").status_code == 404
