from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.core import mail

from accounts.actions import Invite
from accounts.models import Invitation
from tenancy.context import acting
from tests.factories import built_in
from tests.world import Agency

LINK = re.compile(r"/join/([^/\s]+)/")

Send = Callable[..., list[tuple[Invitation, str]]]


def token_in(message: Any) -> str:
    """Return the secret of the link in a sent message."""
    found = LINK.search(message.body)
    assert found, message.body
    return found[1]


@pytest.fixture
def invite(django_capture_on_commit_callbacks: Any) -> Send:
    """Return a function that invites people as a person of an agency and returns (invitation, link token) for each."""

    def send(
        agency: Agency, by: str, *emails: str, role: Any = "org-member", clients: Iterable[Any] = ()
    ) -> list[tuple[Invitation, str]]:
        offered = built_in(role) if isinstance(role, str) else role
        before = len(mail.outbox)
        actor = agency.actor(by)
        with django_capture_on_commit_callbacks(execute=True), acting(actor):
            made = Invite(actor, emails, offered, [client.pk for client in clients]).execute()
        return list(zip(made, [token_in(message) for message in mail.outbox[before:]], strict=True))

    return send
