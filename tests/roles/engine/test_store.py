"""Which snapshot a process keeps, and when it is read anew."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from roles.engine.loading import read_version
from roles.engine.snapshot import Version
from roles.engine.store import SnapshotStore
from tests.factories import MembershipFactory, RoleFactory, UserFactory, assign, built_in
from tests.isolation.rows import superuser_dsn
from tests.world import Agency, make_agency

pytestmark = pytest.mark.requirement("PDP-6")


def hire(agency: Agency) -> str:
    user = UserFactory()
    MembershipFactory(user=user, organization=agency.organization, role=built_in("org-viewer"))
    return str(user.pk)


def statements(work: Any) -> int:
    """Return how many statements were sent, those that only say who acts aside."""
    with CaptureQueriesContext(connection) as told:
        work()
    return sum("iam_policy_version" in one["sql"] for one in told.captured_queries)


#: Room for all places of a test.
AMPLE = 1_000_000


class TestInMemory:
    pytestmark = pytest.mark.django_db

    def test_a_snapshot_serves_until_something_changes(self, agency: Agency) -> None:
        store, place = SnapshotStore(AMPLE), agency.organization.pk
        first = store.current(place)
        assert store.current(place) is first
        newcomer = hire(agency)
        assert store.current(place).person(newcomer) is not None
        assert first.person(newcomer) is None

    def test_one_statement_tells_that_nothing_changed(self, agency: Agency) -> None:
        store, place = SnapshotStore(AMPLE), agency.organization.pk
        store.current(place)
        assert statements(lambda: store.current(place)) == 1

    @pytest.mark.parametrize("function", ["iam_policy_version", "iam_policy_forgotten"])
    def test_the_version_of_a_place_is_found_by_index_however_many_there_are(self, function: str) -> None:
        """Of a few rows PostgreSQL reads all, unless told that this is dear: then only a question that leaves it no
        other way does so. It is asked over a connection of its own, which has no plan from before."""
        read_whole = "SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relname = 'roles_policyversion'"
        with psycopg.connect(superuser_dsn()) as asking:
            asking.execute("SET LOCAL enable_seqscan = off")
            before = asking.execute(read_whole).fetchone()
            for place in (uuid4(), None):
                asking.execute(f"SELECT own, shared FROM {function}(%s)", (place,))
            assert asking.execute(read_whole).fetchone() == before

    def test_whoever_knows_the_version_costs_no_statement(self, agency: Agency) -> None:
        store, place = SnapshotStore(AMPLE), agency.organization.pk
        held = store.current(place)
        assert statements(lambda: store.at(place, held.version)) == 0
        assert store.at(place, held.version) is held

    def test_places_are_kept_apart_and_so_is_the_platform(self, agency: Agency, other_agency: Agency) -> None:
        store = SnapshotStore(AMPLE)
        places = [agency.organization.pk, other_agency.organization.pk, None]
        held = [store.current(place) for place in places]
        assert [one.organization_id for one in held] == places
        assert [store.current(place) for place in places] == held

    def test_the_ones_loaded_longest_ago_go_when_all_are_too_heavy(self, agency: Agency, other_agency: Agency) -> None:
        first, second, third = (one.organization.pk for one in (agency, other_agency, make_agency("Third")))
        weight = SnapshotStore(AMPLE).current(first).weight
        store = SnapshotStore(2 * weight)
        kept = [store.current(place) for place in (first, second)]
        assert [store.at(one.organization_id, one.version) for one in kept] == kept
        store.current(third)
        assert statements(lambda: store.at(second, kept[1].version)) == 0
        assert statements(lambda: store.at(first, kept[0].version)) == 1

    def test_one_that_is_asked_for_outlives_younger_ones_that_nobody_asks_for(self, agency: Agency) -> None:
        places = [agency.organization.pk, *(make_agency(f"Agency{n}").organization.pk for n in range(4))]
        store = SnapshotStore(3 * SnapshotStore(AMPLE).current(places[0]).weight + 1)
        wanted, *others = (store.current(place) for place in places[:3])
        for place in places[3:]:
            assert statements(lambda: store.at(wanted.organization_id, wanted.version)) == 0
            store.current(place)
        assert statements(lambda: store.at(wanted.organization_id, wanted.version)) == 0
        assert all(statements(lambda one=one: store.at(one.organization_id, one.version)) == 1 for one in others)

    def test_a_heavy_one_takes_the_room_of_several(self, agency: Agency, other_agency: Agency) -> None:
        large = make_agency("Large")
        RoleFactory.create_batch(10, organization=large.organization)
        weight = SnapshotStore(AMPLE).current(large.organization.pk).weight
        store = SnapshotStore(weight + 1)
        small = [store.current(one.organization.pk) for one in (agency, other_agency)]
        assert sum(one.weight for one in small) < weight
        store.current(large.organization.pk)
        assert all(
            statements(lambda one=one: store.at(one.organization_id, one.version)) == 1 for one in reversed(small)
        )

    def test_one_that_is_loaded_again_is_the_newest(self, agency: Agency, other_agency: Agency) -> None:
        first, second, third = (one.organization.pk for one in (agency, other_agency, make_agency("Third")))
        store = SnapshotStore(2 * SnapshotStore(AMPLE).current(first).weight + 1)
        store.current(first)
        other = store.current(second)
        hire(agency)
        again = store.current(first)
        store.current(third)
        assert statements(lambda: store.at(first, again.version)) == 0
        assert statements(lambda: store.at(second, other.version)) == 1

    def test_of_those_that_are_too_heavy_alone_the_last_is_kept(self, agency: Agency, other_agency: Agency) -> None:
        store = SnapshotStore(1)
        first, last = (store.current(one.organization.pk) for one in (agency, other_agency))
        assert statements(lambda: store.at(last.organization_id, last.version)) == 0
        assert statements(lambda: store.at(first.organization_id, first.version)) == 1

    def test_whoever_is_served_from_memory_waits_for_no_reading(self, agency: Agency) -> None:
        store, place = SnapshotStore(AMPLE), agency.organization.pk
        held = store.current(place)
        store._lock = None  # type: ignore[assignment]  # to wait for it fails
        assert store.at(place, held.version) is held

    def test_within_a_transaction_only_the_very_version_serves(self, agency: Agency) -> None:
        """What is not committed yet may be rolled back."""
        store, place = SnapshotStore(AMPLE), agency.organization.pk
        held = store.current(place)
        older = Version(held.version.own - 1, held.version.shared)
        assert store.at(place, older) is not held


class TestOfWhatIsCommitted:
    @pytest.fixture
    def agency(self, module_db: str) -> Agency:
        TestOfWhatIsCommitted.made += 1
        return make_agency(f"Committed{TestOfWhatIsCommitted.made}")

    made = 0

    def test_a_newer_one_serves_whoever_asks_for_an_older_version(self, agency: Agency) -> None:
        store, place = SnapshotStore(AMPLE), agency.organization.pk
        held = store.current(place)
        older = Version(held.version.own - 1, held.version.shared)
        assert store.at(place, older) is held
        assert statements(lambda: store.at(place, older)) == 0

    def test_only_what_has_changed_is_read_again(self, agency: Agency) -> None:
        store, place = SnapshotStore(AMPLE), agency.organization.pk
        before = store.current(place)
        newcomer = hire(agency)
        with CaptureQueriesContext(connection) as told:
            after = store.current(place)
        assert after.person(newcomer) is not None and after.version.covers(before.version)
        assert any("unnest(subjects)" in one["sql"] for one in told.captured_queries)
        assert after.objects is before.objects

    def test_the_first_time_everything_is_read(self, agency: Agency) -> None:
        with CaptureQueriesContext(connection) as told:
            SnapshotStore(AMPLE).current(agency.organization.pk)
        assert not any("unnest(subjects)" in one["sql"] for one in told.captured_queries)

    def test_what_was_read_within_a_transaction_is_read_whole_again_after_it(self, agency: Agency) -> None:
        store, place = SnapshotStore(AMPLE), agency.organization.pk
        with transaction.atomic():
            ghost = hire(agency)
            assign(agency.viewer, agency.clients[1])
            seen = store.current(place)
            assert seen.person(ghost) is not None
            transaction.set_rollback(True)
        after = store.current(place)
        assert after.person(ghost) is None
        assert after.people[str(agency.viewer.pk)].assigned["client"].keys() == {str(agency.clients[0].pk)}

    def test_many_who_ask_at_once_wait_for_one_reading(self, agency: Agency) -> None:
        store, place = SnapshotStore(AMPLE), agency.organization.pk
        version = read_version(place)
        everybody, found = Barrier(4), []

        def ask() -> None:
            everybody.wait()
            found.append(store.at(place, version))
            connection.close()

        threads = [Thread(target=ask) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len({id(one) for one in found}) == 1 and len(found) == 4
