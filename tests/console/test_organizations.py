"""Organizations in the console: made with a first owner, renamed, suspended, restored."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client as Browser
from django.urls import reverse
from rest_framework.test import APIClient

from accounts.actions.organizations import RESERVED_SLUGS
from accounts.models import Organization, User
from audit.models import AccessRecord, ModelChange
from roles.models import Membership
from tests.factories import UserFactory, on_platform
from tests.world import Agency, make_staff

pytestmark = pytest.mark.requirement("ORG-1")

PASSWORD = "correct horse battery staple"
ADD = "admin:accounts_organization_add"
NEW = {"name": "Fernhollow", "slug": "fernhollow", "owner_email": "wren@fernhollow.example"}


@pytest.fixture
def manager(db: None) -> User:
    return make_staff("platform-admin")


@pytest.fixture
def desk(manager: User, browse: Callable[[Any], Browser]) -> Browser:
    return browse(manager)


def add(browser: Browser, **given: str) -> Any:
    return browser.post(reverse(ADD), NEW | given)


def made(slug: str = "fernhollow") -> Organization | None:
    with on_platform():
        return Organization.objects.filter(slug=slug).first()


def do(browser: Browser, verb: str, organization: Organization, reason: str = "Unpaid since March") -> Any:
    address = reverse(f"admin:accounts_organization_{verb}")
    return browser.post(address, {"pk": organization.pk, "reason": reason})


def test_a_new_owner_gets_a_link_sets_a_password_and_works(
    desk: Browser, django_capture_on_commit_callbacks: Any, settings: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        assert add(desk).status_code == 302

    (message,) = mail.outbox
    assert message.to == ["wren@fernhollow.example"]
    link = re.search(r"http\S+", message.body)
    assert link is not None
    owner = Browser()
    form = owner.get(link.group().removeprefix(settings.BASE_URL))
    owner.post(form["Location"], {"password1": PASSWORD, "password2": PASSWORD})
    signed_in = owner.post(reverse("account_login"), {"login": "wren@fernhollow.example", "password": PASSWORD})
    assert signed_in.status_code == 302
    assert owner.get(reverse("org:home", args=("fernhollow",))).status_code == 200


def test_a_person_with_an_account_owns_the_new_organization_at_once(
    desk: Browser, browse: Callable[[Any], Browser], django_capture_on_commit_callbacks: Any
) -> None:
    wren = UserFactory(email="wren@fernhollow.example")
    with django_capture_on_commit_callbacks(execute=True):
        add(desk)

    assert browse(wren).get(reverse("org:home", args=("fernhollow",))).status_code == 200
    assert mail.outbox[0].subject == "You own Fernhollow"
    with on_platform():
        assert Membership.objects.get(user=wren).role.name == "org-owner"


def test_the_record_and_the_history_name_who_made_it(desk: Browser, manager: User) -> None:
    add(desk)

    organization = made()
    assert organization is not None
    with on_platform():
        record = AccessRecord.objects.get(operation="create_organization")
        changes = ModelChange.objects.filter(action=ModelChange.Action.CREATE, actor=manager)
        kinds = set(changes.values_list("content_type__model", flat=True))
    assert (record.actor_id, record.action, record.resource_id) == (
        manager.pk,
        "organizations:create",
        str(organization.pk),
    )
    assert kinds >= {"organization", "branding", "user", "membership"}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"slug": "admin"}, "kept for the installation"),
        ({"slug": "Fern Hollow"}, "small letters"),
        ({"slug": "larkmoor"}, "already exists"),
        ({"name": "Fern\u202ehollow"}, "invisible character"),
        ({"name": "Fern\u0007hollow"}, "control character"),
        ({"name": " "}, "required"),
        ({"owner_email": "not an address"}, "valid email"),
        ({"owner_email": "robot@service.larkmoor.invalid"}, "cannot receive"),
        ({"owner_email": "gone@fernhollow.example"}, "cannot sign in"),
    ],
)
def test_bad_input_is_told_and_nothing_is_half_done(
    given: dict[str, str], sentence: str, agency: Agency, desk: Browser
) -> None:
    UserFactory(email="gone@fernhollow.example", is_active=False)
    with on_platform():
        before = (Organization.objects.count(), User.objects.count())

    answer = add(desk, **given)

    assert answer.status_code in {200, 409}
    assert sentence in answer.content.decode()
    with on_platform():
        assert (Organization.objects.count(), User.objects.count()) == before
    assert add(desk).status_code == 302


def test_every_reserved_word_could_be_a_slug_otherwise() -> None:
    assert all(re.fullmatch(r"[a-z0-9-]{1,60}", word) for word in RESERVED_SLUGS)


@pytest.mark.requirement("ASSIGN-3")
def test_nobody_makes_themselves_the_owner(desk: Browser, manager: User) -> None:
    assert add(desk, owner_email=manager.email.upper()).status_code == 403
    assert made() is None
    assert add(desk).status_code == 302


def test_an_organization_is_renamed_and_keeps_its_address(agency: Agency, desk: Browser) -> None:
    page = reverse("admin:accounts_organization_change", args=(agency.organization.pk,))

    people = {"memberships-TOTAL_FORMS": "0", "memberships-INITIAL_FORMS": "0"}

    assert desk.post(page, {"name": "Larkmoor & Sons", "slug": "elsewhere", **people}).status_code == 302

    organization = made("larkmoor")
    assert organization is not None
    assert organization.name == "Larkmoor & Sons"


@pytest.mark.requirement("PDP-6")
def test_a_suspended_organization_refuses_its_people_at_the_next_request_until_it_is_restored(
    agency: Agency,
    other_agency: Agency,
    desk: Browser,
    browse: Callable[[Any], Browser],
    call: Callable[[Any], APIClient],
) -> None:
    page, neighbor = browse(agency.owner), browse(other_agency.owner)
    program = call(agency.owner)
    home, api = reverse("org:home", args=(agency.slug,)), f"/api/orgs/{agency.slug}/clients/"
    assert [page.get(home).status_code, program.get(api).status_code] == [200, 200]

    assert do(desk, "suspend", agency.organization).status_code == 302

    refused = page.get(home)
    assert [refused.status_code, program.get(api).status_code] == [403, 403]
    assert "suspended" in refused.content.decode()
    assert neighbor.get(reverse("org:home", args=(other_agency.slug,))).status_code == 200
    assert do(desk, "restore", agency.organization).status_code == 302
    assert [page.get(home).status_code, program.get(api).status_code] == [200, 200]


def test_the_reason_of_a_suspension_is_kept_while_it_lasts(agency: Agency, desk: Browser) -> None:
    do(desk, "suspend", agency.organization, reason="Unpaid since March")

    suspended = made("larkmoor")
    assert suspended is not None
    assert (suspended.status, suspended.suspension_reason) == ("suspended", "Unpaid since March")
    assert suspended.suspended_at is not None
    do(desk, "restore", agency.organization)
    restored = made("larkmoor")
    assert restored is not None
    assert (restored.status, restored.suspension_reason, restored.suspended_at) == ("active", "", None)


def test_only_what_fits_its_state_is_done_to_an_organization(agency: Agency, desk: Browser) -> None:
    assert do(desk, "restore", agency.organization).status_code == 409
    assert do(desk, "suspend", agency.organization, reason="").status_code == 400
    assert do(desk, "suspend", agency.organization).status_code == 302
    assert do(desk, "suspend", agency.organization).status_code == 409


def test_a_support_agent_reads_organizations_and_changes_none(
    agency: Agency, desk: Browser, console: Callable[[str], Browser]
) -> None:
    support = console("support-agent")
    page = reverse("admin:accounts_organization_change", args=(agency.organization.pk,))

    assert support.get(page).status_code == 200
    assert support.post(page, {"name": "Other"}).status_code == 403
    assert add(support).status_code == 403
    assert do(support, "suspend", agency.organization).status_code == 403
    assert do(desk, "suspend", agency.organization).status_code == 302
    assert do(support, "restore", agency.organization).status_code == 403
