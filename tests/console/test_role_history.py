"""The history of a role in the console: what is told of each change, and how an earlier version comes back."""

from __future__ import annotations

import pytest
from django.test import Client as Browser

from roles.models import Role, RoleEvent
from tests.console.role_pages import address, change_meanwhile, role_version, send, stored
from tests.factories import RoleFactory, on_platform
from tests.world import Agency


@pytest.mark.requirement("ROLE-3")
@pytest.mark.requirement("AUD-1")
def test_an_earlier_version_is_reviewed_then_restored(desk: Browser, planner: Role) -> None:
    change_meanwhile(planner, display_name="First", permissions=("clients:read", "notes:read"))
    with on_platform():
        event = RoleEvent.objects.filter(role_id=planner.pk, kind="UPDATED").get()
    change_meanwhile(planner, display_name="Second", permissions=("clients:read",))
    page = desk.get(address("history", planner))
    restorable = [one.event.role_version for one in page.context["shown"] if one.can_be_restored]

    review = desk.get(address("restore", planner), {"event": str(event.pk)})

    assert set(restorable) == {2}
    assert [change.after for change in review.context["review"].difference.fields] == ["First"]
    assert review.context["review"].difference.added == {"notes:read"}
    form = {"event": str(event.pk), "version": role_version(planner)}
    assert send(desk, "restore", planner, form, "save")["Location"] == address("history", planner)
    assert (stored(planner).display_name, stored(planner).permissions) == ("First", {"clients:read", "notes:read"})
    stale = send(desk, "restore", planner, form, "save")
    assert stale.status_code == 409


@pytest.mark.requirement("AUD-1")
def test_an_event_of_another_role_is_not_restored(desk: Browser, planner: Role, agency: Agency) -> None:
    other = RoleFactory(organization=agency.organization)
    change_meanwhile(other, display_name="Other now")
    with on_platform():
        event = RoleEvent.objects.get(role_id=other.pk)

    assert desk.get(address("restore", planner), {"event": str(event.pk)}).status_code == 404
    assert desk.get(address("restore", planner), {"event": "nonsense"}).status_code == 404
    assert desk.get(address("restore", planner))["Location"] == address("history", planner)


@pytest.mark.requirement("AUD-1")
def test_the_history_tells_each_change_and_what_differed(desk: Browser, planner: Role) -> None:
    change_meanwhile(planner, description="Plans.", permissions=("clients:read",))

    shown = {one.event.kind: one.difference for one in desk.get(address("history", planner)).context["shown"]}

    assert [change.after for change in shown["UPDATED"].fields] == ["Plans."]
    assert shown["UPDATED"].removed == frozenset()
    assert shown["PERMISSIONS_CHANGED"].removed == {"tasks:read"}
    assert shown["PERMISSIONS_CHANGED"].fields == ()
