"""When a token was last used, to the minute: most requests that carry one write nothing."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.models import ApiToken
from tenancy.context import acting

PRECISION = timedelta(minutes=1)
MOST_REMEMBERED = 10_000
_noted_at: dict[UUID, float] = {}


def note_use(actor: Any) -> None:
    """Note that the actor's token was used, unless this process or the row tells that it was within the minute."""
    now = time.monotonic()
    noted = _noted_at.get(actor.token_id)
    if noted is not None and now - noted < PRECISION.total_seconds():
        return
    if len(_noted_at) >= MOST_REMEMBERED:
        _noted_at.clear()
    _noted_at[actor.token_id] = now
    moment = timezone.now()
    with acting(actor):
        ApiToken.objects.filter(
            Q(last_used_at=None) | Q(last_used_at__lt=moment - PRECISION),
            pk=actor.token_id,
            organization_id=actor.organization_id,
        ).update(last_used_at=moment)
