"""Resources are neither granted nor taken by somebody who loses the right while they wait (threat 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from roles.actions import GrantResources, RevokeResources
from roles.models import Application, Membership
from tenancy.context import acting
from tenancy.errors import AccessDenied
from tests.factories import built_in
from tests.roles.applications import clerk, register
from tests.roles.racing import by, held_up
from tests.world import make_agency


@pytest.mark.requirement("ASSIGN-2")
@pytest.mark.parametrize("verb", [GrantResources, RevokeResources])
def test_the_right_is_asked_for_again_after_waiting(committed_db: str, verb: Callable[..., Any]) -> None:
    agency = make_agency("Larkmoor", clients=0)
    application = register(agency)
    actor = clerk(agency, "team:read", "team:update")
    call = by(actor, verb, application.pk, "invoice", ["i-1"], [agency.member.pk])
    with acting(agency.actor("owner")):
        Application.objects.select_for_update().get(pk=application.pk)
        Membership.objects.filter(user=agency.people["clerk"]).update(role=built_in("org-viewer"))
        finish = held_up(call)
    [refused] = finish()
    assert isinstance(refused, AccessDenied) and refused.denial.key == "team:update"
