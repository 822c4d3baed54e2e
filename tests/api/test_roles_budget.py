"""Statements that a request about roles costs, kept in budgets.toml as those of the other resources (PERF-3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.roles import Face
from tests.api.test_budgets import BUDGETS, cost, warm_up


@pytest.mark.django_db
@pytest.mark.requirement("PERF-3")
def test_a_request_about_roles_keeps_to_its_budget(face: Face) -> None:
    base = face.role("clients:read")
    role = face.role("notes:read", parent=base)
    for _ in range(3):
        face.person(role)
        face.role(parent=role)
    url, newcomers = face.url("roles", role), face.in_agency() | {"users": [str(face.agency.viewer.pk)]}

    def change() -> Any:
        return face.chief.patch(url, {"permissions": ["tasks:read"]}, HTTP_IF_MATCH="*")

    warm_up(face.acting_chief)
    face.chief.get(url)
    spent = {
        "list": cost(lambda: face.chief.get(face.url("roles")), 200),
        "retrieve": cost(lambda: face.chief.get(url), 200),
        "people": cost(lambda: face.chief.get(face.url("roles", role, "assign")), 200),
        "history": cost(lambda: face.chief.get(face.url("roles", role, "audit")), 200),
        "preview": cost(lambda: face.chief.post(face.url("roles", role, "preview"), {"permissions": []}), 200),
        "create": cost(lambda: face.chief.post(face.url("roles"), face.new("planner", "clients:read")), 201),
        "change": cost(change, 200),
        "assign": cost(lambda: face.chief.post(face.url("roles", role, "assign"), newcomers), 200),
        "delete": cost(lambda: face.chief.delete(face.url("roles", face.role()), HTTP_IF_MATCH="*"), 204),
        "permissions": cost(lambda: face.chief.get(face.url("permissions")), 200),
    }
    over = {name: made for name, made in spent.items() if len(made) > BUDGETS["roles"][name]}
    assert not over, "\n\n".join(f"{name}: {len(made)}\n" + "\n".join(made) for name, made in over.items())
