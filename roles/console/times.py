"""How long ago something was, in words; pages give the exact time beside it."""

from __future__ import annotations

from datetime import date, datetime, timedelta

UNITS = (("year", 365), ("month", 30), ("day", 1))


def days_ago(day: date | None, today: date) -> str:
    """Return “today”, “12 days ago”, “5 months ago”, or “never” without a day."""
    if day is None:
        return "never"
    passed = (today - day).days
    for unit, length in UNITS:
        if passed >= length:
            return _counted(passed // length, unit)
    return "today"


def ago(moment: datetime, now: datetime) -> str:
    """Return “just now”, “5 minutes ago”, “3 hours ago”, or as many days, months or years."""
    passed = now - moment
    if passed < timedelta(minutes=1):
        return "just now"
    if passed < timedelta(hours=1):
        return _counted(passed.seconds // 60, "minute")
    if passed < timedelta(days=1):
        return _counted(passed.seconds // 3600, "hour")
    return days_ago(now.date() - timedelta(days=passed.days), now.date())


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'} ago"
