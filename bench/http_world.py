"""The world of bench.http: an organization with 50,000 clients, and a million assignments of a thousand members."""

from __future__ import annotations

import hashlib
import os
import random
from functools import cache
from uuid import UUID

import psycopg

from bench.harness import note

MEMBERS, OWNERS, CLIENTS, EACH, BATCH = 1000, 20, 50_000, 1000, 100
Question = tuple[str, str, str, str]

WORLD = """
INSERT INTO accounts_organization (id, name, slug, status, suspension_reason, created_at, updated_at)
VALUES (md5('agency')::uuid, 'Agency', 'agency', 'active', '', now(), now());

INSERT INTO accounts_user (id, email, name, password, is_active, is_superuser, is_service, created_at)
SELECT md5('member ' || n)::uuid, 'member' || n || '@people.example', 'Member ' || n, '!', true, false, false, now()
FROM generate_series(0, %(members)s::int - 1) n;

INSERT INTO accounts_user (id, email, name, password, is_active, is_superuser, is_service, created_at)
SELECT md5('owner ' || n)::uuid, 'owner' || n || '@people.example', 'Owner ' || n, '!', true, false, n = 0, now()
FROM generate_series(0, %(owners)s::int - 1) n;

INSERT INTO roles_membership (id, user_id, organization_id, role_id, assigned_at, created_at)
SELECT md5('membership ' || u.name)::uuid, u.id, md5('agency')::uuid, r.id, now(), now()
FROM accounts_user u JOIN roles_role r ON r.is_system
    AND r.name = CASE WHEN u.name LIKE 'Member%%' THEN 'org-member' ELSE 'org-owner' END
WHERE u.email LIKE '%%@people.example';

INSERT INTO clients_client (id, organization_id, name, status, industry, website, email, phone, street, city, region,
    postal_code, country, description, source, external_id, created_at, updated_at, version)
SELECT md5('client ' || n)::uuid, md5('agency')::uuid, 'Client ' || n, 'active', '', '', '', '', '', '', '', '', '', '',
    '', '', now(), now(), 1
FROM generate_series(0, %(clients)s::int - 1) n;

INSERT INTO clients_clientgrant (user_id, client_id, organization_id, permission_id, created_at)
SELECT md5('member ' || m)::uuid, md5('client ' || (m * 50 + k * 49) %% %(clients)s::int)::uuid, md5('agency')::uuid,
    p.id, now()
FROM generate_series(0, %(members)s::int - 1) m, generate_series(0, %(each)s::int - 1) k
JOIN auth_permission p ON p.codename = CASE WHEN k %% 2 = 0 THEN 'view_client' ELSE 'change_client' END
JOIN django_content_type c ON c.id = p.content_type_id AND c.app_label = 'clients' AND c.model = 'client';

INSERT INTO knox_authtoken (digest, token_key, user_id, created, expiry)
VALUES (%(digest)s, %(key)s, md5('owner 0')::uuid, now(), NULL);

INSERT INTO accounts_apitoken (id, credential_id, user_id, organization_id, name, created_at)
VALUES (md5('token')::uuid, %(digest)s, md5('owner 0')::uuid, md5('agency')::uuid, 'bench', now());

INSERT INTO roles_policyversion (organization_id, version) VALUES (md5('agency')::uuid, nextval('iam_policy_version'))
"""


def named(text: str) -> str:
    """Return the id that the world gives to the thing of that name."""
    return str(UUID(hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()))


PLACE = named("agency")


def make_world(dsn: str, *, members: int = MEMBERS, clients: int = CLIENTS, each: int = EACH) -> str:
    """Write the world as PostgreSQL's superuser, triggers left out, and return the token of its service account."""
    from knox.crypto import create_token_string, hash_token  # once Django is set up

    secret = create_token_string()
    values = {"members": members, "owners": OWNERS, "clients": clients, "each": each}
    with psycopg.connect(dsn, autocommit=True) as server:
        with server.transaction():
            server.execute("SET LOCAL session_replication_role = replica")
            for statement in WORLD.split(";\n"):
                server.execute(statement, {**values, "digest": hash_token(secret), "key": secret[:15]})
        server.execute("VACUUM ANALYZE")
        row = server.execute("SELECT count(*) FROM clients_clientgrant").fetchone()
        note(f"{row[0]:,} assignments" if row else "")
    os.environ["BENCH_TOKEN"] = secret
    return secret


def allowed(asked: Question) -> bool:
    """Whether the world's rules allow this."""
    subject, action, kind, object_id = asked
    role, number = _people()[subject]
    if kind == "organization":
        return role == "owner" or action == "team:list"
    if role == "owner":
        return object_id in _clients()
    place = _clients().get(object_id)
    assigned = {} if place is None else {(number * 50 + k * 49) % CLIENTS: k % 2 == 1 for k in range(EACH)}
    if place not in assigned:
        return False
    return action == "clients:read" or (action == "clients:write" and assigned[place])


def questions(choose: random.Random, count: int) -> list[Question]:
    """Return questions about people of all kinds, nearly half of them about what somebody is assigned to."""
    found: list[Question] = []
    for _ in range(count):
        member = choose.randrange(MEMBERS)
        who = named(f"owner {choose.randrange(1, OWNERS)}") if choose.random() < 0.1 else named(f"member {member}")
        if choose.random() < 0.1:
            found.append((who, choose.choice(["team:list", "org:billing:write"]), "organization", PLACE))
            continue
        own = (member * 50 + choose.randrange(EACH) * 49) % CLIENTS
        client = own if choose.random() < 0.5 else choose.randrange(CLIENTS + CLIENTS // 100)
        action = choose.choice(["clients:read", "clients:read", "clients:write"])
        found.append((who, action, "client", named(f"client {client}")))
    return found


def readers() -> list[str]:
    """Return people who reach assigned clients only."""
    return [named(f"member {number}") for number in range(MEMBERS)]


def owners() -> list[str]:
    """Return people who reach all clients."""
    return [named(f"owner {number}") for number in range(1, OWNERS)]


@cache
def _people() -> dict[str, tuple[str, int]]:
    roles = (("member", MEMBERS), ("owner", OWNERS))
    return {named(f"{role} {number}"): (role, number) for role, count in roles for number in range(count)}


@cache
def _clients() -> dict[str, int]:
    return {named(f"client {number}"): number for number in range(CLIENTS)}
