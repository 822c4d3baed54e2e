"""What the schedule does with roles."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from roles.engine.watch import forget_changes


@shared_task
def forget_policy_changes() -> None:
    """Delete what the feed of policy changes keeps no longer."""
    forget_changes(timezone.now() - timedelta(days=settings.POLICY_CHANGES_DAYS))
