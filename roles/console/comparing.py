"""Two roles side by side: what differs in them, and which permissions only one of them grants."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse

from roles import access, catalogue
from roles.console.frame import render
from roles.definition import EDITABLE, RoleDefinition
from roles.family import read_family
from roles.models import Membership, Role
from roles.review import by_category, label_of, parent_names, words_of
from tenancy.actors import Scope
from tenancy.console import GuardedAdmin

#: What is looked at as words, or elsewhere on the page.
NOT_COMPARED = frozenset({"permissions", "color", "icon"})


def compare(admin: GuardedAdmin, request: Any) -> HttpResponse:
    """Answer the comparison of the roles `a` and `b` of the address; one that is missing is asked for."""
    policy = access.roles_policy(request.actor)
    chosen = {name: policy.get(request.actor, request.GET[name]) for name in "ab" if request.GET.get(name)}
    rows: QuerySet[Role] = policy.visible(request.actor).select_related("organization")
    choices = rows.order_by("scope", "-is_system", "organization__name", "-priority", "display_name")
    a, b = chosen.get("a"), chosen.get("b")
    differences = _differences(request, a, b) if a and b else {}
    return render(admin, request, "compare.html", "Compare two roles", choices=choices, a=a, b=b, **differences)


def _differences(request: Any, a: Role, b: Role) -> dict[str, Any]:
    family = read_family(above=[a.pk, b.pk])
    one, other = RoleDefinition.of(a), RoleDefinition.of(b)
    parents = parent_names(one, other)
    fields = [
        {
            "label": label_of(name),
            "a": words_of(one, name, parents),
            "b": words_of(other, name, parents),
            "differs": getattr(one, name) != getattr(other, name),
        }
        for name in EDITABLE
        if name not in NOT_COMPARED
    ]
    people = {role: Membership.objects.visible_to(request.actor).filter(role=role).count() for role in (a, b)}
    fields.append({"label": "People", "a": people[a], "b": people[b], "differs": people[a] != people[b]})
    grants = {role: catalogue.within(family.effective(role.pk), Scope(role.scope)) for role in (a, b)}
    parts = (
        (f"Only in {a}", catalogue.beyond(grants[a], grants[b])),
        (f"Only in {b}", catalogue.beyond(grants[b], grants[a])),
        ("In both", grants[a] & grants[b]),
    )
    return {
        "fields": fields,
        "parts": [
            {"title": title, "count": len(keys), "categories": by_category(keys, ()), "open": index < 2 and bool(keys)}
            for index, (title, keys) in enumerate(parts)
        ],
    }
