"""The feed of policy changes: in order, resumable, honest about what it keeps, and telling nobody too much."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.conf import settings as configured
from django.utils import timezone

from iam_dashboard.celery import app
from roles.actors import resolve
from roles.engine.snapshot import Version
from roles.engine.store import snapshots
from roles.engine.watch import Change, Feed, PositionLost, changes_after, forget_changes
from roles.models import Membership, PolicyChange
from tenancy.context import acting
from tenancy.errors import AccessDenied
from tests.factories import MembershipFactory, RoleFactory, UserFactory, assign, built_in, inside, on_platform
from tests.isolation.rows import superuser_dsn
from tests.roles.racing import held_up
from tests.world import Agency, make_agency, make_staff

REQUIREMENT = pytest.mark.requirement
pytestmark = REQUIREMENT("PDP-6")


def read(actor: Any, after: Version | None, limit: int = 100) -> Feed:
    with acting(actor):
        return changes_after(actor, after, limit)


def now(agency: Agency, person: str = "owner") -> Version:
    """Return the version from which somebody of the agency watches."""
    return read(agency.actor(person), None).resume_after


def newcomer(agency: Agency) -> Any:
    user = UserFactory()
    MembershipFactory(user=user, organization=agency.organization, role=built_in("org-viewer"))
    return user


def told(changes: list[Change]) -> list[tuple[str, Any]]:
    return [(change.kind, change.subjects) for change in changes]


def platform_actor() -> Any:
    return resolve(make_staff("super-admin").pk)


@pytest.mark.django_db
def test_changes_come_in_order_with_whom_they_concern(agency: Agency) -> None:
    start = now(agency)
    user = newcomer(agency)
    assign(user, agency.clients[1])
    feed = read(agency.actor("owner"), start)
    assert told(feed.changes) == [("membership", (user.pk,)), ("clientgrant", (user.pk,))]
    assert [change.version for change in feed.changes] == sorted(change.version for change in feed.changes)
    assert not any(change.is_shared for change in feed.changes)
    assert all(abs(timezone.now() - change.at) < timedelta(minutes=5) for change in feed.changes)
    assert read(agency.actor("owner"), feed.resume_after).changes == []


@pytest.mark.django_db
def test_whoever_begins_is_told_where_and_nothing_else(agency: Agency) -> None:
    newcomer(agency)
    feed = read(agency.actor("owner"), None)
    assert feed.changes == [] and feed.has_more is False
    assert feed.resume_after == snapshots.current(agency.organization.pk).version


@pytest.mark.django_db
def test_the_version_of_a_decision_is_a_place_to_resume(agency: Agency) -> None:
    decided = snapshots.current(agency.organization.pk).version
    user = newcomer(agency)
    assert told(read(agency.actor("owner"), decided).changes) == [("membership", (user.pk,))]


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [1, 2, 3, 5, 6])
def test_page_by_page_nothing_is_lost_and_nothing_comes_twice(agency: Agency, limit: int) -> None:
    start = now(agency)
    for number in range(3):
        newcomer(agency)
        RoleFactory(organization=None, name=f"shared-{number}")
    whole = read(agency.actor("owner"), start)
    paged, position, has_more = [], start, True
    while has_more:
        page, position, has_more = read(agency.actor("owner"), position, limit)
        assert 0 < len(page) <= limit
        paged += page
    assert paged == whole.changes
    assert position == whole.resume_after
    assert {change.is_shared for change in paged} == {True, False}


def change_role(session: Any, agency: Agency, person: str, role: str) -> None:
    changed = session.execute(
        "UPDATE roles_membership SET role_id = (SELECT id FROM roles_role WHERE name = %s)"
        " WHERE user_id = %s AND organization_id = %s",
        (role, agency.people[person].pk, agency.organization.pk),
    )
    assert changed.rowcount == 1


def test_a_change_not_committed_yet_is_neither_seen_nor_skipped(committed_db: str) -> None:
    """What is shared is committed meanwhile, with a higher number: the two sequences say nothing about each other."""
    agency = make_agency("Larkmoor", clients=0)
    owner, start = agency.actor("owner"), now(agency)
    with psycopg.connect(superuser_dsn()) as other:
        change_role(other, agency, "member", "org-manager")
        RoleFactory(organization=None, name="shared")
        before = read(owner, start)
        assert {change.is_shared for change in before.changes} == {True}
        other.commit()
    after = read(owner, before.resume_after)
    assert set(told(after.changes)) == {("membership", (agency.member.pk,))}
    assert after.changes[0].version < before.changes[0].version
    assert read(owner, after.resume_after).changes == []


def test_changes_of_one_place_take_effect_in_the_order_of_their_versions(committed_db: str) -> None:
    agency = make_agency("Larkmoor", clients=0)
    owner, start = agency.actor("owner"), now(agency)

    def second() -> None:
        with inside(agency.organization):
            Membership.objects.filter(user=agency.viewer).update(role=built_in("org-member"))

    with psycopg.connect(superuser_dsn()) as other:
        change_role(other, agency, "member", "org-manager")
        finish = held_up(second)
        assert read(owner, start).changes == []
        other.commit()
    assert finish() == [None]
    subjects = [change.subjects for change in read(owner, start).changes]
    assert list(dict.fromkeys(subjects)) == [(agency.member.pk,), (agency.viewer.pk,)]


@pytest.mark.django_db
def test_a_position_in_the_future_is_none(agency: Agency) -> None:
    current = now(agency)
    for wrong in (current._replace(own=current.own + 1), current._replace(shared=10**30)):
        with pytest.raises(PositionLost, match=f"Read everything anew, then resume after {current}") as lost:
            read(agency.actor("owner"), wrong)
        assert lost.value.current == current


@pytest.mark.django_db
def test_a_position_before_what_is_kept_is_lost_and_one_after_it_is_not(agency: Agency) -> None:
    start = now(agency)
    newcomer(agency)
    early = now(agency)
    newcomer(agency)
    late = now(agency)
    with on_platform():
        old = PolicyChange.objects.filter(version__lte=late.own)
        assert old.values("organization_id").distinct().count() > 1
        aged = old.update(at=timezone.now() - timedelta(days=31))
    user = newcomer(agency)
    assert forget_changes(timezone.now() - timedelta(days=30)) == aged
    for gone in (start, early):
        with pytest.raises(PositionLost):
            read(agency.actor("owner"), gone)
    assert told(read(agency.actor("owner"), late).changes) == [("membership", (user.pk,))]


@pytest.mark.django_db
def test_whoever_keeps_up_does_not_fall_behind_by_changes_that_are_not_for_them(agency: Agency) -> None:
    start = now(agency)
    make_staff("analyst")
    position = read(agency.actor("owner"), start).resume_after
    assert position.shared > start.shared
    with on_platform():
        PolicyChange.objects.update(at=timezone.now() - timedelta(days=31))
    forget_changes(timezone.now() - timedelta(days=30))
    assert read(agency.actor("owner"), position).changes == []


@pytest.mark.django_db
def test_what_is_kept_has_no_gap_though_a_change_that_took_longer_began_earlier(agency: Agency) -> None:
    start = now(agency)
    newcomer(agency)
    middle = now(agency)
    newcomer(agency)
    with on_platform():
        late = PolicyChange.objects.filter(version__gt=middle.own, organization_id=agency.organization.pk)
        late.update(at=timezone.now() - timedelta(days=31))
    forget_changes(timezone.now() - timedelta(days=30))
    with pytest.raises(PositionLost):
        read(agency.actor("owner"), start)
    with on_platform():
        assert not PolicyChange.objects.filter(organization_id=agency.organization.pk).exists()


@pytest.mark.django_db
def test_forgetting_in_one_organization_leaves_the_position_in_another(agency: Agency, other_agency: Agency) -> None:
    start, others = now(agency), now(other_agency)
    user = newcomer(other_agency)
    newcomer(agency)
    with on_platform():
        own = PolicyChange.objects.filter(organization_id=agency.organization.pk)
        own.update(at=timezone.now() - timedelta(days=31))
    forget_changes(timezone.now() - timedelta(days=30))
    with pytest.raises(PositionLost):
        read(agency.actor("owner"), start)
    assert told(read(other_agency.actor("owner"), others).changes) == [("membership", (user.pk,))]


@pytest.mark.django_db
def test_the_schedule_forgets_what_is_older_than_the_setting(agency: Agency, settings: Any) -> None:
    start = now(agency)
    newcomer(agency)
    settings.POLICY_CHANGES_DAYS = 7
    app.loader.import_default_modules()
    task = app.tasks[configured.CELERY_BEAT_SCHEDULE["forget-policy-changes"]["task"]]
    task()
    assert len(read(agency.actor("owner"), start).changes) == 1
    with on_platform():
        PolicyChange.objects.update(at=timezone.now() - timedelta(days=8))
    task()
    with on_platform():
        assert not PolicyChange.objects.exists()


@pytest.mark.django_db
@REQUIREMENT("CLI-5")
def test_nobody_is_told_of_another_organization_or_of_the_platform_s_people(
    agency: Agency, other_agency: Agency
) -> None:
    start = now(agency)
    newcomer(other_agency)
    make_staff("analyst")
    feed = read(agency.actor("owner"), start)
    assert feed.changes == []
    assert feed.resume_after.own == start.own


@pytest.mark.django_db
def test_an_organization_learns_that_a_shared_role_changed_and_not_which(agency: Agency) -> None:
    start = now(agency)
    RoleFactory(organization=None, scope="PLATFORM", reach=None, name="auditor")
    [change] = read(agency.actor("owner"), start).changes
    assert (change.kind, change.subjects, change.is_shared) == ("role", None, True)


@pytest.mark.django_db
@pytest.mark.parametrize(("person", "is_told"), [("owner", True), ("member", False)])
def test_somebody_with_assigned_reach_is_not_told_which_client_went(agency: Agency, person: str, is_told: bool) -> None:
    gone = agency.clients[2]
    start, pk = now(agency, person), gone.pk
    with inside(agency.organization):
        gone.delete()
    [change] = [one for one in read(agency.actor(person), start).changes if one.kind == "client"]
    assert change.subjects == ((pk,) if is_told else None)


@pytest.mark.django_db
def test_a_second_factor_is_told_as_a_change_of_the_person(agency: Agency) -> None:
    from allauth.mfa.models import Authenticator

    start = now(agency)
    with on_platform():
        Authenticator.objects.create(user=agency.member, type="totp", data={})
    assert told(read(agency.actor("viewer"), start).changes) == [("user", (agency.member.pk,))]


@pytest.mark.django_db
def test_whoever_may_not_read_the_team_watches_nothing(agency: Agency) -> None:
    user = UserFactory()
    role = RoleFactory(organization=agency.organization, keys=("clients:read",))
    MembershipFactory(user=user, organization=agency.organization, role=role)
    with pytest.raises(AccessDenied):
        read(resolve(user.pk, organization_id=agency.organization.pk), None)


@pytest.mark.django_db
def test_the_platform_watches_what_is_shared_and_its_own_people(agency: Agency) -> None:
    chief = platform_actor()
    start = read(chief, None).resume_after
    newcomer(agency)
    analyst = make_staff("analyst")
    role = RoleFactory(organization=None, scope="PLATFORM", reach=None, name="auditor")
    feed = read(chief, start)
    assert told(feed.changes) == [("membership", (analyst.pk,)), ("role", (role.pk,))]
    first = read(chief, start, 1)
    assert first.resume_after == Version(feed.changes[0].version, feed.changes[0].version)
    assert told(read(chief, first.resume_after).changes) == [("role", (role.pk,))]
