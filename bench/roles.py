"""PERF-2: twenty editors at work on a thousand roles and a hundred thousand people, over HTTP.

make bench BENCH=roles
SECONDS=90 PAUSE=0.5 PAGE_PAUSE=1 make bench BENCH=roles    # longer, and with less time to think

The product's own server (two processes) and the editors share this machine. An editor does one thing after another and
pauses in between: PAUSE seconds on average by API, PAGE_PAUSE in the console, where somebody reads a page (the
benchmark TPC-W lets people think for seven seconds). The last lines have no pauses: how much the machine answers at
most.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import psycopg

from bench.harness import note, report, servers

EDITORS = 20
ORGANIZATIONS = 100
PEOPLE = int(os.environ.get("PEOPLE", "100000"))
PLATFORM_ROLES = 99
SECONDS = float(os.environ.get("SECONDS", "45"))
PAUSE = float(os.environ.get("PAUSE", "1"))
PAGE_PAUSE = float(os.environ.get("PAGE_PAUSE", "3"))

WORLD = """
INSERT INTO accounts_organization (id, name, slug, status, suspension_reason, created_at, updated_at)
SELECT md5('organization ' || n)::uuid, 'Agency ' || n, 'agency-' || n, 'active', '', now(), now()
FROM generate_series(1, %(organizations)s::int) n;

INSERT INTO accounts_branding (organization_id, accent, sign_in_text)
SELECT id, '#3B5BDB', '' FROM accounts_organization;

INSERT INTO roles_role (id, organization_id, name, display_name, description, scope, priority, parent_id, color, icon,
    reach, is_system, is_active, requires_second_factor, version, created_at, updated_at)
VALUES (md5('crew')::uuid, NULL, 'crew', 'Crew', 'What everyone has.', 'TENANT', 10, NULL, '#3B82F6', 'users',
    'assigned', false, true, false, 1, now(), now());

INSERT INTO roles_role (id, organization_id, name, display_name, description, scope, priority, parent_id, color, icon,
    reach, is_system, is_active, requires_second_factor, version, created_at, updated_at)
SELECT md5('platform role ' || n)::uuid, NULL, 'desk-' || n, 'Desk ' || n, 'One of many.', 'PLATFORM', n %% 70, NULL,
    '#10B981', 'headphones', NULL, false, true, false, 1, now(), now()
FROM generate_series(1, %(platform_roles)s::int) n;

INSERT INTO roles_role (id, organization_id, name, display_name, description, scope, priority, parent_id, color, icon,
    reach, is_system, is_active, requires_second_factor, version, created_at, updated_at)
SELECT md5('role ' || o || '.' || n)::uuid, md5('organization ' || o)::uuid, 'team-' || n, 'Team ' || n || ' of ' || o,
    'One of many.', 'TENANT', 20 + n, md5('crew')::uuid, '#F59E0B', 'briefcase', 'assigned', false, true, false, 1,
    now(), now()
FROM generate_series(1, %(organizations)s::int) o, generate_series(1, 9) n;

INSERT INTO roles_rolepermission (role_id, permission_id)
SELECT r.id, p.key FROM roles_role r JOIN roles_permission p ON p.scope = r.scope
WHERE NOT r.is_system AND (hashtext(r.name || p.key) & 3) = 0 AND p.key NOT LIKE '%%*';

INSERT INTO accounts_user (id, email, name, password, is_active, is_superuser, is_service, created_at)
SELECT md5('person ' || n)::uuid, 'person' || n || '@people.example', 'Person ' || n, '!', true, false, false, now()
FROM generate_series(1, %(people)s::int) n;

INSERT INTO accounts_user (id, email, name, password, is_active, is_superuser, is_service, created_at)
SELECT md5('editor ' || n)::uuid, 'editor' || n || '@iam.example', 'Editor ' || n, '!', true, false, false, now()
FROM generate_series(1, %(editors)s::int) n;

INSERT INTO roles_membership (id, user_id, organization_id, role_id, assigned_at, created_at)
SELECT md5('membership ' || n)::uuid, md5('person ' || n)::uuid,
    md5('organization ' || 1 + n %% %(organizations)s::int)::uuid,
    md5('role ' || 1 + n %% %(organizations)s::int || '.' || 1 + (n / %(organizations)s::int) %% 9)::uuid, now(), now()
FROM generate_series(1, %(people)s::int) n;

INSERT INTO roles_membership (id, user_id, organization_id, role_id, assigned_at, created_at)
SELECT md5('post ' || n)::uuid, md5('editor ' || n)::uuid, NULL,
    (SELECT id FROM roles_role WHERE is_system AND name = 'super-admin'), now(), now()
FROM generate_series(1, %(editors)s::int) n;
"""


def make_world(dsn: str) -> None:
    """Write organizations, roles, people and editors, as PostgreSQL's superuser."""
    numbers = {
        "organizations": ORGANIZATIONS,
        "platform_roles": PLATFORM_ROLES,
        "people": PEOPLE,
        "editors": EDITORS,
    }
    with psycopg.connect(dsn, autocommit=True) as server:
        with server.transaction():
            for statement in WORLD.split(";\n"):
                if statement.strip():
                    server.execute(statement, numbers)
        server.execute("VACUUM ANALYZE")
        row = server.execute(
            "SELECT (SELECT count(*) FROM roles_role WHERE NOT is_system), (SELECT count(*) FROM roles_membership)"
        ).fetchone()
        note(f"{row[0]:,} custom roles, {row[1]:,} memberships" if row else "")


def main() -> int:
    """Run the benchmark; return 1 when a target is missed."""
    with servers() as dsn:
        make_world(dsn)
        from bench.roles_cases import measure, require_right_preview

        require_right_preview(dsn)
        missed = 0
        for line in measure(editors=EDITORS, seconds=SECONDS, pauses=(PAUSE, PAGE_PAUSE)):
            report(line)
            missed += line.ok is False
        return 1 if missed else 0


if __name__ == "__main__":
    _: Any = sys.exit(main())
