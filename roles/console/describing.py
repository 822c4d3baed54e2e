"""The sentence that changes while a role is edited: the page asks for it, so that only the server knows the words."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse

from roles import access, catalogue
from roles.applications import entries_of
from roles.console.creating import inherited_from, place_named
from roles.console.people import visible_organizations
from roles.console.tabs import reach_of, sentence_of
from roles.family import family_of
from roles.wording import describe
from tenancy.actors import Scope
from tenancy.console import GuardedAdmin


def describe_role(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer what the role would let people do with the permissions that were sent; what is locked stays as it is."""
    role = access.roles_policy(request.actor).get(request.actor, pk)
    family = family_of(None, role.pk)
    sent, stored = _sent(request), family.members[role.pk].own
    gap = access.ceiling_gap(request.actor, catalogue.keys_of(Scope(role.scope)) | sent | stored)
    return JsonResponse({"sentence": sentence_of((sent - gap) | (stored & gap), family, role)})


def describe_new(admin: GuardedAdmin, request: Any) -> HttpResponse:
    """Answer what a new role would let people do with what was sent."""
    scope = Scope.PLATFORM if request.POST.get("scope") == Scope.PLATFORM else Scope.TENANT
    inherited = inherited_from(request.actor, request.POST.get("parent"))
    held = catalogue.expand(_sent(request) | frozenset(inherited))
    applications = entries_of(place_named(visible_organizations(request.actor), request.POST))
    return JsonResponse({"sentence": describe(held, scope, reach_of(request.POST.get("reach")), applications)})


def _sent(request: Any) -> frozenset[str]:
    return frozenset(catalogue.in_order(request.POST.getlist("permissions")))
