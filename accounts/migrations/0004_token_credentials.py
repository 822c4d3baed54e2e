"""A credential ends with its token, however the token ends; noting a token's use leaves the policy version alone."""

from django.db import migrations

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import DatabaseFunction, Trigger

DROP_CREDENTIALS = """iam_drop_credentials() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM knox_authtoken k USING changed WHERE k.digest = changed.credential_id;
    RETURN NULL;
END $$"""

BUMP_ON_CHANGE = """iam_bump_version_by_token() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
BEGIN
    FOR touched IN
        SELECT DISTINCT place
        FROM was JOIN changed c ON c.id = was.id, unnest(ARRAY[was.organization_id, c.organization_id]) AS place
        WHERE (c.organization_id, c.user_id, c.credential_id, c.permissions)
            IS DISTINCT FROM (was.organization_id, was.user_id, was.credential_id, was.permissions)
        ORDER BY 1
    LOOP
        PERFORM iam_bump_version_of(touched);
    END LOOP;
    RETURN NULL;
END $$"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_isolation")]

    operations = [
        DatabaseFunction("iam_drop_credentials()", DROP_CREDENTIALS, door=PLATFORM_ROLE, callers=[]),
        Trigger("drop_credentials", "ApiToken", "iam_drop_credentials", events=("DELETE",)),
        DatabaseFunction("iam_bump_version_by_token()", BUMP_ON_CHANGE, door=PLATFORM_ROLE, callers=[]),
        migrations.RunSQL(
            [
                "DROP TRIGGER bump_version_update_old ON accounts_apitoken",
                "DROP TRIGGER bump_version_update_new ON accounts_apitoken",
                "CREATE TRIGGER bump_version_update AFTER UPDATE ON accounts_apitoken"
                " REFERENCING OLD TABLE AS was NEW TABLE AS changed"
                " FOR EACH STATEMENT EXECUTE FUNCTION iam_bump_version_by_token()",
            ],
            [
                "DROP TRIGGER bump_version_update ON accounts_apitoken",
                "CREATE TRIGGER bump_version_update_old AFTER UPDATE ON accounts_apitoken"
                " REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION iam_bump_version()",
                "CREATE TRIGGER bump_version_update_new AFTER UPDATE ON accounts_apitoken"
                " REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION iam_bump_version()",
            ],
        ),
    ]
