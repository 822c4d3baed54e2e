"""What changed of people, organizations, tokens and second factors, told to those who keep decisions."""

from importlib import import_module

from django.db import migrations

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import DatabaseFunction, Trigger

ISOLATION = import_module("accounts.migrations.0003_isolation")
CREDENTIALS = import_module("accounts.migrations.0004_token_credentials")

BUMP_BY_USER = """iam_bump_version_by_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
    subjects uuid[];
BEGIN
    FOR touched, subjects IN
        WITH other AS (
            SELECT c.id, was.legacy_role <> '' OR c.legacy_role <> '' AS is_legacy
            FROM was JOIN changed c ON c.id = was.id
            WHERE (c.is_active, c.email, c.legacy_role) IS DISTINCT FROM (was.is_active, was.email, was.legacy_role)
        ), place AS (
            SELECT m.organization_id, other.id FROM other JOIN roles_membership m ON m.user_id = other.id
            UNION SELECT NULL, other.id FROM other WHERE is_legacy
        )
        SELECT organization_id, array_agg(id ORDER BY id) FROM place GROUP BY 1 ORDER BY 1
    LOOP
        PERFORM iam_note_change(touched, 'user', subjects);
    END LOOP;
    RETURN NULL;
END $$"""

BUMP_BY_STATUS = """iam_bump_version_by_status() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
BEGIN
    FOR touched IN
        SELECT c.id FROM was JOIN changed c ON c.id = was.id
        WHERE (c.status, c.slug) IS DISTINCT FROM (was.status, was.slug)
        ORDER BY 1
    LOOP
        PERFORM iam_note_change(touched, 'organization', ARRAY[touched]);
    END LOOP;
    RETURN NULL;
END $$"""

BUMP_ON_CHANGE = """iam_bump_version_by_token() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
    subjects uuid[];
BEGIN
    FOR touched, subjects IN
        SELECT place, array_agg(DISTINCT c.user_id ORDER BY c.user_id)
        FROM was JOIN changed c ON c.id = was.id, unnest(ARRAY[was.organization_id, c.organization_id]) AS place
        WHERE (c.organization_id, c.user_id, c.credential_id, c.permissions)
            IS DISTINCT FROM (was.organization_id, was.user_id, was.credential_id, was.permissions)
        GROUP BY 1 ORDER BY 1
    LOOP
        PERFORM iam_note_change(touched, 'apitoken', subjects);
    END LOOP;
    RETURN NULL;
END $$"""

# A second factor that comes or goes decides about roles that require one.
BUMP_BY_FACTOR = """iam_bump_version_by_factor() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
    subjects uuid[];
BEGIN
    FOR touched, subjects IN
        SELECT m.organization_id, array_agg(DISTINCT m.user_id ORDER BY m.user_id)
        FROM changed c JOIN roles_membership m ON m.user_id = c.user_id
        WHERE c.type IN ('totp', 'webauthn')
        GROUP BY 1 ORDER BY 1
    LOOP
        PERFORM iam_note_change(touched, 'secondfactor', subjects);
    END LOOP;
    RETURN NULL;
END $$"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_invitations_outlive_roles"), ("roles", "0006_policy_changes")]

    operations = [
        *(
            DatabaseFunction(f"{name}()", body, door=PLATFORM_ROLE, callers=[], replaces=before)
            for name, body, before in (
                ("iam_bump_version_by_user", BUMP_BY_USER, ISOLATION.BUMP_BY_USER),
                ("iam_bump_version_by_status", BUMP_BY_STATUS, ISOLATION.BUMP_BY_STATUS),
                ("iam_bump_version_by_token", BUMP_ON_CHANGE, CREDENTIALS.BUMP_ON_CHANGE),
            )
        ),
        DatabaseFunction("iam_bump_version_by_factor()", BUMP_BY_FACTOR, door=PLATFORM_ROLE, callers=[]),
        Trigger("bump_version", "mfa.Authenticator", "iam_bump_version_by_factor", events=("INSERT", "DELETE")),
    ]
