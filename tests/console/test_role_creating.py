"""Making a role on one page: from nothing, from a template, from another role, with its first people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser

from roles.models import Membership, Role
from tests.console.role_pages import address, stored
from tests.factories import RoleFactory, UserFactory, built_in, on_platform
from tests.world import Agency

pytestmark = pytest.mark.requirement("ROLE-1")


@pytest.fixture
def desk(console: Callable[[str], Browser]) -> Browser:
    return console("super-admin")


def filled(browser: Browser, **query: str) -> dict[str, Any]:
    """Return what the page would send as it is filled in at first."""
    new = browser.get(address("add"), query).context["new"]
    with on_platform():
        held = {name: new.details[name].value() for name in new.details.fields}
    start = {name: value for name, value in query.items() if name in {"clone", "template"}}
    held = {name: getattr(value, "pk", value) for name, value in held.items()}
    sent = {name: value for name, value in held.items() if value not in (None, False)}
    return {**sent, **start, "permissions": sorted(new.permissions["permissions"].value())}


def create(browser: Browser, form: dict[str, Any], stage: str = "review", **more: Any) -> Any:
    return browser.post(address("add"), {**form, "stage": stage, **more})


def made(slug: str) -> Role | None:
    with on_platform():
        return Role.objects.filter(name=slug).first()


def test_a_role_is_made_from_nothing_and_shown(desk: Browser, agency: Agency) -> None:
    form = {
        **filled(desk, scope="TENANT"),
        "display_name": "Night Planner",
        "organization": str(agency.organization.pk),
    }

    answer = create(desk, {**form, "permissions": ["tasks:write"]})

    role = made("night-planner")
    assert role is not None
    assert answer["Location"] == address("change", role)
    assert role.organization_id == agency.organization.pk
    assert stored(role).permissions >= {"tasks:write", "tasks:read"}


def test_a_role_is_made_from_a_template(desk: Browser, agency: Agency) -> None:
    form = filled(desk, scope="TENANT", template="billing")

    assert create(desk, {**form, "organization": str(agency.organization.pk)}).status_code == 302
    role = made("billing")
    assert role is not None
    assert "invoices:write" in stored(role).permissions
    assert role.reach == "all"


@pytest.mark.requirement("ROLE-6")
def test_a_role_is_made_as_a_clone_of_another(desk: Browser, agency: Agency) -> None:
    original = RoleFactory(organization=agency.organization, name="planner", keys=("clients:read", "tasks:read"))

    answer = create(desk, filled(desk, clone=str(original.pk)))

    assert answer.status_code == 302
    role = made("planner-copy")
    assert role is not None
    assert role.organization_id == agency.organization.pk
    assert stored(role).permissions == stored(original).permissions
    assert "as a clone of" in desk.get(address("history", role)).content.decode()


@pytest.mark.requirement("ROLE-6")
@pytest.mark.requirement("ASSIGN-2")
def test_a_clone_leaves_out_what_the_actor_may_not_grant(console: Callable[[str], Browser], db: None) -> None:
    original = RoleFactory(
        scope="PLATFORM", reach=None, priority=10, name="desk", keys=("users:list", "billing:refunds")
    )
    manager = console("platform-admin")

    page = manager.get(address("add"), {"clone": str(original.pk)})
    form = filled(manager, clone=str(original.pk))

    assert page.context["left_out"] == ["billing:refunds"]
    assert create(manager, {**form, "permissions": ["users:list", "billing:refunds"]}).status_code == 302
    role = made("desk-copy")
    assert role is not None
    assert stored(role).permissions == {"users:list"}


@pytest.mark.requirement("PDP-5")
@pytest.mark.requirement("ASSIGN-5")
def test_first_people_are_looked_over_then_have_the_new_role(desk: Browser, agency: Agency) -> None:
    newcomer = UserFactory(name="Noor")
    form = filled(desk, scope="TENANT", template="content-editor") | {"organization": str(agency.organization.pk)}
    people = f"{newcomer.email}\n{agency.viewer.email}"

    review = create(desk, form, people=people)

    told = {shown.effect.role: shown for shown in review.context["effects"]}
    assert [str(person) for person in told[""].people] == ["Noor"]
    assert "campaigns:write" in told["Viewer"].effect.gained
    assert made("content-editor") is None
    assert create(desk, form, "save", people=people).status_code == 302
    with on_platform():
        held = set(Membership.objects.filter(role=made("content-editor")).values_list("user_id", flat=True))
    assert held == {newcomer.pk, agency.viewer.pk}


@pytest.mark.requirement("ADM-3")
def test_a_dangerous_permission_of_a_new_role_is_confirmed(desk: Browser, agency: Agency) -> None:
    form = {**filled(desk, scope="TENANT"), "display_name": "Cleaner", "permissions": ["clients:delete"]}

    assert create(desk, form).status_code == 200
    assert create(desk, form, "save").status_code == 400
    assert made("cleaner") is None
    assert create(desk, form, "save", confirmed="yes").status_code == 302
    assert made("cleaner") is not None


@pytest.mark.requirement("ASSIGN-2")
def test_a_role_above_the_actor_is_not_made(console: Callable[[str], Browser], db: None) -> None:
    manager = console("platform-admin")
    form = {**filled(manager, scope="PLATFORM"), "display_name": "Higher"}

    assert create(manager, {**form, "priority": "90"}).status_code == 403
    assert made("higher") is None
    assert create(manager, {**form, "priority": "80"}).status_code == 302


@pytest.mark.requirement("ROLE-9")
def test_an_eleventh_role_of_an_organization_is_refused_in_words(desk: Browser, agency: Agency) -> None:
    place = str(agency.organization.pk)
    for number in range(9):
        RoleFactory(organization=agency.organization, name=f"made-{number}")
    form = {**filled(desk, scope="TENANT"), "organization": place}

    assert create(desk, {**form, "display_name": "Tenth"}).status_code == 302
    refused = create(desk, {**form, "display_name": "Eleventh"})
    assert refused.status_code == 409
    assert "has at most 10 roles of its own" in refused.content.decode()
    assert made("eleventh") is None


def test_people_need_to_be_told_an_organization(desk: Browser, agency: Agency) -> None:
    form = {**filled(desk, scope="TENANT"), "display_name": "Shared", "people": agency.viewer.email}

    refused = create(desk, form)

    assert refused.status_code == 400
    assert "to which organization the role belongs" in refused.content.decode()
    assert made("shared") is None


@pytest.mark.requirement("ROLE-8")
def test_what_a_parent_passes_on_is_told_in_the_sentence(desk: Browser, agency: Agency) -> None:
    parent = RoleFactory(organization=None, name="base", keys=("invoices:read",))

    def told(**sent: str) -> str:
        return desk.post(address("describe-new"), {"scope": "TENANT", "reach": "all", **sent}).json()["sentence"]

    assert "invoices" in told(parent=str(parent.pk))
    assert told(parent="nonsense") == told()


def test_a_role_out_of_sight_is_no_start(desk: Browser) -> None:
    assert desk.get(address("add"), {"clone": str(built_in("analyst").pk)}).status_code == 200
    assert desk.get(address("add"), {"clone": "00000000-0000-7000-8000-000000000000"}).status_code == 404
