"""A credential alone tells its token's organization, and one that changes makes a new version, as a token does."""

from django.db import migrations

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import APP_ROLE, DatabaseFunction

CREDENTIAL_PLACE = """iam_credential_place(p_credential text) RETURNS TABLE (organization_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT t.organization_id FROM accounts_apitoken t WHERE t.credential_id = p_credential
$$"""

BUMP_BY_CREDENTIAL = """iam_bump_version_by_credential() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
    subjects uuid[];
BEGIN
    FOR touched, subjects IN
        SELECT t.organization_id, array_agg(DISTINCT t.user_id ORDER BY t.user_id)
        FROM was JOIN changed c ON c.digest = was.digest JOIN accounts_apitoken t ON t.credential_id = c.digest
        WHERE (c.expiry, c.user_id, c.token_key) IS DISTINCT FROM (was.expiry, was.user_id, was.token_key)
        GROUP BY 1 ORDER BY 1
    LOOP
        PERFORM iam_note_change(touched, 'apitoken', subjects);
    END LOOP;
    RETURN NULL;
END $$"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0008_policy_changes"), ("knox", "0009_extend_authtoken_field")]

    operations = [
        DatabaseFunction("iam_credential_place(text)", CREDENTIAL_PLACE, door=PLATFORM_ROLE, callers=[APP_ROLE]),
        DatabaseFunction("iam_bump_version_by_credential()", BUMP_BY_CREDENTIAL, door=PLATFORM_ROLE, callers=[]),
        migrations.RunSQL(
            "CREATE TRIGGER bump_version AFTER UPDATE ON knox_authtoken"
            " REFERENCING OLD TABLE AS was NEW TABLE AS changed"
            " FOR EACH STATEMENT EXECUTE FUNCTION iam_bump_version_by_credential()",
            "DROP TRIGGER bump_version ON knox_authtoken",
        ),
    ]
