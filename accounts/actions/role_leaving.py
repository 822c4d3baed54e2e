"""What becomes of invitations when the role they offer is deleted (ROLE-5)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Q
from django.dispatch import receiver
from django.utils import timezone

from accounts.models import Invitation
from roles.models import Role
from roles.signals import role_leaving
from tenancy.actors import Actor, SystemActor
from tenancy.context import acting
from tenancy.errors import ActionRefused


@receiver(role_leaving, sender=Role)
def leave_invitations(actor: Actor, role: Role, replacement: Role | None, **_: Any) -> None:
    """Let open invitations offer the replacement, and closed ones outlive the role.

    Raises ActionRefused for an open invitation without a replacement.
    """
    offering = Invitation.objects.filter(role=role)
    if replacement is None and (waiting := offering.pending().count()):
        people = "One person is" if waiting == 1 else f"{waiting} people are"
        raise ActionRefused(f"{people} invited to “{role}”. Name the role that they are offered instead.")
    places = {role.organization_id} if role.organization_id else set(offering.values_list("organization_id", flat=True))
    for place in sorted(places):
        with acting(_keeper(actor, place)):
            _leave(role, replacement)


def _keeper(actor: Actor, organization_id: UUID) -> SystemActor:
    return SystemActor(actor.label, organization_id, user_id=actor.user_id, on_behalf_of_id=actor.on_behalf_of_id)


def _leave(role: Role, replacement: Role | None) -> None:
    """Repoint the invitations of one organization. One that expired unused is closed when there is nothing to offer."""
    now = timezone.now()
    rows = Invitation.objects.filter(role=role).select_for_update(of=("self",)).order_by("pk")
    for invitation in rows.filter(Q(accepted_at=None) & Q(revoked_at=None)):
        invitation.role = replacement
        if replacement is None:
            invitation.revoked_at = now
        invitation.save(update_fields=["role", "revoked_at"])
    rows.update(role=None)
