"""Editing a role in the console: looked over before it is saved, refused where it is not allowed or stale."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import timezone

from accounts.models import User
from roles.models import PermissionUse, Role
from tests.console.role_pages import address, change_meanwhile, details, role_version, send, stored, ticked
from tests.factories import MembershipFactory, RoleFactory, UserFactory, built_in, on_platform
from tests.world import Agency

#: With the lists that they need these are twelve.
SIX = tuple(f"{thing}:read" for thing in ("agents", "reports", "charts", "memory", "audiences", "dashboards"))


@pytest.mark.requirement("ROLE-4")
@pytest.mark.requirement("PDP-5")
def test_details_are_reviewed_then_saved(desk: Browser, planner: Role) -> None:
    form = details(desk, planner, display_name="Head planner", priority="55")

    review = send(desk, "change", planner, form)

    assert [(change.label, change.before, change.after) for change in review.context["review"].difference.fields] == [
        ("Name", "Planner", "Head planner"),
        ("Priority", "50", "55"),
    ]
    assert stored(planner).display_name == "Planner"
    saved = send(desk, "change", planner, form, "save")
    assert saved["Location"] == address("change", planner)
    assert (stored(planner).display_name, stored(planner).priority) == ("Head planner", 55)
    assert "Saved: “Head planner” is at version 2 now." in desk.get(saved["Location"]).content.decode()


@pytest.mark.requirement("ADM-3")
@pytest.mark.requirement("PDP-5")
def test_the_review_names_exactly_who_gains_and_loses_what(desk: Browser, planner: Role, agency: Agency) -> None:
    heir = RoleFactory(organization=agency.organization, parent=planner, keys=("notes:read",), display_name="Heir")
    MembershipFactory(user=UserFactory(name="Kato"), organization=agency.organization, role=heir)

    review = send(desk, "permissions", planner, ticked(desk, planner, add=("notes:read",), drop=("tasks:read",)))

    told = {
        shown.effect.role: ({str(person) for person in shown.people}, shown.effect.gained, shown.effect.lost)
        for shown in review.context["effects"]
    }
    assert told == {
        "Planner": ({"Ines", "Juno"}, ("notes:read",), ("tasks:read",)),
        "Heir": ({"Kato"}, (), ("tasks:read",)),
    }
    assert stored(planner).permissions == {"clients:read", "tasks:read"}


@pytest.mark.requirement("ADM-3")
def test_permissions_are_saved_with_what_they_need(desk: Browser, planner: Role) -> None:
    form = ticked(desk, planner, add=("invoices:write",))

    review = send(desk, "permissions", planner, form)
    saved = send(desk, "permissions", planner, form, "save")

    assert any("invoices:read was added" in sentence for sentence in review.context["edit"].announced)
    assert saved["Location"] == address("permissions", planner)
    assert stored(planner).permissions == {"clients:read", "tasks:read", "invoices:read", "invoices:write"}
    matrix = desk.get(saved["Location"]).context["form"].matrix_field.matrix()
    assert matrix.cell("invoices:write").is_on


@pytest.mark.requirement("ADM-3")
@pytest.mark.parametrize(
    ("added", "is_asked"),
    [
        (("notes:read",), False),
        (("clients:delete",), True),
        (SIX, True),
    ],
    ids=["one", "a dangerous one", "more than ten"],
)
def test_many_changes_or_a_dangerous_one_want_a_confirmation(
    desk: Browser, planner: Role, added: tuple[str, ...], is_asked: bool
) -> None:
    form = ticked(desk, planner, add=added)
    before = stored(planner).permissions

    unconfirmed = send(desk, "permissions", planner, form, "save")

    assert unconfirmed.status_code == (400 if is_asked else 302)
    assert (stored(planner).permissions == before) is is_asked
    if is_asked:
        assert send(desk, "permissions", planner, form, "save", confirmed="yes").status_code == 302
        assert stored(planner).permissions >= set(added)


@pytest.mark.requirement("ROLE-4")
@pytest.mark.parametrize("stage", ["review", "save"])
def test_a_stale_save_shows_both_versions_and_writes_nothing(desk: Browser, planner: Role, stage: str) -> None:
    form = ticked(desk, planner, add=("notes:read",))
    change_meanwhile(planner, permissions=("clients:read", "tasks:read", "invoices:read"), priority=40)

    stale = send(desk, "permissions", planner, form, stage)

    assert stale.status_code == 409
    (category,) = stale.context["categories"]
    assert [change.entry.key for change in category.added] == ["notes:read"]
    assert [change.entry.key for change in category.removed] == ["invoices:read"]
    assert any("priority from 50 to 40" in sentence for sentence in stale.context["changes"])
    assert stored(planner).permissions == {"clients:read", "tasks:read", "invoices:read"}


@pytest.mark.requirement("ROLE-4")
def test_mine_is_taken_over_theirs_after_a_look_at_what_that_undoes(desk: Browser, planner: Role) -> None:
    form = details(desk, planner, display_name="Mine")
    change_meanwhile(planner, display_name="Theirs")
    stale = send(desk, "change", planner, form)
    again = {**dict(stale.context["hidden"]), "version": str(stale.context["stored"].version)}

    review = send(desk, "change", planner, again)

    (change,) = review.context["review"].difference.fields
    assert (change.before, change.after) == ("Theirs", "Mine")
    assert send(desk, "change", planner, again, "save").status_code == 302
    assert stored(planner).display_name == "Mine"


@pytest.mark.requirement("ROLE-4")
def test_a_form_without_a_version_is_stale(desk: Browser, planner: Role) -> None:
    form = details(desk, planner, display_name="Unseen")
    del form["version"]

    assert send(desk, "change", planner, form, "save").status_code == 409
    assert stored(planner).display_name == "Planner"


def test_editing_goes_on_where_it_was_left(desk: Browser, planner: Role) -> None:
    form = ticked(desk, planner, add=("notes:read",))

    back = send(desk, "permissions", planner, form, "edit")

    assert back.status_code == 200
    assert "notes:read" in back.context["form"]["permissions"].value()
    assert stored(planner).permissions == {"clients:read", "tasks:read"}


def test_what_the_database_refuses_is_told_beside_its_field(desk: Browser, planner: Role, agency: Agency) -> None:
    RoleFactory(organization=agency.organization, name="taken")

    refused = send(desk, "change", planner, details(desk, planner, name="taken"), "save")

    assert refused.status_code == 409
    assert refused.context["form"].errors["name"] == ["There is a role of this slug already. Choose another."]
    assert stored(planner).name == "planner"


@pytest.mark.requirement("ROLE-4")
def test_a_built_in_role_is_shown_to_read_and_takes_no_change(desk: Browser, planner: Role) -> None:
    shipped = built_in("org-viewer")
    form = {**details(desk, planner), "display_name": "Mine now"}

    page = desk.get(address("change", shipped))

    assert page.context["form"] is None
    assert "is built in: only a release changes it" in page.content.decode()
    matrix = desk.get(address("permissions", shipped)).context["form"].matrix_field.matrix()
    assert all(cell.is_locked for cell in matrix.cells)
    for tab in ("change", "permissions", "activate", "deactivate", "delete"):
        assert send(desk, tab, shipped, form, "save").status_code == 403
    assert send(desk, "change", planner, form, "save").status_code == 302
    assert stored(shipped).display_name == "Viewer"


@pytest.mark.requirement("ROLE-4")
@pytest.mark.requirement("ASSIGN-2")
def test_what_is_above_the_actor_is_not_offered_and_a_forged_save_is_refused(
    desk: Browser, console: Callable[[str], Browser]
) -> None:
    above = RoleFactory(scope="PLATFORM", reach=None, priority=90, display_name="Above", keys=("users:list",))
    below = RoleFactory(scope="PLATFORM", reach=None, priority=50, display_name="Below", keys=("users:list",))
    manager = console("platform-admin")

    page = manager.get(address("change", above))

    assert page.context["form"] is None
    assert page.context["tools"].keys() == {"compare", "clone"}
    for role, status in ((above, 403), (below, 302)):
        form = details(desk, role, display_name="Renamed")
        assert send(manager, "change", role, form, "save").status_code == status
    assert stored(above).display_name == "Above"
    assert stored(below).display_name == "Renamed"


@pytest.mark.requirement("ADM-3")
@pytest.mark.requirement("ASSIGN-2")
def test_a_permission_that_the_actor_lacks_is_locked_and_stays_as_it_was(
    desk: Browser, console: Callable[[str], Browser]
) -> None:
    role = RoleFactory(scope="PLATFORM", reach=None, priority=10, keys=("users:list",))
    manager = console("platform-admin")

    cell = manager.get(address("permissions", role)).context["form"].matrix_field.matrix().cell("billing:refunds")
    forged = ticked(manager, role, add=("billing:refunds", "users:read"))

    assert cell.is_locked
    assert "do not hold this permission" in cell.note
    assert send(manager, "permissions", role, forged, "save").status_code == 302
    assert stored(role).permissions == {"users:list", "users:read"}


@pytest.mark.requirement("ASSIGN-2")
@pytest.mark.requirement("PDP-5")
def test_the_review_says_what_would_be_refused(console: Callable[[str], Browser], db: None) -> None:
    role = RoleFactory(scope="PLATFORM", reach=None, priority=10, keys=("users:list",))
    manager = console("platform-admin")
    form = details(manager, role, priority="90")

    review = send(manager, "change", role, form)

    assert "ranks above your own role" in review.context["review"].impact.refused
    assert 'value="save"' not in review.content.decode()
    assert send(manager, "change", role, form, "save").status_code == 403
    assert stored(role).priority == 10


@pytest.mark.requirement("ROLE-8")
@pytest.mark.requirement("ADM-3")
def test_an_inherited_permission_is_locked_and_names_its_source(desk: Browser, planner: Role, agency: Agency) -> None:
    heir = RoleFactory(organization=agency.organization, parent=planner, keys=("notes:read",))

    cell = desk.get(address("permissions", heir)).context["form"].matrix_field.matrix().cell("tasks:read")

    assert (cell.is_on, cell.is_locked, cell.note) == (True, True, "Inherited from Planner")
    assert send(desk, "permissions", heir, ticked(desk, heir, drop=("tasks:read",)), "save").status_code == 302
    assert stored(heir).permissions == {"notes:read"}


@pytest.mark.requirement("ADM-3")
@pytest.mark.requirement("AUD-7")
def test_the_matrix_marks_what_was_not_used(desk: Browser, planner: Role) -> None:
    with on_platform():
        Role.objects.filter(pk=planner.pk).update(created_at=timezone.now() - timedelta(days=120))
        PermissionUse.objects.create(
            role=planner,
            organization_id=planner.organization_id,
            permission_id="clients:read",
            last_used_on=timezone.now().date(),
        )

    matrix = desk.get(address("permissions", planner)).context["form"].matrix_field.matrix()

    unused = {cell.key: cell.unused for cell in matrix.cells if cell.is_unused}
    assert unused == {"tasks:read": "Not used so far (role is 120 days old)"}


@pytest.mark.requirement("ROLE-8")
def test_a_role_is_not_offered_its_own_heirs_as_parents(desk: Browser, planner: Role, agency: Agency) -> None:
    heir = RoleFactory(organization=agency.organization, parent=planner)
    aunt = RoleFactory(organization=agency.organization)

    field = desk.get(address("change", planner)).context["form"].fields["parent"]

    with on_platform():
        offered = set(field.queryset)
    assert aunt in offered
    assert not {planner, heir} & offered


@pytest.mark.requirement("ROLE-7")
@pytest.mark.requirement("PDP-5")
def test_a_role_is_deactivated_after_a_look_at_who_loses_what(desk: Browser, planner: Role) -> None:
    asked = desk.get(address("deactivate", planner))

    (shown,) = asked.context["effects"]
    assert (shown.effect.people, shown.effect.lost) == (2, ("clients:read", "tasks:read"))
    assert stored(planner).is_active
    done = desk.post(address("deactivate", planner), {"version": role_version(planner), "stage": "save"})
    assert done.status_code == 302
    assert not stored(planner).is_active
    assert desk.post(address("activate", planner), {"version": 1, "stage": "save"}).status_code == 409
    assert desk.post(address("activate", planner), {"version": 2, "stage": "save"}).status_code == 302
    assert stored(planner).is_active


@pytest.mark.requirement("ROLE-5")
@pytest.mark.requirement("PDP-5")
def test_a_role_with_people_is_deleted_with_a_replacement_only(desk: Browser, planner: Role, agency: Agency) -> None:
    other = RoleFactory(organization=agency.organization, keys=("clients:read",), reach="assigned")
    form = {"version": role_version(planner)}

    asked = desk.get(address("delete", planner), {"replacement": str(other.pk)})
    bare = desk.post(address("delete", planner), form)

    (shown,) = asked.context["effects"]
    assert (shown.effect.people, shown.effect.gained, shown.effect.lost) == (2, (), ("tasks:read",))
    assert bare.status_code == 409
    assert "Name the role that they get instead" in bare.content.decode()
    done = desk.post(address("delete", planner), {**form, "replacement": str(other.pk)})
    assert done.status_code == 302
    with on_platform():
        assert not Role.objects.filter(pk=planner.pk).exists()
        assert other.memberships.count() == 2


@pytest.mark.requirement("ROLE-5")
@pytest.mark.requirement("ASSIGN-2")
def test_only_roles_that_the_actor_may_give_take_another_s_place(
    staff_with: Callable[..., User], browse: Callable[[Any], Browser]
) -> None:
    role = RoleFactory(scope="PLATFORM", reach=None, priority=10)
    MembershipFactory(organization=None, role=role)
    above = RoleFactory(scope="PLATFORM", reach=None, priority=90)
    fair = RoleFactory(scope="PLATFORM", reach=None, priority=20)
    manager = browse(staff_with("roles:list", "roles:read", "roles:delete", "roles:assign"))

    def delete(replacement: Role) -> int:
        form = {"version": role_version(role), "replacement": str(replacement.pk)}
        return manager.post(address("delete", role), form).status_code

    field = manager.get(address("delete", role)).context["form"].fields["replacement"]
    with on_platform():
        offered = set(field.queryset)
    assert fair in offered
    assert above not in offered
    assert delete(above) == 400
    assert delete(fair) == 302


@pytest.mark.requirement("ROLE-5")
def test_a_role_that_others_inherit_from_says_so_and_stays(desk: Browser, planner: Role, agency: Agency) -> None:
    empty = RoleFactory(organization=agency.organization)
    heir = RoleFactory(organization=agency.organization, parent=empty, display_name="Heir")

    asked = desk.get(address("delete", empty))

    assert [str(one) for one in asked.context["heirs"]] == ["Heir"]
    assert not asked.context["is_ready"]
    assert desk.post(address("delete", empty), {"version": 1}).status_code == 409
    assert desk.post(address("delete", heir), {"version": 1}).status_code == 302
    assert desk.post(address("delete", empty), {"version": 1}).status_code == 302


@pytest.mark.requirement("ADM-3")
def test_the_sentence_follows_the_boxes(desk: Browser, planner: Role) -> None:
    def told(*keys: str) -> str:
        return desk.post(address("describe", planner), {"permissions": list(keys)}).json()["sentence"]

    assert told("campaigns:read", "campaigns:write") != told("campaigns:read")
    assert "campaigns" in told("campaigns:read")
    assert told("no:such") == told()
    assert desk.get(address("describe", planner)).status_code == 405


def test_two_roles_are_compared_side_by_side(desk: Browser, planner: Role, agency: Agency) -> None:
    other = RoleFactory(
        organization=agency.organization, parent=planner, display_name="Other", keys=("notes:read",), priority=30
    )

    page = desk.get(address("compare"), {"a": str(planner.pk), "b": str(other.pk)})

    assert {part["title"]: part["count"] for part in page.context["parts"]} == {
        "Only in Planner": 0,
        "Only in Other": 1,
        "In both": 2,
    }
    fields = {field["label"]: (field["a"], field["b"], field["differs"]) for field in page.context["fields"]}
    assert fields["Priority"] == ("50", "30", True)
    assert fields["Parent"] == ("–", "Planner", True)
    assert fields["People"] == (2, 0, True)
    assert desk.get(address("compare")).status_code == 200
    assert desk.get(address("compare"), {"a": "nonsense"}).status_code == 404
