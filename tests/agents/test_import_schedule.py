"""Cancelling, and what the schedule does: runs that stand still go on, forgotten uploads go."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from agents.actions import CancelImport, DiscardForgotten, RequeueStranded, UploadImport
from agents.actions import run as running
from agents.models import DRAFT_LIFETIME, LEASE, ImportRun
from iam_dashboard.celery import app
from tenancy.context import acting
from tenancy.errors import ActionRefused, NotVisible
from tests.agents.importing import at_every_chunk, clients_of, companies, fresh, started, uploaded, work
from tests.factories import inside, on_platform

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("AGT-4")]


@pytest.fixture
def queued(django_capture_on_commit_callbacks):
    """Return the messages in the queue, after what waits for the commit was done."""

    def messages(do) -> list:
        with django_capture_on_commit_callbacks(execute=True):
            do()
        with app.connection_for_read() as connection:
            return [
                message
                for _ in range(10)
                if (message := connection.default_channel.basic_get("celery", no_ack=True)) is not None
            ]

    return messages


def later() -> object:
    return timezone.now() + LEASE + timedelta(seconds=1)


def cancelled(actor, run) -> ImportRun:
    with acting(actor):
        return CancelImport(actor, run.pk).execute()


def test_a_queued_import_is_cancelled_at_once(agency):
    run = started(agency.actor("owner"), companies(2))
    cancelled(agency.actor("owner"), run)
    assert (work(run).state, fresh(run).done_rows) == ("cancelled", 0)


def test_a_running_import_stops_before_its_next_rows_and_keeps_the_others(agency, monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 2)
    run = started(agency.actor("owner"), companies(5))
    with at_every_chunk(lambda run: ImportRun.objects.filter(pk=run.pk).update(cancel_requested=True)):
        run = work(run)
    assert (run.state, run.done_rows, run.created_clients) == ("cancelled", 2, 2)
    assert len(clients_of(agency.organization)) == 2


def test_a_held_import_is_asked_to_stop(agency):
    run = started(agency.actor("owner"), companies(2))
    with inside(agency.organization):
        ImportRun.objects.filter(pk=run.pk).update(state="running", heartbeat_at=timezone.now())
    assert cancelled(agency.actor("owner"), run).cancel_requested
    assert fresh(run).state == "running"


def test_discarding_an_upload_deletes_its_file(agency, django_capture_on_commit_callbacks):
    actor = agency.actor("owner")
    with acting(actor):
        run = UploadImport(actor, uploaded(companies(1))).execute()
    with django_capture_on_commit_callbacks(execute=True):
        cancelled(actor, run)
    assert not default_storage.exists(run.file.name)


def test_an_import_that_is_over_cannot_be_cancelled(agency):
    run = work(started(agency.actor("owner"), companies(1)))
    with pytest.raises(ActionRefused, match="is over"):
        cancelled(agency.actor("owner"), run)


def test_an_admin_cancels_the_import_of_another_and_a_member_does_not_see_it(agency):
    run = started(agency.actor("owner"), companies(1))
    with pytest.raises(NotVisible):
        cancelled(agency.actor("member"), run)
    assert cancelled(agency.actor("admin"), run).state == "cancelled"


def test_starting_sends_a_message_that_acts_for_the_uploader(agency, queued):
    (message,) = queued(lambda: started(agency.actor("owner"), companies(1)))
    assert message.headers["task"] == "agents.tasks.run_import"
    assert message.headers["acting"]["user_id"] == str(agency.owner.pk)
    assert message.headers["acting"]["organization_id"] == str(agency.organization.pk)


def test_a_run_that_nobody_took_up_is_sent_again_for_its_uploader(agency, queued):
    run = started(agency.actor("owner"), companies(1))
    (message,) = queued(lambda: RequeueStranded(later()).execute())
    assert message.headers["acting"]["user_id"] == str(agency.owner.pk)
    assert message.payload[0] == [str(run.pk)]


def test_a_run_whose_worker_fell_silent_is_sent_again_and_finished(agency, queued):
    run = started(agency.actor("owner"), companies(3))
    with inside(agency.organization):
        ImportRun.objects.filter(pk=run.pk).update(state="running", attempt=1, message="message-1")
    assert len(queued(lambda: RequeueStranded(later()).execute())) == 1
    assert work(run, "message-2").state == "succeeded"


def test_a_run_that_was_heard_of_lately_is_left_alone(agency, queued):
    started(agency.actor("owner"), companies(1))
    assert queued(lambda: RequeueStranded().execute()) == []


def test_a_run_is_sent_again_once_each_time_it_falls_silent(agency, queued):
    started(agency.actor("owner"), companies(1))
    now = later()
    assert len(queued(lambda: RequeueStranded(now).execute())) == 1
    assert queued(lambda: RequeueStranded(now).execute()) == []


def test_a_run_that_fell_silent_when_it_was_to_stop_is_cancelled(agency, queued):
    run = started(agency.actor("owner"), companies(1))
    with inside(agency.organization):
        ImportRun.objects.filter(pk=run.pk).update(state="running", cancel_requested=True)
    assert queued(lambda: RequeueStranded(later()).execute()) == []
    assert fresh(run).state == "cancelled"


def test_a_run_whose_uploader_is_gone_ends_with_a_sentence(agency, queued):
    run = started(agency.actor("owner"), companies(1))
    with inside(agency.organization):
        ImportRun.objects.filter(pk=run.pk).update(started_by=None)
    assert queued(lambda: RequeueStranded(later()).execute()) == []
    assert (fresh(run).state, fresh(run).problem) == (
        "failed",
        "The account of the person who started this import is gone.",
    )


def test_runs_of_every_organization_are_found(agency, other_agency, queued):
    for one in (agency, other_agency):
        started(one.actor("owner"), companies(1))
    assert len(queued(lambda: RequeueStranded(later()).execute())) == 2


@pytest.mark.requirement("CLI-5")
def test_the_platform_sees_how_runs_stand_and_not_what_they_import(agency):
    started(agency.actor("owner"), companies(1))
    with on_platform():
        assert list(ImportRun.objects.values_list("state", flat=True)) == ["queued"]
    with pytest.raises(Exception, match="permission denied"), on_platform():
        list(ImportRun.objects.values_list("filename", flat=True))


def test_an_upload_that_nobody_started_within_a_day_is_discarded(agency, django_capture_on_commit_callbacks):
    actor = agency.actor("owner")
    with acting(actor):
        run = UploadImport(actor, uploaded(companies(1))).execute()
    with django_capture_on_commit_callbacks(execute=True):
        assert DiscardForgotten().execute() == 0
        assert DiscardForgotten(timezone.now() + DRAFT_LIFETIME).execute() == 1
    assert fresh(run).state == "cancelled"
    assert not default_storage.exists(run.file.name)
