"""The list of clients, and the client's own page."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.core.validators import URLValidator
from django.db.models import Count
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import ConfirmForm, show_form, telling
from accounts.links import org_url
from clients.access import assignment_policy, client_policy
from clients.actions import CreateClient, DeleteClient, UpdateClient
from clients.filters import ClientFilter
from clients.forms import CLIENT_FIELDS, VersionedForm, form_for
from clients.models import Client
from clients.pages.assignment import assignable_people
from clients.pages.editing import submit
from clients.pages.frame import client_frame, counts, crumbs
from clients.pages.kinds import TONES
from tenancy.actors import Reach
from tenancy.policies import Verb
from tenancy.routes import requires

PAGE = 25
CHOICES_FROM = 1_000
NOBODY = "nobody"
WEB_ADDRESS = URLValidator(schemes=["http", "https"])
SORTABLE = {"name": "Client", "status": "Status", "created_at": "Added"}


@requires("clients:read")
@require_safe
def clients(request: Any) -> HttpResponse:
    """List the clients in reach, narrowed by search and filters; htmx asks for the results alone."""
    reached = client_policy.visible(request.actor).order_by("name", "pk")
    found = ClientFilter(_asked(request.GET), queryset=reached, request=request)
    page = Paginator(found.qs, PAGE).get_page(request.GET.get("page"))
    context = {
        "filter": found,
        "page": page,
        "rows": _rows(request.actor, page),
        "columns": _columns(request, _sees_assignments(request.actor)),
        "narrowed": any(value for name, value in request.GET.items() if name not in ("page", "ordering")),
        "sees_assignments": _sees_assignments(request.actor),
    }
    if request.htmx and not request.htmx.history_restore_request:
        response = render(request, "org/clients/_results.html", context | {"is_partial": True})
        response.headers["HX-Push-Url"] = _address(request)
    else:
        response = render(request, "org/clients/list.html", context | _choices(request))
    patch_vary_headers(response, ["HX-Request"])
    return response


def _asked(query: QueryDict) -> QueryDict:
    """Return the query for the filter, which asks for nobody apart; the page offers nobody beside the people."""
    asked = query.copy()
    if asked.get("assigned_to") == NOBODY:
        asked["assigned_to"] = ""
        asked["unassigned"] = "true"
    return asked


def _address(request: Any) -> str:
    """Return the address of this narrowed list without the filters that were left empty."""
    chosen = [(name, value) for name, value in request.GET.items() if value]
    return f"{request.path}?{urlencode(chosen)}" if chosen else str(request.path)


def _sees_assignments(actor: Any) -> bool:
    return actor.reach is Reach.ALL and assignment_policy.permits(actor, Verb.VIEW)


def _rows(actor: Any, page: Page) -> list[dict[str, Any]]:
    people: dict[UUID, int] = {}
    if _sees_assignments(actor):
        grants = assignment_policy.visible(actor).filter(content_object__in=[client.pk for client in page])
        people = dict(grants.values_list("content_object").annotate(people=Count("user")).order_by())
    return [
        {"client": client, "tone": TONES.get(client.status, ""), "people": people.get(client.pk, 0)} for client in page
    ]


def _columns(request: Any, assignments: bool) -> list[dict[str, Any]]:
    ordering = request.GET.get("ordering", "name")
    columns = [_sortable(request, "name", ordering), _sortable(request, "status", ordering)]
    columns.append({"label": "Place"})
    if assignments:
        columns.append({"label": "Assigned to"})
    return [*columns, _sortable(request, "created_at", ordering)]


def _sortable(request: Any, field: str, ordering: str) -> dict[str, Any]:
    query = request.GET.copy()
    query.pop("page", None)
    query["ordering"] = f"-{field}" if ordering == field else field
    sorted_by = {field: "ascending", f"-{field}": "descending"}.get(ordering)
    return {"label": SORTABLE[field], "url": f"?{query.urlencode()}", "sorted": sorted_by}


def _choices(request: Any) -> dict[str, Any]:
    """Return what the filters offer: industries and countries of the first clients by name, and people assigned."""
    first = client_policy.visible(request.actor).order_by("name", "pk").values_list("industry", "country")
    found = list(first[:CHOICES_FROM])
    chosen = request.GET
    return {
        "industries": sorted(({industry for industry, _ in found} | {chosen.get("industry", "")}) - {""}),
        "countries": sorted(({country for _, country in found} | {chosen.get("country", "")}) - {""}),
        "nobody": NOBODY,
        "people": assignable_people(request.actor) if _sees_assignments(request.actor) else [],
    }


@requires("clients:read")
@require_safe
def client(request: Any, pk: UUID) -> HttpResponse:
    """Show a client: its facts, who works for it, and how much its workspace holds."""
    found = client_policy.get(request.actor, pk)
    frame = client_frame(request, found)
    people = None
    if _sees_assignments(request.actor):
        grants = assignment_policy.visible(request.actor).filter(content_object=found)
        people = grants.select_related("user", "permission").order_by("user__name", "user__email")
    return render(
        request, "org/clients/client.html", frame | {"people": people, "website_url": web_address(found.website)}
    )


def web_address(website: str) -> str:
    """Return the http or https address of a website, `https` when it names none, or nothing if it is no address."""
    url = website if "://" in website else f"https://{website}"
    try:
        WEB_ADDRESS(url)
    except ValidationError:
        return ""
    return url


@requires("clients:read", "clients:write")
@require_http_methods(["GET", "HEAD", "POST"])
def client_create(request: Any) -> HttpResponse:
    """Make a client."""
    blank = Client(organization_id=request.actor.organization_id)
    return submit(
        request,
        _form(request, blank),
        lambda filled: CreateClient(request.actor, filled.values()),
        partial(_saved, request, "Added"),
        "org/clients/client_form.html",
        title="New client",
        cancel_url=org_url(request, "clients"),
        breadcrumbs=crumbs(request),
    )


@requires("clients:read", "clients:write")
@require_http_methods(["GET", "HEAD", "POST"])
def client_edit(request: Any, pk: UUID) -> HttpResponse:
    """Change a client's facts."""
    found = client_policy.get(request.actor, pk, Verb.CHANGE)
    return submit(
        request,
        _form(request, found),
        lambda filled: UpdateClient(request.actor, found.pk, filled.values(), filled.version_seen()),
        partial(_saved, request, "Saved"),
        "org/clients/client_form.html",
        title="Edit client",
        cancel_url=org_url(request, "client", found.pk),
        breadcrumbs=crumbs(request, found),
    )


