"""The Django admin's side doors are shut to whoever the front door is shut to (threats 8 and 13)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.test import Client as Browser
from django.urls import reverse

from accounts.models import User
from roles.models import Membership
from tenancy.console import GuardedAdmin
from tests.console.pages import label, pages
from tests.factories import on_platform
from tests.world import Agency, make_staff

pytestmark = pytest.mark.requirement("ADM-1")

ORGANIZATIONS = ("organizations:list", "organizations:read")
USERS = ("users:list", "users:read")


def autocomplete(browser: Browser, term: str) -> Any:
    address = reverse("admin:autocomplete")
    return browser.get(address, {"app_label": "roles", "model_name": "membership", "field_name": "user", "term": term})


def unsigned(response: Any) -> str:
    """Return the page without the tokens that differ from one answer to the next."""
    return re.sub(r'[A-Za-z0-9]{64}|nonce="[^"]+"', "", response.content.decode())


def names_in(response: Any) -> list[str]:
    return [result["text"] for result in response.json()["results"]]


def test_autocomplete_answers_only_whom_the_role_may_view(
    agency: Agency, console: Callable[[str], Browser], staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    make_staff("super-admin")

    assert names_in(autocomplete(console("platform-admin"), "super-admin")) == ["super-admin"]
    assert names_in(autocomplete(console("support-agent"), "super-admin")) == []
    assert names_in(autocomplete(console("analyst"), agency.owner.email)) == [agency.owner.name]
    assert autocomplete(browse(staff_with("roles:list")), agency.owner.email).status_code == 403


def test_the_search_beside_the_menu_finds_only_what_the_role_may_view(
    agency: Agency, console: Callable[[str], Browser], staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    address = reverse("admin:search")
    words = {"s": "larkmoor"}

    everything = console("platform-admin").get(address, words).content.decode()
    people_only = browse(staff_with(*USERS)).get(address, words).content.decode()
    nothing = browse(staff_with("features:list")).get(address, words).content.decode()

    organization = reverse("admin:accounts_organization_change", args=(agency.organization.pk,))
    person = reverse("admin:accounts_user_change", args=(agency.owner.pk,))
    assert organization in everything
    assert person in everything
    assert organization not in people_only
    assert person in people_only
    assert person not in nothing
    assert organization not in nothing


def test_the_search_forgets_nothing_of_a_right_that_was_lost(
    agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    person = staff_with(*USERS)
    browser, address = browse(person), reverse("admin:search")
    assert agency.owner.email.split("@")[0] in browser.get(address, {"s": "larkmoor"}).content.decode().lower()

    with on_platform():
        person.memberships.get().role.permissions.clear()

    assert "Nothing found" in browser.get(address, {"s": "larkmoor"}).content.decode()


@pytest.mark.parametrize("page", pages(), ids=label)
def test_no_list_filters_by_a_field_that_it_has_no_filter_for(
    page: GuardedAdmin, agency: Agency, console: Callable[[str], Browser]
) -> None:
    browser = console("super-admin")
    listed = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")

    assert browser.get(listed).status_code == 200
    guesses = {f"{field.name}__startswith": "a" for field in page.opts.get_fields()}
    assert {name: browser.get(listed, {name: value}).status_code for name, value in guesses.items()} == dict.fromkeys(
        guesses, 400
    )


def test_a_password_hash_cannot_be_guessed_through_a_list(agency: Agency, console: Callable[[str], Browser]) -> None:
    browser = console("super-admin")
    users, memberships = reverse("admin:accounts_user_changelist"), reverse("admin:roles_membership_changelist")

    assert browser.get(users, {"is_active__exact": "1"}).status_code == 200
    assert browser.get(users, {"password__startswith": "md5"}).status_code == 400
    assert browser.get(memberships, {"user__password__startswith": "md5"}).status_code == 400
    assert browser.get(users, {"_to_field": "password"}).status_code == 400
    person = reverse("admin:accounts_user_change", args=(agency.owner.pk,))
    assert browser.get(person).status_code == 200
    assert browser.get(person, {"_to_field": "password"}).status_code == 400


def test_a_popup_asks_the_same_as_the_page(agency: Agency, console: Callable[[str], Browser]) -> None:
    add = reverse("admin:accounts_organization_add")

    assert console("platform-admin").get(add, {"_popup": "1"}).status_code == 200
    assert console("support-agent").get(add, {"_popup": "1"}).status_code == 403


def test_a_filter_by_a_related_object_names_only_what_the_role_may_view(
    agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    listed = reverse("admin:accounts_user_changelist")
    by_organization = {"organization": str(agency.organization.pk)}
    sees_both, sees_people = browse(staff_with(*USERS, *ORGANIZATIONS)), browse(staff_with(*USERS))

    def filter_names(browser: Browser) -> list[str]:
        shown = browser.get(listed).context["cl"].filter_specs
        return [name for spec in shown if spec.title == "organization" for _, name in spec.lookup_choices]

    assert filter_names(sees_both) == ["Larkmoor"]
    assert filter_names(sees_people) == []
    assert sees_both.get(listed, by_organization).context["cl"].result_count == len(agency.people)
    assert sees_people.get(listed, by_organization).context["cl"].result_count == 0


def test_the_people_of_an_organization_are_shown_to_those_who_may_see_people(
    agency: Agency, staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    page = reverse("admin:accounts_organization_change", args=(agency.organization.pk,))

    assert agency.owner.email in browse(staff_with(*ORGANIZATIONS, *USERS)).get(page).content.decode()
    alone = browse(staff_with(*ORGANIZATIONS)).get(page)
    assert alone.status_code == 200
    assert agency.owner.email not in alone.content.decode()


def test_a_selection_offers_only_what_the_role_may_do(agency: Agency, console: Callable[[str], Browser]) -> None:
    listed = reverse("admin:accounts_user_changelist")
    chosen = {"action": "ban", ACTION_CHECKBOX_NAME: [str(agency.viewer.pk)]}
    manager, support = console("platform-admin"), console("support-agent")

    asked = manager.post(listed, chosen)
    refused = support.post(listed, chosen)

    assert asked["Location"] == f"{reverse('admin:accounts_user_ban')}?pk={agency.viewer.pk}"
    assert reverse("admin:accounts_user_ban") not in refused.get("Location", "")
    assert support.get(asked["Location"]).status_code == 403
    assert support.post(reverse("admin:accounts_user_ban"), {"pk": agency.viewer.pk, "reason": "x"}).status_code == 403
    with on_platform():
        assert User.objects.get(pk=agency.viewer.pk).is_active


@pytest.mark.parametrize("page", pages(), ids=label)
def test_nothing_is_deleted_from_a_selection(
    page: GuardedAdmin, agency: Agency, console: Callable[[str], Browser]
) -> None:
    browser = console("super-admin")
    listed = reverse(f"admin:{page.opts.app_label}_{page.opts.model_name}_changelist")
    browser.get(listed)  # leaves an access record, for the page of the record
    with on_platform():
        before = page.model._default_manager.count()
        key = page.model._default_manager.values_list("pk", flat=True).first()

    browser.post(listed, {"action": "delete_selected", ACTION_CHECKBOX_NAME: [str(key)], "post": "yes"})

    with on_platform():
        assert page.model._default_manager.filter(pk=key).exists()
        assert page.model._default_manager.count() >= before > 0


def test_a_selection_never_reaches_people_that_the_list_hides(
    agency: Agency, console: Callable[[str], Browser]
) -> None:
    boss = make_staff("super-admin")
    send = reverse("admin:accounts_user_send-password-reset")
    support = console("support-agent")

    assert support.post(send, {"pk": [agency.viewer.pk]}).status_code == 302
    assert support.post(send, {"pk": [agency.viewer.pk, boss.pk]}).status_code == 404
    assert support.post(send, {"pk": [agency.viewer.pk, uuid4()]}).status_code == 404


def test_a_hidden_person_and_a_missing_one_answer_alike(agency: Agency, console: Callable[[str], Browser]) -> None:
    boss = make_staff("super-admin")
    support, manager = console("support-agent"), console("platform-admin")
    hidden = reverse("admin:accounts_user_change", args=(boss.pk,))
    missing = reverse("admin:accounts_user_change", args=(uuid4(),))

    assert manager.get(hidden).status_code == 200
    answers = [support.get(address) for address in (hidden, missing)]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert unsigned(answers[0]) == unsigned(answers[1])


def test_no_page_of_object_permissions_stands_beside_the_console(
    agency: Agency, console: Callable[[str], Browser]
) -> None:
    browser = console("super-admin")
    person = reverse("admin:accounts_user_change", args=(agency.owner.pk,))

    assert browser.get(person).status_code == 200
    beside = person.replace("/change/", "/permissions/")
    assert browser.get(beside, follow=True).status_code == 404


def test_what_is_refused_by_object_is_shown_to_read(agency: Agency, console: Callable[[str], Browser]) -> None:
    browser = console("platform-admin")
    with on_platform():
        mine = Membership.objects.get(organization=None, role__name="platform-admin")
        theirs = Membership.objects.get(organization=agency.organization, user=agency.viewer)
    analyst = make_staff("analyst")
    with on_platform():
        lower = Membership.objects.get(user=analyst)
        other = Membership.objects.get(user=make_staff("support-agent"))

    def saved(membership: Membership) -> int:
        address = reverse("admin:roles_membership_change", args=(membership.pk,))
        assert browser.get(address).status_code == 200
        return browser.post(address, {"role": str(other.role_id)}).status_code

    assert saved(lower) == 302
    assert saved(mine) == 403
    assert saved(theirs) == 403
