"""Who may import, and a run whose sender lost that meanwhile."""

from __future__ import annotations

import pytest

from agents.actions import RunImport, Sender, StartImport, UploadImport
from agents.actions import run as running
from agents.models import RefusedRow
from roles.models import Membership
from tenancy.context import Origin, acting
from tenancy.errors import AccessDenied, ActionRefused
from tests.agents.importing import (
    HUBSPOT,
    actor_of,
    at_every_chunk,
    clients_of,
    companies,
    csv_bytes,
    fresh,
    imported,
    started,
    uploaded,
    work,
)
from tests.factories import MembershipFactory, RoleFactory, UserFactory, on_platform

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("CLI-1")]


def person_with(agency, *keys: str, reach: str = "all"):
    """Return the actor of a new person whose role holds these keys."""
    user = UserFactory()
    role = RoleFactory(organization=agency.organization, keys=keys, reach=reach)
    MembershipFactory(user=user, organization=agency.organization, role=role)
    return actor_of(user, agency.organization)


def demote(user, organization) -> None:
    with on_platform():
        Membership.objects.filter(user=user, organization=organization).delete()


@pytest.mark.parametrize("lacking", ["agents:execute", "clients:write", "contacts:write"])
def test_uploading_people_needs_every_right_that_importing_them_uses(agency, lacking):
    keys = {"agents:read", "agents:execute", "clients:read", "clients:write", "contacts:write"}
    able, unable = person_with(agency, *keys), person_with(agency, *keys - {lacking})
    with acting(able):
        assert UploadImport(able, uploaded("google-contacts.csv")).execute().state == "draft"
    with pytest.raises(AccessDenied, match=lacking), acting(unable):
        UploadImport(unable, uploaded("google-contacts.csv")).execute()


def test_a_file_without_people_needs_no_right_to_contacts(agency):
    actor = person_with(agency, "agents:read", "agents:execute", "clients:read", "clients:write")
    assert imported(actor, companies(1)).created_clients == 1


def test_a_viewer_cannot_import(agency):
    actor = agency.actor("viewer")
    with pytest.raises(AccessDenied), acting(actor):
        UploadImport(actor, uploaded(companies(1))).execute()


def test_nobody_starts_the_import_of_another_person(agency):
    actor = agency.actor("owner")
    with acting(actor):
        run = UploadImport(actor, uploaded(companies(1))).execute()
    admin = agency.actor("admin")
    with pytest.raises(ActionRefused, match="Only the person"), acting(admin):
        StartImport(admin, run.pk).execute()


@pytest.mark.requirement("AGT-3")
def test_a_right_lost_between_two_chunks_stops_the_run_and_keeps_what_was_imported(agency, monkeypatch):
    monkeypatch.setattr(running, "CHUNK", 2)
    run = started(agency.actor("admin"), companies(6))
    with at_every_chunk(lambda _: demote(agency.admin, agency.organization)):
        run = work(run)
    assert (run.state, run.done_rows, run.created_clients) == ("failed", 2, 2)
    assert run.problem.endswith("The import stopped there.")
    assert len(clients_of(agency.organization)) == 2


@pytest.mark.requirement("AGT-3")
def test_a_run_whose_uploader_lost_the_role_in_the_queue_imports_nothing(agency):
    run = started(agency.actor("admin"), companies(2))
    demote(agency.admin, agency.organization)
    run = work(run)
    assert (run.state, run.done_rows) == ("failed", 0)
    assert clients_of(agency.organization) == []


@pytest.mark.requirement("ORG-1")
def test_a_run_in_an_organization_suspended_meanwhile_imports_nothing(agency):
    run = started(agency.actor("owner"), companies(2))
    with on_platform():
        type(agency.organization).objects.filter(pk=agency.organization.pk).update(status="suspended")
    run = work(run)
    assert (run.state, run.created_clients) == ("failed", 0)
    assert "suspended" in run.problem


@pytest.mark.requirement("ORG-2")
def test_a_run_of_a_person_banned_meanwhile_imports_nothing(agency):
    run = started(agency.actor("owner"), companies(2))
    with on_platform():
        type(agency.owner).objects.filter(pk=agency.owner.pk).update(is_active=False)
    assert work(run).state == "failed"
    assert clients_of(agency.organization) == []


def test_a_message_in_the_name_of_someone_else_does_nothing(agency):
    run = started(agency.actor("owner"), companies(2))
    RunImport(run.pk, Sender(agency.admin.pk, run.organization_id, Origin("task")), "forged").execute()
    assert (fresh(run).state, fresh(run).attempt) == ("queued", 0)


def test_a_message_for_another_organization_does_nothing(agency, other_agency):
    run = started(agency.actor("owner"), companies(2))
    RunImport(run.pk, Sender(other_agency.owner.pk, other_agency.organization.pk, Origin("task")), "forged").execute()
    assert (fresh(run).state, fresh(run).attempt) == ("queued", 0)


def test_the_refused_rows_of_a_run_are_seen_by_those_who_see_the_run(agency, other_agency):
    run = imported(agency.actor("owner"), csv_bytes(HUBSPOT, [("1", "", "Lyon")]))
    for actor, seen in [
        (agency.actor("admin"), 1),
        (agency.actor("member"), 0),
        (other_agency.actor("owner"), 0),
    ]:
        with acting(actor):
            assert RefusedRow.objects.filter(run=run.pk).count() == seen