@requires("clients:read", "clients:delete")
@require_http_methods(["GET", "HEAD", "POST"])
def client_delete(request: Any, pk: UUID) -> HttpResponse:
    """Ask, then delete a client with its workspace."""
    found = client_policy.get(request.actor, pk, Verb.DELETE)
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        with telling(request, form):
            DeleteClient(request.actor, found.pk, None).execute()
            messages.success(request, f"Deleted “{found}”.")
            return HttpResponseRedirect(org_url(request, "clients"))
    held = ", ".join(f"{total} {kind.many.lower()}" for kind, total in counts(request.actor, found).items() if total)
    return show_form(
        request,
        "components/confirm_page.html",
        form,
        title=f"Delete “{found}”?",
        message=f"Its workspace holds {held}." if held else "Its workspace is empty.",
        consequences=[
            "The client and everything in its workspace is gone for everybody.",
            "It cannot be brought back. To keep it out of the way instead, set its status to Archived.",
        ],
        action_label="Delete client",
        cancel_url=org_url(request, "client", found.pk),
        danger=True,
        breadcrumbs=crumbs(request, found),
    )


def _form(request: Any, instance: Client) -> VersionedForm:
    form = form_for(Client, CLIENT_FIELDS)
    return form(request.POST if request.method == "POST" else None, instance=instance, actor=request.actor)


def _saved(request: Any, word: str, saved: Client) -> HttpResponse:
    messages.success(request, f"{word} “{saved}”.")
    return HttpResponseRedirect(org_url(request, "client", saved.pk))
