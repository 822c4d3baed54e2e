"""Clients as the decision engine knows them: what is done to one, or to the things of its workspace."""

from __future__ import annotations

from clients.access import ASSIGN, KINDS, keys_of
from clients.models import Client, ClientGrant
from roles.engine.objects import Need, ObjectKind, Rule
from tenancy.policies import Verb

_TABLE = Client._meta.db_table
_RULES = {
    key: Rule(key, Need.READ if verb is Verb.VIEW else Need.CHANGE)
    for plural in ("clients", *KINDS)
    for verb, key in keys_of(plural).items()
}

#: The actions are the permissions; those on contacts, tasks and so on are asked about their client.
client_kind = ObjectKind(
    name="client",
    rules=_RULES,
    grants="SELECT user_id, client_id, permission_id = (SELECT iam_change_client_permission())"  # noqa: S608
    f" FROM {ClientGrant._meta.db_table}",
    existing=f"SELECT id FROM {_TABLE} WHERE id = ANY (%(ids)s::uuid[])",  # noqa: S608
    following=f"SELECT id FROM {_TABLE} WHERE id > %(after)s::uuid ORDER BY id LIMIT %(limit)s",  # noqa: S608
    assigning=ASSIGN,
    reading=keys_of("clients")[Verb.VIEW],
)
