"""The index of people by object: brought up to date, it is the one that would be made anew."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles.engine.assignees import assignees_of, reassigned, renewed
from roles.engine.snapshot import Assigned, Person
from tests.roles.engine.values import Office, role

pytestmark = pytest.mark.requirement("PDP-6")

PEOPLE = tuple("abcd")
_office = Office([role("base")])
SOMEBODY = _office.people[_office.hire("somebody", "base")]
assignments = st.dictionaries(
    st.sampled_from(["client", "books:invoice"]),
    st.dictionaries(st.sampled_from("xyz"), st.booleans(), min_size=1),
)
organizations = st.dictionaries(st.sampled_from(PEOPLE), assignments)


def people(organization: dict[str, dict[str, Assigned]]) -> dict[str, Person]:
    return {one: replace(SOMEBODY, id=one, assigned=assigned) for one, assigned in organization.items()}


@given(organizations, organizations, st.sets(st.sampled_from(PEOPLE)))
def test_a_renewed_one_is_the_one_made_anew(
    was: dict[str, dict[str, Assigned]], becomes: dict[str, dict[str, Assigned]], untouched: set[str]
) -> None:
    before = people(was)
    after = people({**becomes, **{one: was[one] for one in untouched & was.keys()}})
    changed = reassigned(before, after)
    assert changed.isdisjoint(untouched & was.keys())
    assert renewed(assignees_of(before), before, after, changed) == assignees_of(after)


def test_people_are_in_order_and_each_kind_by_itself() -> None:
    found = assignees_of(
        people({"b": {"client": {"x": True}}, "a": {"client": {"x": False}, "books:invoice": {"x": True}}})
    )
    assert found == {"client": {"x": ("a", "b")}, "books:invoice": {"x": ("a",)}}


def test_what_did_not_change_is_kept_as_it_is() -> None:
    before = people({"a": {"client": {"x": True}}, "b": {"client": {"y": True}}})
    after = {**before, **people({"b": {"client": {"z": True}}})}
    index = assignees_of(before)
    now = renewed(index, before, after, reassigned(before, after))
    assert now == {"client": {"x": ("a",), "z": ("b",)}} and now["client"]["x"] is index["client"]["x"]
