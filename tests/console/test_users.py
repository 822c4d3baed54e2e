"""What platform staff do to accounts: as their permissions allow, never to someone above, and at once."""

from __future__ import annotations

import re
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import connections
from django.test import Client as Browser
from django.urls import reverse

from accounts.actions.users import BanUser, UserAction
from accounts.models import User
from audit.models import AccessRecord, ModelChange
from roles.actions import RemoveMembership
from roles.actors import RoleActor, resolve
from roles.models import Membership
from tenancy.context import acting
from tenancy.errors import AccessDenied, ActionRefused, Denial
from tests.factories import MembershipFactory, UserFactory, built_in, on_platform
from tests.world import Agency, make_agency, make_staff

pytestmark = pytest.mark.requirement("ORG-2")

PASSWORD = "a long enough passphrase"
VERBS = ("send-password-reset", "end-sessions", "remove-second-factors", "ban", "unban")


def actor_of(user: User) -> RoleActor:
    actor = resolve(user.pk)
    assert isinstance(actor, RoleActor), actor
    return actor


def do(browser: Browser, verb: str, *people: User, reason: str = "because of a test") -> Any:
    address = reverse(f"admin:accounts_user_{verb}")
    return browser.post(address, {"pk": [person.pk for person in people], "reason": reason})


def stored(user: User) -> User:
    with on_platform():
        return User.objects.get(pk=user.pk)


def ready_for(verb: str, user: User) -> User:
    """Return the user in a state in which the verb has something to do."""
    with on_platform():
        if verb == "remove-second-factors":
            Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
        if verb == "unban":
            BanUser(actor_of(make_staff("super-admin")), user.pk, "earlier").execute()
    return user


def signed_in(user: User) -> Browser:
    """Return a browser that went through the product's own sign-in."""
    with on_platform():
        if not user.check_password(PASSWORD):  # hashing it anew would end the sessions there are
            user.set_password(PASSWORD)
            user.save(update_fields=["password"])
        EmailAddress.objects.get_or_create(user=user, email=user.email, defaults={"verified": True, "primary": True})
    browser = Browser()
    answer = browser.post(reverse("account_login"), {"login": user.email, "password": PASSWORD})
    assert answer.status_code == 302, answer.content
    return browser


@pytest.mark.parametrize("verb", VERBS)
def test_a_platform_admin_does_it_to_people_of_organizations(
    verb: str, agency: Agency, console: Callable[[str], Browser]
) -> None:
    viewer = ready_for(verb, agency.viewer)

    answer = do(console("platform-admin"), verb, viewer)

    assert answer.status_code == 302
    with on_platform():
        assert AccessRecord.objects.filter(operation=verb.replace("ban", "ban_user").replace("-", "_")).count() == 1


@pytest.mark.parametrize(
    ("verb", "status"),
    [
        ("send-password-reset", 302),
        ("end-sessions", 403),
        ("remove-second-factors", 403),
        ("ban", 403),
        ("unban", 403),
    ],
)
def test_a_support_agent_only_sends_password_links(
    verb: str, status: int, agency: Agency, console: Callable[[str], Browser]
) -> None:
    viewer = ready_for(verb, agency.viewer)

    assert do(console("support-agent"), verb, viewer).status_code == status


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.requirement("ASSIGN-4")
def test_nobody_does_it_to_someone_above_and_the_higher_one_does(
    verb: str, agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    keys = (
        *("users:list", "users:read", "users:update", "users:ban", "users:unban", "users:reset-password"),
        *("admins:read", "admins:update", "admins:reset-password", "admins:manage-2fa", "admins:revoke-sessions"),
    )
    above = ready_for(verb, make_staff("platform-admin"))  # priority 80

    assert do(browse(staff_with(*keys, priority=79)), verb, above).status_code == 403
    assert do(browse(staff_with(*keys, priority=80)), verb, above).status_code == 302


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "unban"])
@pytest.mark.requirement("ASSIGN-3")
def test_nobody_does_it_to_themselves(verb: str, agency: Agency, browse: Callable[[Any], Browser]) -> None:
    me, other = make_staff("super-admin"), ready_for(verb, agency.viewer)
    ready_for(verb, me)
    browser = browse(me)

    assert do(browser, verb, other).status_code == 302
    assert do(browser, verb, me).status_code == 403


