"""Answers that a service keeps as the chapter's Python does: once the feed was read, nothing that was revoked is
permitted any more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.error import HTTPError

import pytest

from accounts.actions.organizations import RestoreOrganization, SuspendOrganization
from accounts.actions.users import BanUser
from clients.actions import DeleteClient, Unassign
from roles.actions import (
    AssignRole,
    DeleteApplication,
    RemoveMembership,
    RevokeResources,
    UpdateApplication,
    UpdateRole,
)
from roles.models import Application, Membership, Role
from tenancy.context import acting
from tests.factories import MembershipFactory, RoleFactory, UserFactory, assign, built_in, on_platform
from tests.live import LiveServer, live_server
from tests.roles.applications import BILLING, clerk, grant, keys_of, platform_actor, register
from tests.roles.authzen.conftest import hire, token_of
from tests.roles.authzen.test_chapter import python_of_chapter
from tests.world import Agency, make_agency, make_staff

pytestmark = [pytest.mark.requirement("PDP-3"), pytest.mark.requirement("PDP-6"), pytest.mark.slow]

_number = count(1)


@dataclass
class Desk:
    """A billing desk that keeps answers. Its `clerk` works for the first client, has `inv-7`, and all the permissions
    of the desk, with a role of their own."""

    agency: Agency
    application: Application
    server: LiveServer
    role: Role
    kept: Any

    @property
    def clerk(self) -> str:
        return str(self.agency.people["clerk"].pk)

    def may(self, question: str) -> bool:
        """Whether the clerk may do what is named so, by what is kept."""
        asked, properties = {
            "update the invoice": (("update", "billing:invoice", "inv-7"), {}),
            "read an invoice": (("read", "billing:invoice", "inv-8"), {}),
            "update their report": (("update", "billing:report", "r-1"), {"author": self.clerk}),
            "read the client": (("clients:read", "client", str(self.agency.clients[0].pk)), {}),
            "read clients": (("clients:read", "organization", self.agency.slug), {}),
        }[question]
        return bool(self.kept.may(self.clerk, *asked, **properties))

    def keeps(self, question: str) -> None:
        """Read the feed, ask, and be permitted."""
        self.kept.follow()
        assert self.may(question)

    def act(self, verb: Callable[..., Any], *values: Any) -> None:
        """Have the owner do it."""
        with acting(self.agency.actor("owner")) as entered:
            verb(entered.actor, *values).execute()

    def keeping(self, holder: Any, **values: Any) -> None:
        """Keep answers anew, with a token of somebody."""
        written = python_of_chapter()
        asking = written["Decisions"](self.server.url, token_of(self.agency, holder))
        self.kept = written["KeptDecisions"](asking, self.agency.slug, str(holder.pk), **({"seconds": 600} | values))


@pytest.fixture(scope="module")
def server(module_db: str) -> Iterator[LiveServer]:
    with live_server(module_db) as server:
        yield server


@pytest.fixture(scope="module")
def staff(module_db: str) -> Any:
    """Somebody of the platform who may do everything, with another who makes them not the last."""
    make_staff("platform-admin")
    return make_staff("super-admin")


@pytest.fixture
def desk(server: LiveServer) -> Desk:
    agency = make_agency(f"Desk{next(_number)}")
    application = register(agency)
    actor = clerk(agency, "clients:read", *keys_of(application).values(), reach="assigned")
    assign(agency.people["clerk"], agency.clients[0])
    grant(agency, application, "clerk", "inv-7")
    with on_platform():
        role = Role.objects.get(memberships__user=agency.people["clerk"])
    assert actor.user_id == agency.people["clerk"].pk
    desk = Desk(agency, application, server, role, None)
    desk.keeping(hire(agency, "team:read"))
    return desk


def membership(desk: Desk) -> Membership:
    with on_platform():
        return Membership.objects.get(user=desk.agency.people["clerk"])


def redefined(resource: str, **values: str) -> Mapping[str, Any]:
    """Return the values of a billing desk with other values for what may be done to a type of resource."""
    actions = [{**one, **(values if one["resource_type"] == resource else {})} for one in BILLING["actions"]]
    return {"actions": actions}


OWNERS: Mapping[str, tuple[str, Callable[[Desk], None]]] = {
    "a grant": (
        "update the invoice",
        lambda desk: desk.act(
            RevokeResources, desk.application.pk, "invoice", ["inv-7"], [desk.agency.people["clerk"].pk]
        ),
    ),
    "an assignment": (
        "read the client",
        lambda desk: desk.act(Unassign, [desk.agency.people["clerk"].pk], [desk.agency.clients[0].pk]),
    ),
    "a permission of the role": (
        "read clients",
        lambda desk: desk.act(UpdateRole, desk.role.pk, {"permissions": list(keys_of(desk.application).values())}),
    ),
    "the role, for another": (
        "read an invoice",
        lambda desk: desk.act(AssignRole, desk.agency.people["clerk"], built_in("org-viewer")),
    ),
    "the membership": ("read clients", lambda desk: desk.act(RemoveMembership, membership(desk))),
    "the client": ("read the client", lambda desk: desk.act(DeleteClient, desk.agency.clients[0].pk)),
    "the reach of an action": (
        "read an invoice",
        lambda desk: desk.act(UpdateApplication, desk.application.pk, redefined("invoice", reach="assigned")),
    ),
    "the property of an action": (
        "update their report",
        lambda desk: desk.act(UpdateApplication, desk.application.pk, redefined("report", owner_property="editor")),
    ),
    "the application": ("read an invoice", lambda desk: desk.act(DeleteApplication, desk.application.pk)),
}


@pytest.mark.parametrize(("question", "take"), OWNERS.values(), ids=OWNERS)
def test_what_an_owner_takes_away_is_denied_once_the_feed_was_read(
    desk: Desk, question: str, take: Callable[[Desk], None]
) -> None:
    desk.keeps(question)
    take(desk)
    assert desk.may(question), "It was not kept."
    desk.kept.follow()
    assert not desk.may(question)


def test_somebody_who_is_banned_is_denied_once_the_feed_was_read(desk: Desk, staff: Any) -> None:
    desk.keeps("read clients")
    with acting(platform_actor(staff)) as entered:
        BanUser(entered.actor, desk.agency.people["clerk"].pk, "left").execute()
    assert desk.may("read clients")
    desk.kept.follow()
    assert not desk.may("read clients")


def test_the_reach_of_a_role_that_ends_is_denied_once_the_feed_was_read(desk: Desk) -> None:
    with on_platform():
        Role.objects.filter(pk=desk.role.pk).update(reach="all")
    asked = (desk.clerk, "clients:read", "client", str(desk.agency.clients[2].pk))
    desk.kept.follow()
    assert desk.kept.may(*asked)
    desk.act(UpdateRole, desk.role.pk, {"reach": "assigned"})
    assert desk.kept.may(*asked)
    desk.kept.follow()
    assert not desk.kept.may(*asked)


def test_what_a_built_in_role_loses_is_denied_once_the_feed_was_read(desk: Desk) -> None:
    shared = RoleFactory(organization=None, name=f"shared-{desk.agency.slug}", keys=("clients:read",))
    with on_platform():
        Membership.objects.filter(user=desk.agency.people["clerk"]).update(role=shared)
    desk.keeps("read clients")
    with on_platform():
        shared.permissions.clear()
    assert desk.may("read clients")
    desk.kept.follow()
    assert not desk.may("read clients")


def test_an_answer_that_comes_after_the_feed_told_of_a_newer_change_is_not_kept(desk: Desk) -> None:
    question, take = OWNERS["a grant"]
    desk.kept.follow()
    ask = desk.kept.decisions.ask

    def overtaken(*asked: str, **properties: str) -> Any:
        answer = ask(*asked, **properties)
        take(desk)
        desk.kept.follow()
        return answer

    desk.kept.decisions.ask = overtaken
    assert desk.may(question)
    desk.kept.decisions.ask = ask
    assert not desk.may(question)


def test_what_the_holder_of_the_token_may_not_know_any_more_is_not_permitted(desk: Desk) -> None:
    holder = hire(desk.agency, "team:read", reach="assigned")
    assign(holder, desk.agency.clients[0])
    desk.keeping(holder)
    desk.keeps("read the client")
    desk.act(Unassign, [holder.pk], [desk.agency.clients[0].pk])
    assert desk.may("read the client")
    desk.kept.follow()
    assert not desk.may("read the client")


def test_a_change_that_names_the_holder_of_the_token_drops_everything(desk: Desk) -> None:
    holder = hire(desk.agency, "team:read")
    narrower = RoleFactory(organization=desk.agency.organization, keys=("team:read",), reach="assigned")
    desk.keeping(holder)
    desk.keeps("read the client")
    desk.act(AssignRole, holder, narrower)
    assert desk.may("read the client")
    desk.kept.follow()
    assert not desk.may("read the client")


def test_the_feed_is_read_to_its_end(desk: Desk) -> None:
    question, take = OWNERS["a grant"]
    desk.keeps(question)
    for client in desk.agency.clients[1:]:
        assign(desk.agency.viewer, client)
    take(desk)
    desk.kept.feed = desk.kept.feed.replace("limit=200", "limit=1")
    desk.kept.follow()
    assert not desk.may(question)


def test_answers_about_others_stay_when_a_change_names_people(desk: Desk) -> None:
    desk.keeps("update the invoice")
    desk.act(Unassign, [desk.agency.member.pk], [desk.agency.clients[0].pk])
    desk.kept.follow()
    desk.kept.decisions = None
    assert desk.may("update the invoice")


def test_nothing_kept_is_used_while_the_organization_is_suspended(desk: Desk, staff: Any) -> None:
    desk.keeps("read clients")
    with acting(platform_actor(staff)) as entered:
        SuspendOrganization(entered.actor, desk.agency.organization.pk, "unpaid").execute()
    with pytest.raises(HTTPError, match="403"):
        desk.kept.follow()
    with pytest.raises(HTTPError, match="403"):
        desk.may("read clients")
    with acting(platform_actor(staff)) as entered:
        RestoreOrganization(entered.actor, desk.agency.organization.pk).execute()
    desk.keeps("read clients")


def test_nothing_kept_is_used_when_the_feed_knows_the_place_no_more(desk: Desk) -> None:
    question, take = OWNERS["a grant"]
    desk.keeps(question)
    take(desk)
    desk.kept.place = "9223372036854775807.0"
    with pytest.raises(HTTPError, match="410"):
        desk.kept.follow()
    assert not desk.may(question)
    desk.kept.follow()
    assert not desk.may(question)


def test_nothing_kept_is_used_while_the_feed_is_not_reached(desk: Desk) -> None:
    question, take = OWNERS["a grant"]
    desk.keeps(question)
    take(desk)
    reachable, desk.kept.decisions.base = desk.kept.decisions.base, "http://127.0.0.1:1"
    with pytest.raises(OSError):
        desk.kept.follow()
    desk.kept.decisions.base = reachable
    assert not desk.may(question)


def test_nothing_kept_is_used_when_nobody_follows_the_feed(desk: Desk) -> None:
    question, take = OWNERS["a grant"]
    desk.keeping(hire(desk.agency, "team:read"), seconds=0.0)
    desk.keeps(question)
    take(desk)
    assert not desk.may(question)


def test_a_newcomer_is_permitted_once_the_feed_was_read(desk: Desk) -> None:
    newcomer = UserFactory()
    asked = (str(newcomer.pk), "clients:read", "organization", desk.agency.slug)
    desk.kept.follow()
    assert not desk.kept.may(*asked)
    MembershipFactory(user=newcomer, organization=desk.agency.organization, role=desk.role)
    desk.kept.follow()
    assert desk.kept.may(*asked)
