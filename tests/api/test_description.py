"""The OpenAPI document and the browsable description."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client as Browser
from drf_spectacular.generators import SchemaGenerator


@pytest.mark.requirement("API-1")
def test_the_description_is_valid_and_complete(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))
    described = yaml.safe_load((tmp_path / "schema.yml").read_text())
    assert described["openapi"].startswith("3.1")
    change = described["paths"]["/api/orgs/{organization}/clients/{id}/"]["patch"]
    assert {"If-Match"} <= {parameter["name"] for parameter in change["parameters"] if parameter["in"] == "header"}
    assert {"400", "403", "404", "412", "428", "429"} <= change["responses"].keys()
    assert change["responses"]["200"]["headers"]["ETag"]
    assert "application/problem+json" in change["responses"]["412"]["content"]
    assert {"bearer": []} in change["security"]


@pytest.fixture(scope="module")
def paths() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)["paths"]


@pytest.mark.requirement("API-1")
def test_roles_are_described_at_the_addresses_of_the_specification(paths: Any) -> None:
    described = {
        path.removeprefix("/api/admin/"): {method.upper() for method in methods}
        for path, methods in paths.items()
        if path.startswith(("/api/admin/roles", "/api/admin/permissions"))
    }
    assert described == {
        "roles": {"GET", "POST"},
        "roles/{id}": {"GET", "PUT", "PATCH", "DELETE", "POST"},
        "roles/{id}/assign": {"GET", "POST", "DELETE"},
        "roles/{id}/assign/preview": {"POST"},
        "roles/{id}/preview": {"POST"},
        "roles/{id}/audit": {"GET"},
        "permissions": {"GET"},
    }


@pytest.mark.requirement("API-1")
def test_both_faces_of_roles_are_described_alike(paths: Any) -> None:
    def answers(prefix: str) -> dict[str, set[str]]:
        return {
            f"{method} {path.removeprefix(prefix).rstrip('/')}": set(operation["responses"])
            for path, methods in paths.items()
            if path.startswith((f"{prefix}roles", f"{prefix}permissions"))
            for method, operation in methods.items()
        }

    assert answers("/api/admin/") == answers("/api/orgs/{organization}/")


@pytest.mark.requirement("API-1")
@pytest.mark.parametrize(
    ("method", "path", "codes", "headers"),
    [
        ("post", "roles", {"201", "400", "403", "409", "422"}, {"Idempotency-Key"}),
        ("patch", "roles/{id}", {"200", "400", "403", "404", "409", "412", "428"}, {"If-Match"}),
        ("delete", "roles/{id}", {"204", "400", "403", "404", "409", "412", "428"}, {"If-Match"}),
        ("post", "roles/{id}", {"200", "201", "400", "409", "412", "422", "428"}, {"If-Match", "Idempotency-Key"}),
        ("post", "roles/{id}/assign", {"200", "400", "403", "404", "409", "422"}, {"Idempotency-Key"}),
        ("delete", "roles/{id}/assign", {"204", "400", "403", "404", "409"}, set()),
    ],
)
def test_every_answer_to_a_change_of_roles_is_described(
    paths: Any, method: str, path: str, codes: set[str], headers: set[str]
) -> None:
    operation = paths[f"/api/admin/{path}"][method]
    assert codes | {"401", "406", "429"} <= operation["responses"].keys()
    assert {one["name"] for one in operation["parameters"] if one["in"] == "header"} == headers
    for code in sorted(operation["responses"].keys() - {"200", "201", "204"}):
        assert list(operation["responses"][code]["content"]) == ["application/problem+json"], code


@pytest.mark.requirement("API-1")
@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_anyone_may_read_the_description(db: None, path: str) -> None:
    assert Browser().get(path).status_code == 200