@pytest.mark.parametrize(
    ("verb", "staff_key"),
    [
        ("send-password-reset", "admins:reset-password"),
        ("end-sessions", "admins:revoke-sessions"),
        ("remove-second-factors", "admins:manage-2fa"),
        ("ban", "admins:update"),
        ("unban", "admins:update"),
    ],
)
def test_platform_staff_take_a_permission_of_their_own(
    verb: str, staff_key: str, agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    keys = ("users:read", "users:update", "users:ban", "users:unban", "users:reset-password", "admins:read")
    colleague, viewer = ready_for(verb, make_staff("analyst")), agency.viewer
    if verb != "unban":
        ready_for(verb, viewer)

    without = browse(staff_with(*keys))
    assert do(without, verb, colleague).status_code == 403
    if verb != "unban":
        assert do(without, verb, viewer).status_code == 302
    assert do(browse(staff_with(*keys, staff_key)), verb, colleague).status_code == 302


@pytest.mark.requirement("PDP-6")
def test_a_banned_person_is_refused_at_the_next_request_and_let_in_again_after(
    agency: Agency, console: Callable[[str], Browser]
) -> None:
    browser, manager = signed_in(agency.member), console("platform-admin")
    home = reverse("org:home", args=(agency.slug,))
    assert browser.get(home).status_code == 200

    do(manager, "ban", agency.member, reason="Lost laptop")

    assert browser.get(home).status_code == 302
    assert stored(agency.member).banned_at is not None
    assert (
        "_auth_user_id"
        not in Browser()
        .post(reverse("account_login"), {"login": agency.member.email, "password": PASSWORD})
        .wsgi_request.session
    )
    do(manager, "unban", agency.member)
    assert signed_in(stored(agency.member)).get(home).status_code == 200


@pytest.mark.requirement("PDP-6")
def test_an_ended_session_is_refused_at_the_next_request(agency: Agency, console: Callable[[str], Browser]) -> None:
    laptop, phone, other = signed_in(agency.member), signed_in(agency.member), signed_in(agency.manager)
    home = reverse("org:home", args=(agency.slug,))
    assert [browser.get(home).status_code for browser in (laptop, phone)] == [200, 200]

    do(console("platform-admin"), "end-sessions", agency.member)

    assert [browser.get(home).status_code for browser in (laptop, phone)] == [302, 302]
    assert other.get(home).status_code == 200


def test_a_password_link_sets_a_new_password_once(
    agency: Agency, console: Callable[[str], Browser], django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    with on_platform():
        EmailAddress.objects.create(user=agency.member, email=agency.member.email, verified=True, primary=True)
    with django_capture_on_commit_callbacks(execute=True):
        do(console("support-agent"), "send-password-reset", agency.member)

    (message,) = mail.outbox
    assert message.to == [agency.member.email]
    link = re.search(r"http\S+", message.body)
    assert link is not None
    assert link.group().startswith(settings.BASE_URL)
    path = link.group().removeprefix(settings.BASE_URL)

    def use(password: str) -> bool:
        browser = Browser()
        form = browser.get(path)
        if form.status_code != 302:
            return False
        browser.post(form["Location"], {"password1": password, "password2": password})
        return stored(agency.member).check_password(password)

    assert use("correct horse battery staple")
    assert not use("another long passphrase")


def test_removing_second_factors_removes_all_of_them(agency: Agency, console: Callable[[str], Browser]) -> None:
    with on_platform():
        for kind in ("totp", "webauthn", "recovery_codes"):
            Authenticator.objects.create(user=agency.member, type=kind, data={})
            Authenticator.objects.create(user=agency.manager, type=kind, data={})

    do(console("platform-admin"), "remove-second-factors", agency.member)

    with on_platform():
        assert not Authenticator.objects.filter(user=agency.member).exists()
        assert Authenticator.objects.filter(user=agency.manager).count() == 3


def test_a_ban_wants_a_reason(agency: Agency, console: Callable[[str], Browser]) -> None:
    manager = console("platform-admin")

    refused = do(manager, "ban", agency.member, reason="  ")

    assert refused.status_code == 400
    assert stored(agency.member).is_active
    assert do(manager, "ban", agency.member, reason="Lost laptop").status_code == 302
    with on_platform():
        assert AccessRecord.objects.get(operation="ban_user").detail["reason"] == "Lost laptop"


def test_a_selection_is_done_wholly_or_not_at_all(agency: Agency, console: Callable[[str], Browser]) -> None:
    manager = console("platform-admin")
    do(manager, "ban", agency.viewer)

    answer = do(manager, "ban", agency.member, agency.viewer)

    assert answer.status_code == 409
    assert "is banned already" in answer.content.decode()
    assert stored(agency.member).is_active
    with on_platform():
        assert AccessRecord.objects.filter(operation="ban_user").count() == 1
    assert do(manager, "ban", agency.member, agency.manager).status_code == 302


@pytest.mark.requirement("ASSIGN-4")
def test_the_last_active_owner_cannot_be_banned_and_one_of_two_can(
    agency: Agency, console: Callable[[str], Browser]
) -> None:
    manager = console("platform-admin")
    assert do(manager, "ban", agency.owner).status_code == 403

    second = MembershipFactory(user=UserFactory(), organization=agency.organization, role=built_in("org-owner")).user

    assert do(manager, "ban", agency.owner).status_code == 302
    assert do(manager, "ban", second).status_code == 403


@pytest.mark.requirement("ASSIGN-4")
def test_the_last_active_super_admin_cannot_be_banned_and_one_of_two_can(
    db: None, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    only = make_staff("super-admin")
    peer = browse(staff_with("users:read", "users:ban", "admins:read", "admins:update", priority=100))
    assert do(peer, "ban", only).status_code == 403

    MembershipFactory(user=UserFactory(), organization=None, role=built_in("super-admin"))

    assert do(peer, "ban", only).status_code == 302


@pytest.mark.requirement("AUD-2")
def test_a_ban_is_in_the_history_with_who_did_it_and_no_secret(
    agency: Agency, browse: Callable[[Any], Browser]
) -> None:
    manager = make_staff("platform-admin")

    do(browse(manager), "ban", agency.member)

    with on_platform():
        change = ModelChange.objects.get(object_pk=str(agency.member.pk), action=ModelChange.Action.UPDATE)
        told = list(ModelChange.objects.filter(content_type__model="user").values_list("changes", flat=True))
    assert (change.actor_id, change.interface) == (manager.pk, "console")
    assert set(change.changes) == {"is_active", "banned_at"}
    assert told
    assert not any("password" in changes for changes in told)


def both_at_once(*works: Callable[[], object]) -> list[object]:
    """Run the works at the same time, each on a connection of its own; return what each did, or why it was refused."""
    start, outcomes = Barrier(len(works)), [object()] * len(works)

    def run(position: int, work: Callable[[], object]) -> None:
        start.wait()
        try:
            outcomes[position] = work()
        except (AccessDenied, ActionRefused) as refused:
            outcomes[position] = refused
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return outcomes


def banning(manager: User, target: User) -> Callable[[], object]:
    def work() -> object:
        with acting(actor_of(manager)) as entered:
            return BanUser(entered.actor, target.pk, "a race").execute()

    return work


def removing(agency: Agency, by: User, target: User) -> Callable[[], object]:
    def work() -> object:
        actor = resolve(by.pk, organization_id=agency.organization.pk)
        assert not isinstance(actor, Denial), actor
        with acting(actor):
            return RemoveMembership(actor, Membership.objects.get(user=target)).execute()

    return work


def owners_left(agency: Agency) -> int:
    with on_platform():
        return Membership.objects.filter(
            organization=agency.organization, role__name="org-owner", user__is_active=True
        ).count()


@pytest.mark.requirement("ASSIGN-4")
def test_two_bans_at_once_leave_an_owner(module_db: str) -> None:
    agency = make_agency("Racefield", clients=0)
    second = MembershipFactory(user=UserFactory(), organization=agency.organization, role=built_in("org-owner")).user
    managers = [
        MembershipFactory(user=UserFactory(), organization=None, role=built_in("platform-admin")).user for _ in "ab"
    ]

    outcomes = both_at_once(banning(managers[0], agency.owner), banning(managers[1], second))

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AccessDenied", "User"]
    assert owners_left(agency) == 1


@pytest.mark.requirement("ASSIGN-4")
def test_a_ban_and_a_removal_at_once_leave_an_owner(module_db: str) -> None:
    agency = make_agency("Turnmill", clients=0)
    second = MembershipFactory(user=UserFactory(), organization=agency.organization, role=built_in("org-owner")).user
    manager = MembershipFactory(user=UserFactory(), organization=None, role=built_in("platform-admin")).user

    outcomes = both_at_once(banning(manager, agency.owner), removing(agency, by=agency.owner, target=second))

    assert sum(isinstance(outcome, AccessDenied) for outcome in outcomes) == 1, outcomes
    assert owners_left(agency) == 1


def test_every_verb_on_accounts_is_offered_in_the_console() -> None:
    from accounts.admin import UserAdmin

    assert {verb.action for verb in UserAdmin.verbs} == set(UserAction.__subclasses__())
