"""Who may do what to clients, to the things of their workspaces, and to assignments.

A row is reached when it belongs to the actor's organization and, for an actor with assigned reach, when its client is
assigned to them: to read or to work with for viewing, to work with for everything else. PostgreSQL holds the same rule
by itself (migrations/0002_isolation.py); this one is right alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from clients.models import (
    Campaign,
    Client,
    ClientGrant,
    Connection,
    Contact,
    Document,
    Invoice,
    Note,
    Task,
    WorkspaceItem,
)
from roles.models import Membership
from tenancy.actors import Actor, Reach
from tenancy.errors import AccessDenied, Denial, Reason
from tenancy.policies import AccessPolicy, Verb, guard, require

KINDS: Mapping[str, type[WorkspaceItem]] = MappingProxyType(
    {
        "contacts": Contact,
        "campaigns": Campaign,
        "documents": Document,
        "tasks": Task,
        "notes": Note,
        "invoices": Invoice,
        "connections": Connection,
    }
)
ASSIGNED = f"SELECT client_id FROM {ClientGrant._meta.db_table} WHERE organization_id = %s AND user_id = %s"  # noqa: S608
ASSIGNED_TO_CHANGE = f"{ASSIGNED} AND permission_id = (SELECT iam_change_client_permission())"
ASSIGN = "team:update"
SEE_ASSIGNMENTS = "team:read"
NOBODY = UUID(int=0)


def keys_of(plural: str) -> Mapping[Verb, str]:
    """Return the three permissions of one kind of thing by verb: read, write, delete."""
    return {
        Verb.VIEW: f"{plural}:read",
        Verb.ADD: f"{plural}:write",
        Verb.CHANGE: f"{plural}:write",
        Verb.DELETE: f"{plural}:delete",
    }


def clients_in_reach(actor: Actor, verb: Verb = Verb.VIEW) -> QuerySet[Client]:
    """Return the clients that the actor's reach and assignments open to `verb`, whatever the role permits."""
    return _within_reach(Client.objects.all(), actor, verb, "pk")


def items_in_reach(model: type[WorkspaceItem], actor: Actor, verb: Verb = Verb.VIEW) -> QuerySet[Any]:
    """Return the things of one kind at the clients that the actor's reach and assignments open to `verb`."""
    return _within_reach(model._default_manager.all(), actor, verb, "client_id")


def _within_reach(rows: QuerySet[Any], actor: Actor, verb: Verb, client: str) -> QuerySet[Any]:
    if actor.organization_id is None or actor.reach is None:
        return rows.none()
    own = rows.filter(organization_id=actor.organization_id)
    if actor.reach is Reach.ALL:
        return own
    if actor.user_id is None:
        return rows.none()
    return own.filter(**{f"{client}__in": _assigned(actor.organization_id, actor.user_id, verb)})


def _assigned(organization_id: UUID, user_id: UUID, verb: Verb) -> RawSQL:
    """Return the ids of the clients assigned to a user, as a subquery.

    It stands in every page of an actor with assigned reach; as a queryset, putting it together took longer than
    answering it.
    """
    statement = ASSIGNED if verb is Verb.VIEW else ASSIGNED_TO_CHANGE
    return RawSQL(statement, (organization_id, user_id))  # noqa: S611


def change_permission() -> QuerySet[Permission]:
    """Return guardian's permission of an assignment to work with, as a queryset of one."""
    return Permission.objects.filter(
        content_type__app_label="clients", content_type__model="client", codename="change_client"
    )


def grants_visible_to(actor: Actor, verb: Verb = Verb.VIEW) -> QuerySet[ClientGrant]:
    """Return the assignments an actor knows of: all with reach to all clients, else their own, to look at only."""
    if actor.organization_id is None or actor.reach is None:
        return ClientGrant.objects.none()
    own = ClientGrant.objects.filter(organization_id=actor.organization_id)
    if actor.reach is Reach.ALL:
        return own
    return own.filter(user_id=actor.user_id or NOBODY) if verb is Verb.VIEW else own.none()


client_policy = guard(AccessPolicy(Client, keys_of("clients"), clients_in_reach))
workspace_policies: Mapping[type[WorkspaceItem], AccessPolicy[Any]] = MappingProxyType(
    {
        model: guard(AccessPolicy(model, keys_of(plural), partial(items_in_reach, model)))
        for plural, model in KINDS.items()
    }
)
assignment_policy = guard(
    AccessPolicy(
        ClientGrant,
        {Verb.VIEW: SEE_ASSIGNMENTS, Verb.ADD: ASSIGN, Verb.CHANGE: ASSIGN, Verb.DELETE: ASSIGN},
        grants_visible_to,
    )
)


def require_assigning(actor: Actor) -> None:
    """Raise unless the actor may assign clients to people: the permission, and all clients within reach."""
    require(actor, ASSIGN)
    if actor.reach is not Reach.ALL:
        raise AccessDenied(
            Denial(
                Reason.OUT_OF_REACH,
                ASSIGN,
                "clients.clientgrant",
                "",
                "Only someone who reaches all clients assigns them.",
            )
        )


def organization_of(actor: Actor) -> UUID:
    """Return the organization the actor acts in. Raises AccessDenied on the platform, where no client is."""
    if actor.organization_id is None:
        raise AccessDenied(Denial(Reason.NOT_A_MEMBER))
    return actor.organization_id


def client_to_work_with(actor: Actor, pk: UUID | str) -> Client:
    """Return the client that a new thing is made for, locked so that it is not deleted meanwhile.

    Raises ValidationError alike for a hidden client and a missing one, AccessDenied for one assigned to read only.
    """
    try:
        named = clients_in_reach(actor, Verb.CHANGE).filter(pk=pk)
        found = named.select_for_update(of=("self",), no_key=True).first()
        if found is None and clients_in_reach(actor).filter(pk=pk).exists():
            raise AccessDenied(Denial(Reason.READ_ONLY, "", "clients.client", str(pk)))
    except (ValueError, TypeError, ValidationError):
        found = None
    if found is None:
        raise ValidationError({"client": ValidationError("There is no such client.", code="does_not_exist")})
    return found


def assignable_members(actor: Actor) -> QuerySet[Membership]:
    """Return the memberships that a task of the actor's organization may be given to."""
    if actor.organization_id is None:
        return Membership.objects.none()
    return Membership.objects.filter(organization_id=actor.organization_id)
