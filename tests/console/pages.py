"""Every page of the console with its ways in, found by walking the site: a new page is enrolled by being there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import User
from roles.models import Membership, Role
from tenancy.console import GuardedAdmin
from tenancy.console.pages import HISTORY_KEY
from tenancy.policies import Verb, policy_for
from tests.factories import RoleFactory, on_platform

UNHELD = "nobody:holds-this"
#: Names of Django's own routes, which every page has doors for.
DJANGOS = frozenset({"add", "change", "history"})


@dataclass(frozen=True)
class Door:
    """One way into a page: its address, how it is taken, and the permissions it needs by the model's policy."""

    name: str
    method: str
    address: str
    keys: tuple[str, ...]


def pages() -> list[GuardedAdmin]:
    """Return every registered page."""
    return list(admin.site._registry.values())


def label(page: GuardedAdmin) -> str:
    """Return the page's name in a test's id."""
    return str(page.opts.label_lower)


def specimen(model: type[models.Model]) -> Any:
    """Return a row for the doors of one object; a user or membership is one that no key on admins stands before, and a
    role one that somebody may change."""
    if model is Role:
        return RoleFactory(scope="PLATFORM", reach=None, priority=0)
    with on_platform():
        rows: models.QuerySet[Any] = model._default_manager.order_by("pk")
        if model is User:
            rows = rows.filter(memberships__organization__isnull=False)
        if model is Membership:
            rows = rows.filter(organization=None, role__name="analyst")
        found = rows.first()
    assert found is not None, f"The world of this test has no {model.__name__}: make one."
    return found


def doors(page: GuardedAdmin, obj: Any) -> Iterator[Door]:
    """Yield every way into the page; those of one object lead to `obj`."""
    policy = policy_for(page.model)
    assert policy is not None, f"{label(page)} is not guarded."
    view = policy.keys[Verb.VIEW]
    route = f"admin:{page.opts.app_label}_{page.opts.model_name}"
    yield Door("list", "get", reverse(f"{route}_changelist"), (view, *filter(None, [page.list_key])))
    yield Door("detail", "get", reverse(f"{route}_change", args=(obj.pk,)), (view,))
    if page.has_history:
        yield Door("history", "get", reverse(f"{route}_history", args=(obj.pk,)), (view, HISTORY_KEY))
    change = policy.keys[Verb.CHANGE] if Verb.CHANGE in page.offers else UNHELD
    yield Door("save", "post", reverse(f"{route}_change", args=(obj.pk,)), (change,))
    if Verb.ADD in page.offers:
        for method in ("get", "post"):
            yield Door(f"add by {method}", method, reverse(f"{route}_add"), (policy.keys[Verb.ADD],))
    for way in page.routes:
        if way.name in DJANGOS:
            continue
        address = reverse(f"{route}_{way.name}", args=(obj.pk,) if "<" in way.path else ())
        if not way.only_post:
            yield Door(f"{way.name} by get", "get", address, way.keys)
        yield Door(f"{way.name} by post", "post", address, way.keys if way.keys_to_post is None else way.keys_to_post)
    for verb in page.verbs:
        address = f"{reverse(f'{route}_{verb.name}')}?{urlencode({'pk': obj.pk})}"
        yield Door(verb.name, "get", address, (view, *verb.keys))
