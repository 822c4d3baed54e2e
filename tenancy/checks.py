"""System checks that refuse a mis-wired project. `manage.py check --database default` asks PostgreSQL, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from tenancy.inspection import login_faults, tenant_tables
from tenancy.routes import undeclared


@register(Tags.urls)
def every_route_declares(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Refuse a route that does not declare what it needs (PDP-7)."""
    return [
        Error(
            f"{route.method} {route.pattern} does not declare what it needs.",
            hint="Mark its view with tenancy.routes.requires, or its name with declare_names.",
            id="tenancy.E001",
        )
        for urlconf in settings.TENANCY_URLCONFS
        for route in undeclared(urlconf)
    ]


@register(Tags.database)
def every_tenant_table_is_isolated(
    app_configs: Any, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Refuse a table of an organization that PostgreSQL does not isolate (CLI-5)."""
    found: list[CheckMessage] = []
    for alias in databases or ():
        if alias != "default":
            continue
        found += [
            Error(fault, hint="Add tenancy.isolation.Isolate to a migration.", id="tenancy.E002")
            for table in tenant_tables(alias)
            for fault in table.faults
        ]
        found += [
            Error(fault, hint="Run tenancy.provision and use its address.", id="tenancy.E003")
            for fault in login_faults(alias)
        ]
    return found
