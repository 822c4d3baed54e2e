"""How clients take part in an invitation: whoever invites offers some, and the newcomer works for them at once."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from accounts.models import User
from clients.access import change_permission, client_policy
from clients.models import ClientGrant
from tenancy.actors import Actor


class InvitedClients:
    """The clients room's part in accounts.actions.invitations."""

    def visible(self, actor: Actor, client_ids: Collection[UUID]) -> frozenset[UUID]:
        """Return those of the clients that the actor may see."""
        return frozenset(client_policy.visible(actor).filter(pk__in=client_ids).values_list("pk", flat=True))

    def assign(self, organization_id: UUID, user: User, client_ids: Collection[UUID]) -> None:
        """Assign the user to work with each of the clients of the organization."""
        permission = change_permission().get()
        for client_id in sorted(client_ids):
            ClientGrant.objects.create(
                organization_id=organization_id, content_object_id=client_id, user=user, permission=permission
            )
