"""The figures of the platform's home, each leading to its list, and only those that the role may see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.access import LIST_ORGANIZATIONS, LIST_USERS, organization_policy, user_policy
from accounts.models import Organization
from agents.models import ImportRun
from audit.access import access_record_policy
from audit.models import AccessRecord, Decision
from tenancy.actors import Actor
from tenancy.policies import Verb, decide

WATCH_JOBS = "system:jobs:read"
LATEST = 8


@dataclass(frozen=True, slots=True)
class StatCard:
    """One figure: what it counts, how many, a word more, and where its list is. `needs_attention` sets it off."""

    title: str
    value: int
    detail: str
    url: str
    icon: str
    needs_attention: bool = False


def stat_cards(actor: Actor) -> list[StatCard]:
    """Return the cards that the actor may see, in the order they are shown."""
    return [*_organizations(actor), *_people(actor), *_denials(actor), *_imports(actor)]


def latest_denials(actor: Actor) -> list[AccessRecord] | None:
    """Return the last few refused attempts, or None to those who may not read the record."""
    if not access_record_policy.permits(actor, Verb.VIEW):
        return None
    return list(access_record_policy.visible(actor).filter(decision=Decision.DENY)[:LATEST])


def _organizations(actor: Actor) -> Iterator[StatCard]:
    if not _may_list(actor, LIST_ORGANIZATIONS) or not organization_policy.permits(actor, Verb.VIEW):
        return
    status = Organization.Status
    counted = organization_policy.visible(actor).aggregate(
        active=Count("pk", filter=Q(status=status.ACTIVE)), suspended=Count("pk", filter=Q(status=status.SUSPENDED))
    )
    listed = reverse("admin:accounts_organization_changelist")
    yield StatCard(
        "Organizations", counted["active"], "active", _filtered(listed, status__exact=status.ACTIVE), "apartment"
    )
    yield StatCard(
        "Suspended",
        counted["suspended"],
        "organizations, refused everywhere",
        _filtered(listed, status__exact=status.SUSPENDED),
        "pause_circle",
        needs_attention=counted["suspended"] > 0,
    )


def _people(actor: Actor) -> Iterator[StatCard]:
    if not _may_list(actor, LIST_USERS) or not user_policy.permits(actor, Verb.VIEW):
        return
    counted = user_policy.visible(actor).aggregate(
        people=Count("pk", filter=Q(is_active=True, is_service=False)), banned=Count("pk", filter=~Q(banned_at=None))
    )
    listed = reverse("admin:accounts_user_changelist")
    yield StatCard(
        "People",
        counted["people"],
        f"{counted['banned']} banned",
        _filtered(listed, is_active__exact=1, is_service__exact=0),
        "group",
    )


def _denials(actor: Actor) -> Iterator[StatCard]:
    if not access_record_policy.permits(actor, Verb.VIEW):
        return
    denied = access_record_policy.visible(actor).filter(decision=Decision.DENY)
    count = denied.since(timezone.now() - timedelta(days=1)).count()
    listed = reverse("admin:audit_accessrecord_changelist")
    url = _filtered(listed, decision__exact=Decision.DENY, since="day")
    yield StatCard("Denials", count, "in the last 24 hours", url, "block", needs_attention=count > 0)


def _imports(actor: Actor) -> Iterator[StatCard]:
    if decide(actor, WATCH_JOBS) or not organization_policy.permits(actor, Verb.VIEW):
        return
    count = ImportRun.objects.filter(state__in=ImportRun.GOING_ON).count()
    url = _filtered(reverse("admin:accounts_organization_changelist"), importing="now")
    yield StatCard("Imports at work", count, "queued or running", url, "sync")


def _may_list(actor: Actor, key: str) -> bool:
    return decide(actor, key) is None


def _filtered(listed: str, **chosen: object) -> str:
    return f"{listed}?{urlencode(chosen)}"
