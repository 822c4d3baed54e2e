"""What PostgreSQL itself says of the isolation: read from its catalog, so that no table escapes by being forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from django.apps import apps
from django.conf import settings
from django.db import connections

TABLES = """
WITH RECURSIVE hanging (oid) AS (
    SELECT %s::regclass::oid
    UNION
    SELECT a.attrelid FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE a.attname = 'organization_id' AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
    UNION
    SELECT k.conrelid FROM pg_constraint k JOIN hanging h ON k.confrelid = h.oid WHERE k.contype = 'f'
)
SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
       pg_get_userbyid(c.relowner) = current_user,
       ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1),
       EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND 0 = ANY (p.polroles))
FROM hanging h JOIN pg_class c ON c.oid = h.oid
ORDER BY 1
"""
LOGIN_ROLE = "SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user"


@dataclass(frozen=True, slots=True)
class TenantTable:
    """A table that has an organization or hangs on one that has, as PostgreSQL holds it."""

    name: str
    enabled: bool
    forced: bool
    owned_by_login: bool
    policies: tuple[str, ...]
    open_to_everyone: bool

    @property
    def faults(self) -> list[str]:
        """Return what is wrong with its isolation, as sentences."""
        found = []
        if not self.enabled:
            found.append(f"{self.name}: row-level security is not enabled.")
        if not self.forced:
            found.append(f"{self.name}: row-level security is not forced on its owner.")
        if not self.policies:
            found.append(f"{self.name}: there is no policy.")
        if self.owned_by_login:
            found.append(f"{self.name}: the application's login role owns it.")
        if self.open_to_everyone:
            found.append(f"{self.name}: a policy is given to PUBLIC.")
        return found


def tenant_tables(using: str = "default") -> list[TenantTable]:
    """Return every table that has an organization, or hangs by foreign keys on one that has."""
    organization = apps.get_model(settings.TENANCY_ORGANIZATION_MODEL)._meta.db_table
    with connections[using].cursor() as cursor:
        cursor.execute(TABLES, [organization])
        return [
            TenantTable(name, enabled, forced, owned, tuple(names), public)
            for name, enabled, forced, owned, names, public in cursor.fetchall()
        ]


def login_faults(using: str = "default") -> list[str]:
    """Return what the application's login role may do that it must not."""
    with connections[using].cursor() as cursor:
        cursor.execute(LOGIN_ROLE)
        superuser, bypasses = cursor.fetchone()
    found = []
    if superuser:
        found.append("The application signs in to PostgreSQL as a superuser, whom no policy holds.")
    if bypasses:
        found.append("The application's login role has BYPASSRLS.")
    return found
