"""System checks of the roles: a guard that names a permission nobody knows would refuse everyone, silently."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from roles import catalogue
from tenancy.policies import policies
from tenancy.routes import routes


@register(Tags.urls)
def every_key_is_known(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a route or policy that asks for a key outside the catalogue (PDP-1)."""
    known = catalogue.entries()
    asked = {
        (key, f"{route.method} {route.pattern}")
        for urlconf in settings.TENANCY_URLCONFS
        for route in routes(urlconf)
        if route.requirement
        for key in route.requirement.keys
    }
    asked |= {(key, policy.model.__name__) for policy in policies().values() for key in policy.keys.values()}
    return [
        Error(f"{where} asks for “{key}”, which the catalogue does not hold.", id="roles.E001")
        for key, where in sorted(asked)
        if key not in known and key != NOBODY
    ]


#: What a route asks for when no role may take it: a console page of a verb that the model does not offer.
NOBODY = "none:none"
