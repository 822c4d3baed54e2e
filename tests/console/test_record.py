"""The record in the console: to read only, by filters and searches that an index answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse
from django.utils import timezone

from audit.models import AccessRecord
from tests.factories import on_platform
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.requirement("AUD-3"), pytest.mark.requirement("ADM-1")]

ATTEMPTS, CHANGES = "admin:audit_accessrecord_changelist", "admin:audit_modelchange_changelist"


def rows(browser: Browser, listed: str, **chosen: str) -> list[Any]:
    return list(browser.get(reverse(listed), chosen).context["cl"].result_list)


def test_attempts_are_filtered_by_decision(agency: Agency, browse: Callable[[Any], Browser]) -> None:
    support = make_staff("support-agent")
    browser = browse(support)
    browser.get(reverse("admin:roles_role_changelist"))

    denied = rows(browser, ATTEMPTS, decision__exact="deny")
    allowed = rows(browser, ATTEMPTS, decision__exact="allow")

    assert [record.action for record in denied] == ["roles:read"]
    assert {record.decision for record in allowed} == {"allow"}


def test_attempts_are_found_by_person_permission_object_and_request(
    agency: Agency, browse: Callable[[Any], Browser]
) -> None:
    manager = browse(make_staff("platform-admin"))
    support = make_staff("support-agent")
    manager.post(
        reverse("admin:accounts_user_end-sessions"), {"pk": agency.viewer.pk}, headers={"X-Request-ID": "asked-once"}
    )
    browse(support).get(reverse("admin:index"))

    assert [record.resource_id for record in rows(manager, ATTEMPTS, q=str(agency.viewer.pk))] == [
        str(agency.viewer.pk)
    ]
    assert [record.operation for record in rows(manager, ATTEMPTS, q="asked-once")] == ["end_sessions"]
    assert {record.actor_id for record in rows(manager, ATTEMPTS, q=support.email.upper())} == {support.pk}
    assert [record.operation for record in rows(manager, ATTEMPTS, q="users:update")] == ["end_sessions"]
    assert rows(manager, ATTEMPTS, q="nothing-like-it") == []


def test_the_list_goes_back_a_week_unless_told(agency: Agency, browse: Callable[[Any], Browser]) -> None:
    browser = browse(make_staff("platform-admin"))
    browser.get(reverse("admin:index"))
    with on_platform():
        newest = AccessRecord.objects.first()
        assert newest is not None
        assert newest in AccessRecord.objects.since(timezone.now() - timedelta(hours=1))
        assert newest not in AccessRecord.objects.since(timezone.now() + timedelta(hours=1))
    changelist = browser.get(reverse(ATTEMPTS)).context["cl"]

    chosen = [choice["display"] for choice in changelist.filter_specs[0].choices(changelist) if choice["selected"]]

    assert chosen == ["Last 7 days"]


def test_an_object_leads_to_its_changes_and_no_others(agency: Agency, browse: Callable[[Any], Browser]) -> None:
    browser = browse(make_staff("platform-admin"))
    browser.post(reverse("admin:accounts_user_ban"), {"pk": agency.viewer.pk, "reason": "test"})

    led = browser.get(reverse("admin:accounts_user_history", args=(agency.viewer.pk,)))
    shown = browser.get(led["Location"]).context["cl"].result_list

    assert {change.object_pk for change in shown} == {str(agency.viewer.pk)}
    assert shown[0].action == 1


def test_a_change_shows_what_was_and_what_is(agency: Agency, browse: Callable[[Any], Browser]) -> None:
    browser = browse(make_staff("platform-admin"))
    browser.post(reverse("admin:accounts_organization_suspend"), {"pk": agency.organization.pk, "reason": "Unpaid"})
    change = next(change for change in rows(browser, CHANGES) if change.changes.get("status"))

    page = browser.get(reverse("admin:audit_modelchange_change", args=(change.pk,))).content.decode()

    assert "<tr><th>status</th><td>active</td><td>suspended</td></tr>" in page


@pytest.mark.parametrize("listed", [ATTEMPTS, CHANGES])
def test_nothing_of_the_record_is_written_from_the_console(
    listed: str, agency: Agency, browse: Callable[[Any], Browser]
) -> None:
    browser = browse(make_staff("super-admin"))
    browser.get(reverse("admin:index"))
    record = rows(browser, listed)[0]
    page = reverse(listed.replace("changelist", "change"), args=(record.pk,))

    assert browser.get(page).status_code == 200
    assert browser.post(page, {"actor_label": "somebody else"}).status_code == 403


def test_the_list_never_counts_the_whole_record(
    agency: Agency, browse: Callable[[Any], Browser], django_assert_max_num_queries: Any
) -> None:
    browser = browse(make_staff("super-admin"))
    browser.get(reverse("admin:index"))

    with django_assert_max_num_queries(20) as captured:
        assert browser.get(reverse(ATTEMPTS), {"since": "any"}).status_code == 200

    counts = [query["sql"] for query in captured.captured_queries if "COUNT(*)" in query["sql"]]
    assert counts
    assert all("LIMIT" in sql for sql in counts)


def test_denials_are_found_by_an_index(agency: Agency) -> None:
    with on_platform():
        denied = AccessRecord.objects.filter(decision="deny").order_by("-id")[:50]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {denied.query}".replace("= deny", "= 'deny'"))
            plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "audit_access_denied" in plan
