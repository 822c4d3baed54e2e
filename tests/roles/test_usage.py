"""On which day a role was last used: what the hint of an unused role stands on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from roles import usage
from roles.models import RoleUse
from tenancy.context import acting
from tenancy.errors import AccessDenied, Denial, Reason
from tests.factories import built_in, inside
from tests.world import Agency

pytestmark = [pytest.mark.django_db, pytest.mark.requirement("ADM-2")]


@pytest.fixture(autouse=True)
def _fresh_process() -> Iterator[None]:
    usage._noted.clear()
    yield
    usage._noted.clear()


def uses(agency: Agency) -> dict[str, int]:
    today = timezone.now().date()
    with inside(agency.organization):
        return {use.role.name: (today - use.last_used_on).days for use in RoleUse.objects.select_related("role")}


def test_acting_with_a_role_is_noted_by_day_and_place(agency: Agency, other_agency: Agency) -> None:
    with acting(agency.actor("viewer")):
        pass
    assert uses(agency) == {"org-viewer": 0}
    assert uses(other_agency) == {}


def test_an_old_day_moves_on(agency: Agency) -> None:
    with inside(agency.organization):
        RoleUse.objects.create(
            role=built_in("org-viewer"),
            organization=agency.organization,
            last_used_on=timezone.now().date() - timedelta(days=100),
        )
    assert uses(agency) == {"org-viewer": 100}
    with acting(agency.actor("viewer")):
        pass
    assert uses(agency) == {"org-viewer": 0}


def test_it_is_written_once_a_day(agency: Agency, django_assert_num_queries: object) -> None:
    actor = agency.actor("viewer")
    with acting(actor):
        pass
    with inside(agency.organization):
        RoleUse.objects.all().delete()
    with acting(actor):
        pass
    assert uses(agency) == {}


def test_what_was_denied_is_no_use(agency: Agency) -> None:
    with pytest.raises(AccessDenied), acting(agency.actor("viewer")):
        raise AccessDenied(Denial(Reason.MISSING_PERMISSION))
    assert uses(agency) == {}
    with acting(agency.actor("viewer")):
        pass
    assert uses(agency) == {"org-viewer": 0}
