"""A second factor that comes or goes while its person joins, or works by a legacy role, is told of, too."""

from importlib import import_module

from django.db import migrations

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import DatabaseFunction

# Whoever brings the person into an organization at the same time holds the person until the membership is committed
# (roles, 0010), and it is seen here then. A legacy role counts on the platform.
BUMP_BY_FACTOR = """iam_bump_version_by_factor() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
    subjects uuid[];
BEGIN
    PERFORM FROM accounts_user
    WHERE id IN (SELECT user_id FROM changed WHERE type IN ('totp', 'webauthn'))
    ORDER BY id FOR NO KEY UPDATE;
    FOR touched, subjects IN
        WITH owner AS (
            SELECT DISTINCT user_id FROM changed WHERE type IN ('totp', 'webauthn')
        ), place AS (
            SELECT m.organization_id, m.user_id FROM owner JOIN roles_membership m ON m.user_id = owner.user_id
            UNION
            SELECT NULL, u.id FROM owner JOIN accounts_user u ON u.id = owner.user_id WHERE u.legacy_role <> ''
        )
        SELECT organization_id, array_agg(user_id ORDER BY user_id) FROM place GROUP BY 1 ORDER BY 1
    LOOP
        PERFORM iam_note_change(touched, 'secondfactor', subjects);
    END LOOP;
    RETURN NULL;
END $$"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_credential_places")]

    operations = [
        DatabaseFunction(
            "iam_bump_version_by_factor()",
            BUMP_BY_FACTOR,
            door=PLATFORM_ROLE,
            callers=[],
            replaces=import_module("accounts.migrations.0008_policy_changes").BUMP_BY_FACTOR,
        ),
    ]
