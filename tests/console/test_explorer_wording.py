"""What the explorer's pages call people, ways in and changes, and where their links lead (PDP-4, PDP-2)."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as Browser

from accounts.models import Organization, User
from roles.models import Role
from tests.console.explorer_pages import address
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, on_platform
from tests.world import Agency, make_staff

pytestmark = [pytest.mark.requirement("PDP-4")]


def steps_of(response: Any) -> list[dict[str, Any]]:
    return response.context["steps"]


@pytest.mark.requirement("PDP-2")
def test_a_remedy_leads_to_a_form_that_knows_whom_and_where(
    desk: Browser, agency: Agency, other_agency: Agency
) -> None:
    noor = UserFactory(name="Noor")
    [step] = steps_of(desk.get(address("may", place=agency.slug, person=noor.pk, permission="clients:read")))

    form = desk.get(step["url"]).context["form"]

    assert {name: form[name].value() for name in form.fields} == {"people": noor.email, "organization": agency.slug}
    assert step["url"].endswith("#add-heading")
    review = desk.post(step["url"], {name: form[name].value() for name in form.fields})
    assert f"Give “{step['step'].role}” to 1 person of {agency.organization}" in review.content.decode()


@pytest.mark.requirement("PDP-2")
def test_a_remedy_on_the_platform_names_no_organization(desk: Browser, agency: Agency) -> None:
    [step] = steps_of(desk.get(address("may", person=agency.viewer.pk, permission="roles:read")))

    form = desk.get(step["url"]).context["form"]

    assert "organization" not in step["url"]
    assert {name: form[name].value() for name in form.fields} == {"people": agency.viewer.email}


@pytest.mark.requirement("PDP-2")
def test_a_remedy_that_gives_another_role_names_the_one_that_it_replaces(desk: Browser, agency: Agency) -> None:
    asked = {"place": agency.slug, "permission": "team:invite"}
    page = desk.get(address("may", **asked, person=agency.viewer.pk))
    assert [str(one["step"])[:4] for one in steps_of(page)] == ["Give"]
    assert "It replaces the role that they have in Larkmoor, “Viewer”." in page.content.decode()

    page = desk.get(address("may", **asked, person=UserFactory().pk))
    assert [str(one["step"])[:4] for one in steps_of(page)] == ["Give"]
    assert "It replaces" not in page.content.decode()


@pytest.mark.requirement("PDP-2")
def test_a_remedy_that_changes_the_role_replaces_none(desk: Browser, agency: Agency, planner: Role) -> None:
    with on_platform():
        ines = User.objects.get(name="Ines")

    page = desk.get(address("may", place=agency.slug, person=ines.pk, permission="notes:read"))

    assert steps_of(page)
    assert "It replaces" not in page.content.decode()


def test_view_as_names_each_way_by_its_kind_and_writes_paths_to_be_read(desk: Browser, agency: Agency) -> None:
    page = desk.get(address("view-as", place=agency.slug, person=agency.viewer.pk))
    [pages] = [sort for sort in page.context["ways"] if sort.title == "Pages"]
    names = {way.where: way.name for way in (*pages.open, *pages.closed)}

    assert names["GET POST /o/<organization>/campaigns/<pk>/delete/"] == "Campaign delete"
    assert names["GET /o/<organization>/clients/<pk>/tasks/"] == "Tasks"
    assert names["GET POST /o/<organization>/clients/<pk>/notes/new/"] == "Note create"
    assert names["GET POST /o/<organization>/documents/<pk>/file/"] == "Document file"


@pytest.mark.parametrize("of_platform", [True, False])
def test_view_as_shows_no_way_that_has_no_name_or_a_path_for_machines(
    of_platform: bool, desk: Browser, agency: Agency
) -> None:
    asked = {"person": make_staff("analyst").pk} if of_platform else {"place": agency.slug, "person": agency.viewer.pk}
    ways = [way for sort in desk.get(address("view-as", **asked)).context["ways"] for way in (*sort.open, *sort.closed)]

    assert len(ways) > 50
    assert [way for way in ways if not way.name or set("^$?()[]{}\\:") & set(way.where)] == []


@pytest.mark.parametrize(("count", "has_more"), [(12, False), (13, True), (30, True)])
def test_a_question_asked_back_says_whether_there_is_more_than_it_shows(
    count: int, has_more: bool, desk: Browser, agency: Agency
) -> None:
    for number in range(count):
        UserFactory(name=f"Marlowe {number:02}")

    page = desk.get(address("person", place=agency.slug, person="marlowe"))

    assert len(page.context["asked"].person.choices) == 12
    assert ("There are more than these 12" in page.content.decode()) is has_more


@pytest.mark.requirement("PDP-2")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("", "Jonas Engel has the role “Desk”, which does not include “View Notes”."),
        ("banned", "Jonas Engel is banned."),
        ("suspended", "Larkmoor is suspended."),
        ("role inactive", "Jonas Engel has the role “Desk”, which is inactive and grants nothing."),
        ("second factor", "Jonas Engel has the role “Desk”, which wants a second factor, and none is set up."),
    ],
)
def test_a_denial_calls_the_person_by_their_name(change: str, told: str, desk: Browser, agency: Agency) -> None:
    role = RoleFactory(organization=agency.organization, display_name="Desk", keys=("clients:read",))
    jonas = MembershipFactory(user=UserFactory(name="Jonas Engel"), organization=agency.organization, role=role).user
    with on_platform():
        if change == "banned":
            User.objects.filter(pk=jonas.pk).update(is_active=False)
        elif change == "suspended":
            agency.organization.status = Organization.Status.SUSPENDED
            agency.organization.save()
        elif change:
            changed = {"is_active": False} if change == "role inactive" else {"requires_second_factor": True}
            Role.objects.filter(pk=role.pk).update(**changed)

    verdict = desk.get(address("may", place=agency.slug, person=jonas.pk, permission="notes:read")).context["verdict"]

    assert verdict.sentence == told


def test_a_service_account_is_called_by_its_name_alone(desk: Browser, agency: Agency) -> None:
    invented = "0192-nightly@service.invalid"
    robot = UserFactory(name="Nightly import", email=invented, is_service=True)
    UserFactory(name="Nightly watch")
    MembershipFactory(user=robot, organization=agency.organization, role=built_in("org-admin"))

    def told(tab: str, **asked: Any) -> str:
        return desk.get(address(tab, place=agency.slug, **asked)).content.decode()

    field = f'value="{invented}"'  # what means it alone
    pages = {
        "who": told("who", permission="team:list"),
        "person": told("person", person=robot.pk).replace(field, ""),
        "may": told("may", person=robot.pk, permission="team:list").replace(field, ""),
    }
    for tab, text in pages.items():
        assert "Nightly import" in text, tab
        assert "service account" in text, tab
        assert invented not in text.partition('class="explorer-ask"')[2].partition("</form>")[2], tab
    asked_back = desk.get(address("may", place=agency.slug, person="nightly")).context["asked"].person.choices
    assert [choice.detail for choice in asked_back if choice.label == "Nightly import"] == ["service account · Admin"]
