"""The OpenAPI document and the browsable description."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client as Browser


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


@pytest.mark.requirement("API-1")
@pytest.mark.parametrize("path", ["/api/schema/", "/api/docs/"])
def test_anyone_may_read_the_description(db: None, path: str) -> None:
    assert Browser().get(path).status_code == 200
