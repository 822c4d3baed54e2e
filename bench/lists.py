"""PERF-3: a page of clients among a million, against hand-written SQL and django-guardian.

make bench BENCH=lists        # one million clients in 20 organizations
CLIENTS=100000 make bench BENCH=lists
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import psycopg

from bench.harness import Line, alternate, note, report, servers

CLIENTS = int(os.environ.get("CLIENTS", "1000000"))
ORGANIZATIONS = 20
ROUNDS = int(os.environ.get("ROUNDS", "200"))
ASSIGNMENTS = {"member": 40, "lead": 5000}
PAGE = 50

WORLD = """
INSERT INTO accounts_organization (id, name, slug, status, suspension_reason, created_at, updated_at)
SELECT md5('organization ' || n)::uuid, 'Agency ' || n, 'agency-' || n, 'active', '', now(), now()
FROM generate_series(1, %(organizations)s::int) n;

INSERT INTO accounts_branding (organization_id, accent, sign_in_text)
SELECT id, '#3B5BDB', '' FROM accounts_organization;

INSERT INTO accounts_user (id, email, name, password, is_active, is_superuser, is_service, created_at)
SELECT md5(who || n)::uuid, who || n || '@people.example', initcap(who) || ' ' || n, '!',
       true, false, false, now()
FROM generate_series(1, %(organizations)s::int) n, unnest(ARRAY['owner', 'member', 'lead']) who;

INSERT INTO roles_membership (id, user_id, organization_id, role_id, assigned_at, created_at)
SELECT md5('membership ' || who || n)::uuid, md5(who || n)::uuid, md5('organization ' || n)::uuid,
       (SELECT id FROM roles_role
        WHERE is_system AND name = CASE who WHEN 'owner' THEN 'org-owner' ELSE 'org-member' END),
       now(), now()
FROM generate_series(1, %(organizations)s::int) n, unnest(ARRAY['owner', 'member', 'lead']) who;
"""
MANY_CLIENTS = """
INSERT INTO clients_client (id, organization_id, name, status, industry, website, email, phone, street, city,
    region, postal_code, country, employees, annual_revenue, description, source, external_id, created_at,
    updated_at, version)
SELECT md5('client ' || n)::uuid, md5('organization ' || (1 + n %% %(organizations)s::int))::uuid,
       (ARRAY['Harbor', 'Meadow', 'Copper', 'Linden', 'Willow', 'Granite', 'Juniper', 'Sable'])[1 + n %% 8] || ' '
           || (ARRAY['Foods', 'Works', 'Studio', 'Labs', 'Goods', 'Mills', 'Press'])[1 + n %% 7] || ' ' || n,
       (ARRAY['active', 'active', 'active', 'lead', 'paused', 'archived'])[1 + n %% 6], 'Retail',
       'https://client' || n || '.example', 'hello@client' || n || '.example', '', '', 'Utrecht', '', '', 'Netherlands',
       n %% 500, n, '', '', '', now() - n * interval '1 second', now(), 1
FROM generate_series(%(organization)s::int - 1, %(last)s::int - 1, %(organizations)s::int) n
"""
ENTER = "SELECT set_config('app.organization_id', md5('organization ' || %s::text)::uuid::text, false)"
ASSIGN = """
INSERT INTO clients_clientgrant (organization_id, client_id, user_id, permission_id, created_at)
SELECT ranked.organization_id, ranked.id, md5(%(who)s::text || ranked.number)::uuid,
       iam_change_client_permission(), now()
FROM (
    SELECT c.id, c.organization_id, o.number,
           row_number() OVER (PARTITION BY c.organization_id ORDER BY md5(c.id::text)) AS place
    FROM clients_client c
    JOIN (SELECT md5('organization ' || n)::uuid AS id, n AS number FROM generate_series(1, %(organizations)s::int) n) o
        ON o.id = c.organization_id
) ranked
WHERE ranked.place <= %(many)s
"""


def make_world(dsn: str) -> None:
    """Write the organizations, their people, the clients and the assignments, as PostgreSQL's superuser."""
    numbers = {"organizations": ORGANIZATIONS}
    with psycopg.connect(dsn, autocommit=True) as server:
        with server.transaction():
            for statement in WORLD.split(";\n"):
                if statement.strip():
                    server.execute(statement, numbers)
        for organization in range(1, ORGANIZATIONS + 1):
            server.execute(ENTER, [organization])
            server.execute(MANY_CLIENTS, {**numbers, "organization": organization, "last": CLIENTS})
            note(f"{CLIENTS * organization // ORGANIZATIONS:,} clients")
        for who, many in ASSIGNMENTS.items():
            server.execute(ASSIGN, {**numbers, "who": who, "many": many})
        server.execute("VACUUM ANALYZE")


def main() -> int:
    """Run the benchmark; return 1 when a target is missed."""
    with servers() as dsn:
        note(f"Writing {CLIENTS:,} clients in {ORGANIZATIONS} organizations …")
        started = time.perf_counter()
        make_world(dsn)
        note(f"… in {time.perf_counter() - started:.0f} s")
        from bench.lists_cases import cases, request_cases

        missed = 0
        for case in cases(dsn):
            # Pair by pair: a peer that takes a hundred times as long would leave the caches cold for the others.
            for peer, limit in case.limits.items():
                times = alternate({name: case.calls[name] for name in ("ours", peer)}, rounds=ROUNDS)
                ratio = times["ours"] / times[peer]
                missed += _print(case.name, times["ours"], peer, ratio, limit)
        for line in request_cases():
            report(line)
            missed += line.ok is False
        return 1 if missed else 0


def _print(name: str, seconds: float, peer: str, ratio: float, limit: float | None) -> int:
    ok = None if limit is None else ratio <= limit
    target = "for comparison" if limit is None else f"≤ {limit} × {peer}"
    report(Line(name, round(seconds * 1000, 3), "ms", peer, round(ratio, 3), target, ok))
    return int(ok is False)


if __name__ == "__main__":
    _: Any = sys.exit(main())
