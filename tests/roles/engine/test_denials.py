"""What a denial of the engine says: the permission, and where it is missing."""

from __future__ import annotations

import pytest

from roles import catalogue
from roles.engine import decide
from tenancy.actors import SystemActor
from tenancy.errors import Denial, Reason
from tests.roles.engine.values import HERE

pytestmark = pytest.mark.requirement("PDP-1")

IN_ORGANIZATION, ON_PLATFORM = SystemActor("test", HERE), SystemActor("test")


def test_a_missing_permission_is_named_with_the_place() -> None:
    name = catalogue.entries()["clients:delete"].name
    sentence = f"Your role does not include “{name}” (clients:delete) in this organization."
    assert decide(IN_ORGANIZATION, "clients:delete") == Denial(
        Reason.MISSING_PERMISSION, "clients:delete", sentence=sentence
    )
    missing = decide(ON_PLATFORM, "users:ban")
    assert missing is not None and missing.sentence.endswith("(users:ban) on the platform.")


def test_an_unknown_permission_is_named() -> None:
    sentence = "There is no permission “clients:teleport”."
    assert decide(IN_ORGANIZATION, "clients:teleport") == Denial(
        Reason.UNKNOWN_PERMISSION, "clients:teleport", sentence=sentence
    )
