"""What happens to a person while they join an organization, in another transaction, is told to that organization
(PDP-6): neither sees what the other has not committed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import connections, transaction
from django.utils import timezone

from accounts.actions import AcceptInvitation
from accounts.actions.invitations import digest_of
from accounts.actions.users import BanUser, RemoveSecondFactors
from accounts.models import Invitation, User
from roles.actors import RoleActor, resolve
from roles.engine.loading import load, read_version
from roles.engine.store import SnapshotStore
from tenancy.context import acting
from tests.concurrency import PATIENCE
from tests.factories import RoleFactory, UserFactory, inside, on_platform
from tests.roles.engine.waiting import number_of, until
from tests.roles.racing import WAITING
from tests.world import Agency, make_agency, make_staff

pytestmark = pytest.mark.requirement("PDP-6")


def ban(person: User, by: RoleActor) -> None:
    with acting(by) as entered:
        BanUser(entered.actor, person.pk, reason="They left in anger.").execute()


def take_second_factors(person: User, by: RoleActor) -> None:
    with acting(by) as entered:
        RemoveSecondFactors(entered.actor, person.pk).execute()


def set_up_second_factor(person: User, by: RoleActor | None = None) -> None:
    with on_platform():
        Authenticator.objects.create(user=person, type="totp", data={})


def invited(agency: Agency, *, with_factor: bool) -> User:
    """Return somebody with an invitation, to a role that wants a second factor."""
    person = UserFactory(email="eve@people.example")
    role = RoleFactory(organization=agency.organization, keys=("team:read",), requires_second_factor=True)
    if with_factor:
        set_up_second_factor(person)
    with inside(agency.organization):
        Invitation.objects.create(
            organization=agency.organization,
            email=person.email,
            role=role,
            invited_by=agency.owner,
            token_digest=digest_of("token"),
            expires_at=timezone.now() + timedelta(days=7),
        )
    return person


class Aside(Thread):
    """Work in a thread of its own, with connections of its own. `error` is what it raised."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self.work, self.error = work, None
        self.ended = Event()

    def run(self) -> None:
        try:
            self.work()
        except Exception as error:
            self.error = error
        finally:
            connections.close_all()
            self.ended.set()


@pytest.mark.parametrize("joins_first", [True, False])
@pytest.mark.parametrize(
    ("work", "with_factor", "may"),
    [(ban, True, False), (take_second_factors, True, False), (set_up_second_factor, False, True)],
)
def test_what_happens_meanwhile_counts(
    committed_db: str, work: Callable[[User, RoleActor], None], with_factor: bool, may: bool, joins_first: bool
) -> None:
    agency = make_agency("Larkmoor")
    place, person = agency.organization.pk, invited(agency, with_factor=with_factor)
    administrator = resolve(make_staff("super-admin").pk)
    assert isinstance(administrator, RoleActor)
    store = SnapshotStore(10_000)
    done, go_on = Event(), Event()

    def join() -> None:
        AcceptInvitation(agency.slug, "token", user=person).execute()

    def open_for_a_while(call: Callable[[], None]) -> None:
        with transaction.atomic():
            call()
            done.set()
            go_on.wait(PATIENCE)

    calls = [join, lambda: work(person, administrator)]
    first, second = calls if joins_first else reversed(calls)
    opening, following = Aside(lambda: open_for_a_while(first)), Aside(second)
    opening.start()
    assert done.wait(PATIENCE)
    following.start()
    until(lambda: following.ended.is_set() or number_of(WAITING) > 0, "the second is done or waits")
    store.current(place)  # whatever was committed is known by now
    go_on.set()
    for one in (opening, following):
        one.join(PATIENCE)
        assert one.error is None

    kept, truth = store.at(place, read_version(place)), load(place)
    asked = str(person.pk), "team:read", "organization", agency.slug
    assert kept.version == truth.version
    assert kept.permits(*asked) is truth.permits(*asked) is may
