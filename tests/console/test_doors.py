"""Each page of the console opens each of its doors to exactly the roles whose permissions the model's policy names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client as Browser
from django.urls import NoReverseMatch, reverse

from accounts.models import User
from audit.models import AccessRecord
from roles.actors import RoleActor, resolve
from tenancy.console import GuardedAdmin
from tenancy.policies import Verb
from tests.console.pages import Door, doors, label, pages, specimen
from tests.factories import on_platform
from tests.world import PLATFORM_ROLES, Agency, make_staff

pytestmark = pytest.mark.requirement("ADM-1")


def actor_of(user: User) -> RoleActor:
    actor = resolve(user.pk)
    assert isinstance(actor, RoleActor), actor
    return actor


def opens(browser: Browser, door: Door) -> bool:
    status = getattr(browser, door.method)(door.address).status_code
    assert status in {200, 302, 400, 403, 409}, f"{door}: {status}"
    return status != 403


def should_open(page: GuardedAdmin, door: Door, actor: RoleActor) -> bool:
    verb = next((verb for verb in page.verbs if verb.name == door.name), None)
    return all(actor.has(key) for key in door.keys) and (verb is None or verb.may_be_used_by(actor))


@pytest.mark.parametrize("role", PLATFORM_ROLES)
@pytest.mark.parametrize("page", pages(), ids=label)
def test_each_door_opens_to_the_roles_that_hold_its_permissions(
    page: GuardedAdmin, role: str, agency: Agency, browse: Callable[[Any], Browser]
) -> None:
    people = {name: make_staff(name) for name in PLATFORM_ROLES}
    browser, actor = browse(people[role]), actor_of(people[role])
    browser.get(reverse("admin:index"))  # leaves an access record for the pages of the record
    ways = list(doors(page, specimen(page.model)))

    assert {door.name: opens(browser, door) for door in ways} == {
        door.name: should_open(page, door, actor) for door in ways
    }


@pytest.mark.parametrize("page", pages(), ids=label)
def test_a_custom_role_with_exactly_the_keys_of_a_door_opens_it_and_without_one_of_them_does_not(
    page: GuardedAdmin, agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    make_staff("analyst")
    browse(make_staff("super-admin")).get(reverse("admin:index"))
    for door in doors(page, specimen(page.model)):
        if door.method == "post" or any(verb.name == door.name and not verb.keys for verb in page.verbs):
            continue
        allowed = browse(staff_with(*door.keys))
        assert opens(allowed, door), door
        for missing in door.keys:
            denied = browse(staff_with(*(key for key in door.keys if key != missing), "features:list"))
            assert not opens(denied, door), f"{door} without {missing}"


@pytest.mark.parametrize("page", pages(), ids=label)
def test_people_of_organizations_and_strangers_find_no_page_of_the_console(
    page: GuardedAdmin, agency: Agency, browse: Callable[[Any], Browser]
) -> None:
    make_staff("analyst")
    supers = browse(make_staff("super-admin"))
    supers.get(reverse("admin:index"))
    listed = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")

    assert supers.get(listed).status_code == 200
    assert browse(agency.owner).get(listed).status_code == 404
    stranger = Browser().get(listed)
    assert stranger.status_code == 302
    assert stranger["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("page", pages(), ids=label)
def test_what_a_page_does_not_offer_has_no_route(page: GuardedAdmin) -> None:
    route = f"admin:{page.opts.app_label}_{page.opts.model_name}"

    assert reverse(f"{route}_changelist")
    with pytest.raises(NoReverseMatch):
        reverse(f"{route}_delete", args=("1",))
    if Verb.ADD not in page.offers:
        with pytest.raises(NoReverseMatch):
            reverse(f"{route}_add")


def test_only_pages_that_ask_the_roles_are_registered() -> None:
    assert pages()
    assert all(isinstance(page, GuardedAdmin) for page in admin.site._registry.values())


@pytest.mark.parametrize("role", PLATFORM_ROLES)
def test_the_menu_names_exactly_the_lists_that_open(
    role: str, agency: Agency, browse: Callable[[Any], Browser]
) -> None:
    browser = browse(make_staff(role))
    home = browser.get(reverse("admin:index"))
    lists = {
        str(page.opts.verbose_name_plural).capitalize(): reverse(
            f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist"
        )
        for page in pages()
    }
    lists |= {standalone.title: standalone.home for standalone in admin.site.standalone}

    named = {item["title"] for group in home.context["sidebar_navigation"] for item in group["items"]}

    assert named - {"Home"} == {title for title, url in lists.items() if browser.get(url).status_code == 200}


@pytest.mark.parametrize("role", PLATFORM_ROLES)
def test_each_figure_of_the_home_leads_to_a_list_that_opens(
    role: str, agency: Agency, browse: Callable[[Any], Browser]
) -> None:
    browser = browse(make_staff(role))

    cards = browser.get(reverse("admin:index")).context["cards"]

    assert cards, "every built-in role sees some figure"
    assert {card.title: browser.get(card.url).status_code for card in cards} == {card.title: 200 for card in cards}


@pytest.mark.requirement("AUD-3")
def test_a_refused_door_is_recorded_with_its_person_and_key(
    agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    person = staff_with("users:list", "users:read")

    browse(person).get(reverse("admin:accounts_organization_changelist"))

    with on_platform():
        record = AccessRecord.objects.filter(actor_id=person.pk, decision="deny").get()
    assert (record.action, record.interface) == ("organizations:read", "console")


def test_the_superuser_flag_grants_nothing(
    agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    person = staff_with("users:list", "users:read")
    with on_platform():
        User.objects.filter(pk__in=[person.pk, agency.viewer.pk]).update(is_superuser=True)
    browser = browse(person)

    assert browser.get(reverse("admin:accounts_user_changelist")).status_code == 200
    assert browser.get(reverse("admin:accounts_organization_changelist")).status_code == 403
    assert browser.get(reverse("admin:roles_role_changelist")).status_code == 403
    assert browse(agency.viewer).get(reverse("admin:accounts_user_changelist")).status_code == 404
