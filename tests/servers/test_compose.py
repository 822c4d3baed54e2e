"""The compose file, read as the tool reads it where no container can be started."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.requirement("DEP-5")

PROJECT = Path(__file__).parents[2]
COMPOSE = (PROJECT / "compose.yaml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]


def test_every_variable_is_explained_in_the_example() -> None:
    used = set(re.findall(r"\$\{(\w+)", COMPOSE))
    explained = set(re.findall(r"^(\w+)=", (PROJECT / ".env.example").read_text(), re.MULTILINE))

    assert used == explained


def test_the_example_holds_no_secret() -> None:
    filled = re.findall(r"^(\w*(?:PASSWORD|SECRET)\w*)=.+", (PROJECT / ".env.example").read_text(), re.MULTILINE)

    assert filled == []


@pytest.mark.parametrize("secret", ["SECRET_KEY", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "APP_DATABASE_PASSWORD"])
def test_a_missing_secret_stops_the_start_with_what_to_do(secret: str) -> None:
    assert set(re.findall(rf"\${{{secret}[^}}]*}}", COMPOSE)) == {f"${{{secret}:?set it in .env, see .env.example}}"}


@pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())
def test_every_service_is_confined(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_the_web_server_is_reached_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["web"]
    assert all(SERVICES[name]["networks"] == ["backend"] for name in ("postgres", "redis"))


def test_only_migrations_know_the_owner_and_only_provisioning_knows_the_superuser() -> None:
    holders = {
        password: [name for name, service in SERVICES.items() if f"${{{password}" in str(service.get("environment"))]
        for password in ("OWNER_DATABASE_PASSWORD", "POSTGRES_PASSWORD")
    }

    assert holders == {
        "OWNER_DATABASE_PASSWORD": ["provision", "migrate"],
        "POSTGRES_PASSWORD": ["postgres", "provision"],
    }


def test_whatever_serves_waits_for_the_migrations() -> None:
    for name in ("web", "worker", "beat"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
