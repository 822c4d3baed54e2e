"""Every access attempt is kept: an allowed one with the work it describes, a denied one on its own (AUD-3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import Error, connection
from django.test import Client as Browser
from rest_framework.test import APIClient

from audit.models import AccessRecord, Decision, ModelChange
from audit.recording import record_allowed
from clients.models import Client
from tenancy.context import Origin, acting
from tenancy.errors import AccessDenied, Denial, Reason
from tests.factories import inside, on_platform
from tests.isolation.rows import seen_by
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("AUD-3")]
ROLES = ("owner", "member")


def records(agency: Agency, **fields: Any) -> list[AccessRecord]:
    with inside(agency.organization):
        return list(AccessRecord.objects.filter(**fields).order_by("id"))


def test_an_allowed_request_says_who_did_what_where_from(agency: Agency, browse: Callable[..., Browser]) -> None:
    page = f"/o/{agency.slug}/clients/"
    browse(agency.member).get(page, headers={"User-Agent": "Larkmoor browser", "X-Request-ID": "r-1"})
    (record,) = records(agency, request_id="r-1")
    assert (record.actor_id, record.actor_label, record.role) == (agency.member.pk, agency.member.email, "org-member")
    assert (record.action, record.operation, record.interface) == ("clients:read", "GET org:clients", "pages")
    assert (record.decision, record.reason, record.status) == (Decision.ALLOW, Reason.GRANTED, 200)
    assert (record.address, record.user_agent) == ("127.0.0.1", "Larkmoor browser")


def test_a_denied_request_is_kept_with_its_reason(agency: Agency, call: Callable[..., APIClient]) -> None:
    target = agency.clients[0]
    answer = call(agency.viewer).delete(
        f"/api/orgs/{agency.slug}/clients/{target.pk}/", headers={"If-Match": '"1"', "X-Request-ID": "r-2"}
    )
    assert answer.status_code == 403
    (record,) = records(agency, request_id="r-2")
    assert (record.decision, record.reason) == (Decision.DENY, Reason.MISSING_PERMISSION)
    assert (record.action, record.actor_id) == ("clients:delete", agency.viewer.pk)


def test_a_look_at_something_out_of_reach_is_kept(agency: Agency, browse: Callable[..., Browser]) -> None:
    hidden = agency.clients[2]
    answer = browse(agency.member).get(f"/o/{agency.slug}/clients/{hidden.pk}/", headers={"X-Request-ID": "r-3"})
    assert answer.status_code == 404
    (record,) = records(agency, request_id="r-3")
    assert (record.decision, record.reason) == (Decision.DENY, Reason.OUT_OF_REACH)
    assert (record.resource_type, record.resource_id) == ("clients.client", str(hidden.pk))


@pytest.mark.parametrize("path", ["/o/larkmoor/clients/", "/api/orgs/larkmoor/clients/", "/admin/"])
def test_the_attempt_of_a_stranger_is_kept(agency: Agency, path: str) -> None:
    Browser().get(path, headers={"X-Request-ID": "r-4"})
    with on_platform():
        record = AccessRecord.objects.get(request_id="r-4")
    assert (record.decision, record.reason) == (Decision.DENY, Reason.NOT_SIGNED_IN)
    assert (record.actor_label, record.organization_id) == ("anonymous", None)


def test_work_that_fails_leaves_neither_change_nor_record(agency: Agency) -> None:
    with pytest.raises(ZeroDivisionError), acting(agency.actor("owner"), Origin("pages", request_id="r-5")) as entered:
        client = Client.objects.create(organization=agency.organization, name="Half done")
        record_allowed("clients:write", client)
        assert entered.pending
        raise ZeroDivisionError
    assert records(agency, request_id="r-5") == []
    with inside(agency.organization):
        assert not Client.objects.filter(name="Half done").exists()


def test_a_denial_undoes_the_work_and_stays(agency: Agency) -> None:
    with (
        pytest.raises(AccessDenied),
        acting(agency.actor("member"), Origin("pages", request_id="r-6")),
    ):
        Client.objects.create(organization=agency.organization, name="Half done")
        raise AccessDenied(Denial(Reason.ABOVE_CEILING, "team:roles:assign"))
    (record,) = records(agency, request_id="r-6")
    assert record.reason == Reason.ABOVE_CEILING
    with inside(agency.organization):
        assert not Client.objects.filter(name="Half done").exists()


def test_nothing_can_be_recorded_without_an_actor() -> None:
    with pytest.raises(RuntimeError, match="no acting context"):
        record_allowed("clients:read")


@pytest.mark.requirement("AUD-4")
@pytest.mark.parametrize("person", [None, *ROLES])
@pytest.mark.parametrize("table", ["audit_accessrecord", "audit_modelchange"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET interface = 'x'", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_application_changes_and_deletes_no_record(
    agency: Agency, person: str | None, table: str, statement: str
) -> None:
    actor = agency.actor(person) if person else None
    with seen_by(actor) as cursor, pytest.raises(Error, match="permission denied"):
        cursor.execute(statement.format(table))


@pytest.mark.parametrize("how", ["session", "token"])
@pytest.mark.requirement("AUD-2")
def test_the_history_of_a_change_names_its_actor(
    agency: Agency, how: str, call: Callable[..., APIClient], token_of: Callable[..., str]
) -> None:
    target = agency.clients[0]
    client = call(agency.manager) if how == "session" else APIClient()
    headers = {"If-Match": '"1"', "X-Request-ID": "r-7"}
    if how == "token":
        headers["Authorization"] = f"Token {token_of(agency.manager, agency.organization)}"
    answer = client.patch(f"/api/orgs/{agency.slug}/clients/{target.pk}/", {"city": "Porto"}, headers=headers)
    assert answer.status_code == 200
    with inside(agency.organization):
        change = ModelChange.objects.get(cid="r-7")
    assert (change.actor_id, change.actor_email) == (agency.manager.pk, agency.manager.email)
    assert (change.remote_addr, change.interface) == ("127.0.0.1", "api")
    assert change.changes["city"] == ["Utrecht", "Porto"]


@pytest.mark.requirement("AUD-2")
def test_the_history_of_work_on_someones_behalf_names_both(agency: Agency) -> None:
    actor = replace(agency.actor("manager"), on_behalf_of_id=agency.owner.pk)
    with acting(actor, Origin("pages", request_id="r-8")):
        client = Client.objects.create(organization=agency.organization, name="Made for another")
        record_allowed("clients:write", client)
    with inside(agency.organization):
        change = ModelChange.objects.get(cid="r-8")
        record = AccessRecord.objects.get(request_id="r-8")
    for kept in (change, record):
        assert (kept.actor_id, kept.on_behalf_of_id) == (agency.manager.pk, agency.owner.pk)


def test_an_organization_reads_its_own_records_and_a_member_their_own(agency: Agency, other_agency: Agency) -> None:
    for one in (agency, other_agency):
        for person in ("owner", "member"):
            with acting(one.actor(person)):
                record_allowed("clients:read")
    with acting(agency.actor("member")):
        assert {record.actor_id for record in AccessRecord.objects.all()} == {agency.member.pk}
    with acting(agency.actor("owner")):
        assert {record.organization_id for record in AccessRecord.objects.all()} == {agency.organization.pk}
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_accessrecord")
        assert cursor.fetchone() == (0,)
