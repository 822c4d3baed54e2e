"""What every page of one client shows: its name, its tabs, and the way back."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Subquery
from django.db.models.functions import Coalesce

from accounts.links import org_url
from clients.access import client_policy
from clients.models import Client
from clients.pages.kinds import KINDS, TONES, Kind
from tenancy.policies import Verb, decide


def crumbs(request: Any, client: Client | None = None, kind: Kind | None = None) -> list[dict[str, str]]:
    """Return the way from the list of clients down to the client and the kind, as far as they are given."""
    way = [{"label": "Clients", "url": org_url(request, "clients")}]
    if client is not None:
        way.append({"label": client.name, "url": org_url(request, "client", client.pk)})
    if client is not None and kind is not None:
        way.append({"label": kind.many, "url": org_url(request, "items", client.pk, kind.slug)})
    return way


def client_frame(request: Any, client: Client, current: Kind | None = None) -> dict[str, Any]:
    """Return the context of a client's page: only the tabs and buttons that the actor may use."""
    actor = request.actor
    tabs = [
        {"label": "Overview", "url": org_url(request, "client", client.pk), "current": current is None, "count": None}
    ]
    tabs += [
        {
            "label": kind.many,
            "url": org_url(request, "items", client.pk, kind.slug),
            "current": kind is current,
            "count": total,
        }
        for kind, total in counts(actor, client).items()
    ]
    return {
        "client": client,
        "kind": current,
        "tabs": tabs,
        "tone": TONES.get(client.status, ""),
        "may_change": client_policy.permits(actor, Verb.CHANGE, client),
        "may_delete_client": client_policy.permits(actor, Verb.DELETE, client),
        "breadcrumbs": crumbs(request),
    }


def counts(actor: Any, client: Client) -> dict[Kind, int]:
    """Return how many items of each kind that the actor may read the client has, asked in one statement."""
    readable = [kind for kind in KINDS if decide(actor, kind.key(Verb.VIEW)) is None]
    if not readable:
        return {}
    totals = Client.objects.filter(pk=client.pk).values_list(*(_total(actor, client, kind) for kind in readable))
    return dict(zip(readable, totals.get(), strict=True))


def _total(actor: Any, client: Client, kind: Kind) -> Coalesce:
    held = kind.policy.visible(actor).filter(client=client).order_by().values("client")
    return Coalesce(Subquery(held.annotate(total=Count("pk")).values("total")), 0)
