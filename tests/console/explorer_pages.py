"""The explorer's addresses, as links lead to them, and an application to ask about."""

from __future__ import annotations

import csv
import io
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from roles.models import Application
from tests.factories import MembershipFactory, UserFactory
from tests.roles.applications import given, grant, keys_of, register
from tests.world import Agency

#: What staff need to ask about an organization.
SEEING = ("roles:read", "roles:list", "users:read", "users:list", "organizations:read")
#: One action of the billing desk for each reach.
EVERY, GRANTED, OWN = "invoice:read", "invoice:update", "report:update"


def address(tab: str, **asked: Any) -> str:
    """Return the address of a question."""
    return f"{reverse(f'admin:explorer_{tab}')}?{urlencode(asked)}"


def rows_of(response: Any) -> list[dict[str, str]]:
    """Return the rows of a file by their columns."""
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def open_billing(agency: Agency) -> Application:
    """Return the agency's billing desk: two clerks may do everything in it, of whom Maud has two invoices granted."""
    application = register(agency)
    role = given(agency, "clerk", *keys_of(application).values(), display_name="Clerk")
    for name in ("maud", "wim"):
        user = UserFactory(name=name.title())
        MembershipFactory(user=user, organization=agency.organization, role=role)
        agency.people[name] = user
    grant(agency, application, "maud", "i-1", "i-2")
    return application


def asking(agency: Agency, billing: Application, action: str, **more: Any) -> dict[str, Any]:
    """Return what an address of the explorer asks about an action of the billing desk."""
    return {"place": agency.slug, "permission": keys_of(billing)[action], **more}
