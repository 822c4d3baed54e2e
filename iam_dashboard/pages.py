"""Pages of the installation itself: where a person starts, and whether it is up."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render

from accounts.directory import places_of
from accounts.links import org_url
from tenancy.routes import declares, public, signed_in


@declares(public("tells a load balancer whether the database answers"))
def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@declares(signed_in("leads a person to where they work"))
def start(request: HttpRequest) -> HttpResponse:
    """Lead a signed-in person to their one place of work, or let them choose; `?choose` lists even one."""
    if request.custom_domain:  # type: ignore[attr-defined]
        return HttpResponseRedirect(org_url(request, "home"))
    places = places_of(request.user.pk)
    if len(places) == 1 and "choose" not in request.GET:
        return HttpResponseRedirect(places[0].path)
    return render(request, "start.html", {"places": places})
