"""Verifies the witness of an allowed decision against the stored rows alone: it knows nothing of the engine.

Every step that the witness names has to be there: the person, their membership, each role up the line, the key that the
last one holds, and the assignment.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from uuid import UUID

import psycopg

from roles.engine.explanation import Witness

PERSON = "SELECT is_active FROM accounts_user WHERE id = %s"
MEMBERSHIP = """SELECT role_id FROM roles_membership
    WHERE id = %s AND user_id = %s AND organization_id IS NOT DISTINCT FROM %s"""
PLACE = "SELECT status = 'active' FROM accounts_organization WHERE id = %s"
ROLE = "SELECT parent_id, is_active, reach FROM roles_role WHERE id = %s"
HELD = "SELECT count(*) FROM roles_rolepermission WHERE role_id = %s AND permission_id = %s"
SCOPE = "SELECT scope FROM roles_permission WHERE key = %s"
CLIENT = "SELECT count(*) FROM clients_client WHERE id::text = %s AND organization_id = %s"
ASSIGNED = """SELECT p.codename FROM clients_clientgrant g JOIN auth_permission p ON p.id = g.permission_id
    WHERE g.client_id::text = %s AND g.user_id = %s AND g.organization_id = %s"""

ACTION = """SELECT x.reach, x.owner_property FROM roles_applicationaction x
    JOIN roles_application a ON a.id = x.application_id
    WHERE x.permission_id = %s AND a.slug || ':' || x.resource_type = %s AND x.organization_id = %s"""
GRANTED = """SELECT count(*) FROM roles_resourcegrant g JOIN roles_application a ON a.id = g.application_id
    WHERE a.slug || ':' || g.resource_type = %s AND g.resource_id = %s AND g.user_id = %s AND g.organization_id = %s"""
NAMES = "SELECT count(*) FROM accounts_user WHERE id = %s AND %s IN (id::text, email)"


def proves(
    witness: Witness,
    organization: UUID | None,
    server: psycopg.Connection[Any],
    properties: Mapping[str, str] = MappingProxyType({}),
) -> bool:
    """Whether every step of the witness is stored, and together they allow the action."""

    def one(statement: str, *values: Any) -> Any:
        row = server.execute(statement, values).fetchone()
        return row[0] if row and len(row) == 1 else row

    if not one(PERSON, witness.user_id) or not witness.roles or (organization and not one(PLACE, organization)):
        return False
    above = one(MEMBERSHIP, witness.membership_id, witness.user_id, organization)
    for role in witness.roles:
        parent, is_active, _ = one(ROLE, role)
        if role != above or not is_active:
            return False
        above = parent
    covers = {witness.key: True, "admin:*": one(SCOPE, witness.key) == "TENANT", "super:*": True}
    if not covers.get(witness.held) or not one(HELD, witness.roles[-1], witness.held):
        return False
    if ":" in witness.kind:
        reach, owner = one(ACTION, witness.key, witness.kind, organization) or ("", "")
        within = {
            "all": True,
            "assigned": one(GRANTED, witness.kind, witness.object_id, witness.user_id, organization),
            "own": one(NAMES, witness.user_id, properties.get(owner, "").lower()),
        }
        return bool(reach == witness.reach and within[reach])
    if witness.kind != "client":
        return witness.reach == "place" and witness.object_id in {"platform", str(organization)}
    if not one(CLIENT, witness.object_id, organization):
        return False
    if witness.reach == "all":
        return bool(one(ROLE, witness.roles[0])[2] == "all")
    assigned = one(ASSIGNED, witness.object_id, witness.user_id, organization)
    return bool(assigned and (assigned == "change_client" or witness.key.endswith(":read")))
