"""No per-user exceptions: what a user may do follows from the one role (PERM-3)."""

from __future__ import annotations

import psycopg
import pytest

from accounts.models import User
from tenancy.context import acting
from tests.isolation.rows import superuser_dsn
from tests.world import Agency, make_agency

#: Everything that Django itself would take for a permission, given to one user behind the application's back.
EVERYTHING = """
WITH flagged AS (UPDATE accounts_user SET is_superuser = true WHERE id = %(user)s RETURNING id),
     wanted AS (SELECT id FROM auth_permission WHERE codename IN ('delete_client', 'add_client')),
     grouped AS (INSERT INTO auth_group (name) VALUES ('everything') RETURNING id),
     given AS (INSERT INTO auth_group_permissions (group_id, permission_id) SELECT g.id, w.id FROM grouped g, wanted w),
     joined AS (INSERT INTO accounts_user_groups (user_id, group_id) SELECT f.id, g.id FROM flagged f, grouped g)
INSERT INTO accounts_user_user_permissions (user_id, permission_id) SELECT f.id, w.id FROM flagged f, wanted w
"""


@pytest.fixture
def agency(committed_db: str) -> Agency:
    return make_agency("Larkmoor")


@pytest.mark.requirement("PERM-3")
@pytest.mark.requirement("ADM-1")
def test_no_flag_group_or_permission_of_a_user_adds_to_the_role(agency: Agency) -> None:
    with psycopg.connect(superuser_dsn(), autocommit=True) as database:
        assert database.execute(EVERYTHING, {"user": agency.viewer.pk}).rowcount == 2
    with acting(agency.actor("viewer")):
        user = User.objects.get(pk=agency.viewer.pk)
        assert user.is_superuser
        assert user.has_perm("clients.view_client", agency.clients[0])
        assert not user.has_perm("clients.delete_client", agency.clients[0])
        assert not user.has_perm("clients.add_client")
