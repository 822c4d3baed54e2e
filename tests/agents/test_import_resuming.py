"""A run goes on where a worker died, and is done once."""

from __future__ import annotations

import pytest
from django.core.files.storage import default_storage

from agents.actions import StartImport
from agents.actions import run as running
from agents.models import ImportRun
from tenancy.context import acting
from tenancy.errors import ActionRefused
from tests.agents.importing import (
    GOOGLE,
    HUBSPOT,
    at_every_chunk,
    clients_of,
    companies,
    csv_bytes,
    fresh,
    imported,
    refused_text,
    started,
    work,
)
from tests.factories import inside

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("CLI-1")]


def test_an_import_starts_once(agency):
    actor = agency.actor("owner")
    run = started(actor, companies(1))
    with pytest.raises(ActionRefused, match="started before"), acting(actor):
        StartImport(actor, run.pk).execute()


def die_at(rows: int):
    """Return what kills a worker in the chunk that ends at that row, before it commits."""

    def die(run) -> None:
        if run.done_rows >= rows:
            raise KeyboardInterrupt

    return die


@pytest.mark.requirement("AGT-4")
def test_the_next_worker_goes_on_behind_the_last_committed_chunk(agency, monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 2)
    rows = [(f"Ada{i}", "Byron", "Engine Works" if i % 2 else "", f"ada{i}@works.example") for i in range(7)]
    run = started(agency.actor("owner"), csv_bytes(GOOGLE, rows))
    with pytest.raises(KeyboardInterrupt), at_every_chunk(die_at(6)):
        work(run)
    assert (fresh(run).state, fresh(run).done_rows) == ("running", 4)
    run = work(run)
    assert (run.state, run.attempt, run.done_rows) == ("succeeded", 2, 7)
    assert (run.created_clients, run.created_contacts) == (5, 7)
    works = next(client for client in clients_of(agency.organization) if client.name == "Engine Works")
    assert len(works.contacts.all()) == 3


@pytest.mark.requirement("AGT-4")
def test_refused_rows_are_told_once_however_many_workers_died(agency, monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 1)
    run = started(agency.actor("owner"), csv_bytes(HUBSPOT, [("1", "", "Lyon"), ("2", "", "Lyon")]))
    with pytest.raises(KeyboardInterrupt), at_every_chunk(die_at(2)):
        work(run)
    run = work(run)
    assert run.refused_rows == refused_text(run).count("Lyon") == 2


@pytest.mark.requirement("AGT-4")
def test_another_message_leaves_a_run_to_the_worker_that_has_it(agency, monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 1)
    run = started(agency.actor("owner"), companies(3))
    with pytest.raises(KeyboardInterrupt), at_every_chunk(die_at(2)):
        work(run, "message-1")
    assert (work(run, "message-2").attempt, fresh(run).done_rows) == (1, 1)
    assert (work(run, "message-1").attempt, fresh(run).done_rows) == (2, 3)


@pytest.mark.requirement("AGT-4")
def test_a_worker_that_lost_the_run_to_another_writes_no_more(agency, monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 1)
    run = started(agency.actor("owner"), companies(3))

    def another_takes_up(run) -> None:
        ImportRun.objects.filter(pk=run.pk).update(attempt=run.attempt + 1, message="message-2")

    with at_every_chunk(another_takes_up):
        run = work(run, "message-1")
    assert (run.state, run.done_rows) == ("running", 1)
    run = work(run, "message-2")
    assert (run.state, run.done_rows, run.created_clients) == ("succeeded", 3, 3)


def test_a_run_that_is_over_is_not_done_again(agency):
    run = imported(agency.actor("owner"), companies(2))
    assert work(run, "message-2").attempt == 1
    assert len(clients_of(agency.organization)) == 2


def test_a_missing_upload_fails_with_a_sentence(agency):
    run = started(agency.actor("owner"), companies(1))
    default_storage.delete(run.file.name)
    assert (work(run).state, fresh(run).problem) == ("failed", "The uploaded file is gone. Upload it again.")


@pytest.mark.requirement("AGT-4")
def test_a_run_that_its_workers_keep_dying_of_ends_with_a_sentence(agency):
    run = started(agency.actor("owner"), companies(2))
    with inside(agency.organization):
        ImportRun.objects.filter(pk=run.pk).update(attempt=running.MAX_ATTEMPTS)
    run = work(run)
    assert (run.state, run.created_clients) == ("failed", 0)
    assert "Upload the file again" in run.problem
