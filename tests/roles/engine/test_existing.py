"""Which clients there are, as far as a decision is concerned."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clients.models import Client
from roles.engine import existing, search
from roles.engine.existing import StoredObjects
from roles.engine.loading import load
from tests.factories import MembershipFactory, UserFactory, built_in, inside
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("PDP-1")]


def ids(agency: Agency) -> list[str]:
    return sorted(str(client.pk) for client in agency.clients)


def looked_up(objects: StoredObjects, kind: str, object_id: str) -> int:
    """Return how many statements it takes to find out whether there is the object."""
    with CaptureQueriesContext(connection) as told:
        objects.exists(kind, object_id)
    return sum("clients_client" in one["sql"] for one in told.captured_queries)


def test_a_client_of_the_organization_is_there_and_another_is_not(agency: Agency, other_agency: Agency) -> None:
    objects = StoredObjects(agency.organization.pk)
    assert objects.exists("client", ids(agency)[0])
    assert not objects.exists("client", ids(other_agency)[0])
    assert not objects.exists("client", str(uuid4()))


@pytest.mark.parametrize("kind", ["unicorn", "organization"])
def test_there_is_nothing_of_an_unknown_kind(agency: Agency, kind: str) -> None:
    objects = StoredObjects(agency.organization.pk)
    assert not objects.exists(kind, ids(agency)[0])
    assert objects.following(kind, "", 10) == []


def test_on_the_platform_there_is_nothing(agency: Agency) -> None:
    objects = StoredObjects(None)
    assert not objects.exists("client", ids(agency)[0])
    assert objects.following("client", "", 10) == []


def test_an_id_is_found_as_postgresql_writes_it_and_in_no_other_spelling(agency: Agency) -> None:
    objects, written = StoredObjects(agency.organization.pk), ids(agency)[0]
    for other in (written.upper(), written.replace("-", ""), f"{{{written}}}", f"{written}\n", f" {written}", "", "x"):
        assert looked_up(objects, "client", other) == 0
        assert not objects.exists("client", other)


def test_one_that_was_seen_is_not_looked_up_again(agency: Agency) -> None:
    objects, one = StoredObjects(agency.organization.pk), ids(agency)[0]
    assert [looked_up(objects, "client", one) for _ in range(2)] == [1, 0]
    assert objects.exists("client", one) and not objects.exists("ticket", one)


def test_one_that_is_missing_is_looked_up_each_time(agency: Agency) -> None:
    objects, missing = StoredObjects(agency.organization.pk), str(uuid4())
    assert [looked_up(objects, "client", missing) for _ in range(2)] == [1, 1]


def test_many_are_found_out_about_at_once_and_kept_with_those_before(agency: Agency, other_agency: Agency) -> None:
    objects = StoredObjects(agency.organization.pk)
    assert objects.confirm("client", ids(agency)[:1]) == set(ids(agency)[:1])
    with CaptureQueriesContext(connection) as told:
        assert objects.confirm("client", [*ids(agency), *ids(other_agency), "no id"]) == set(ids(agency))
    [asked] = [one["sql"] for one in told.captured_queries if "clients_client" in one["sql"]]
    assert [one in asked for one in (*ids(agency), "no id")] == [False, True, True, False]
    assert [looked_up(objects, "client", one) for one in ids(agency)] == [0, 0, 0]
    assert objects.confirm("client", [*ids(agency), "no id"]) == set(ids(agency))
    assert objects.confirm("unicorn", ids(agency)) == set()


def test_memory_is_bounded_by_forgetting(agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(existing, "MOST_REMEMBERED", 1)
    objects = StoredObjects(agency.organization.pk)
    first, second, third = ids(agency)
    for one in (first, second):
        objects.confirm("client", [one])
    assert [looked_up(objects, "client", one) for one in (first, second)] == [0, 0]
    objects.confirm("client", [third])
    assert looked_up(objects, "client", third) == 0
    assert looked_up(objects, "client", first) == 1


def test_who_may_do_something_to_one_that_is_missing_is_found_out_at_once(agency: Agency) -> None:
    for _ in range(5):
        MembershipFactory(user=UserFactory(), organization=agency.organization, role=built_in("org-admin"))
    snapshot = load(agency.organization.pk)
    with CaptureQueriesContext(connection) as told:
        assert search.subjects(snapshot, "clients:read", "client", str(uuid4()), limit=10) == []
    assert sum("clients_client" in one["sql"] for one in told.captured_queries) == 1


def test_those_that_come_after_an_id_are_listed_in_order(agency: Agency) -> None:
    objects, (first, second, third) = StoredObjects(agency.organization.pk), ids(agency)
    assert objects.following("client", "", 10) == [first, second, third]
    assert objects.following("client", "", 2) == [first, second]
    assert objects.following("client", first, 10) == [second, third]
    assert objects.following("client", third, 10) == []
    assert objects.following("client", "no id", 10) == []


def test_even_the_lowest_id_is_listed(agency: Agency) -> None:
    lowest = "00000000-0000-0000-0000-000000000001"
    with inside(agency.organization):
        Client.objects.create(id=lowest, organization=agency.organization, name="First")
    assert StoredObjects(agency.organization.pk).following("client", "", 1) == [lowest]
