"""The end of a client is told to those who keep decisions: one that was there may have been remembered."""

from django.db import migrations

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import DatabaseFunction, Trigger

BUMP_BY_CLIENT = """iam_bump_version_by_client() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
    subjects uuid[];
BEGIN
    FOR touched, subjects IN SELECT organization_id, array_agg(id ORDER BY id) FROM changed GROUP BY 1 ORDER BY 1
    LOOP
        PERFORM iam_note_change(touched, 'client', subjects);
    END LOOP;
    RETURN NULL;
END $$"""


class Migration(migrations.Migration):
    dependencies = [("clients", "0003_grants_end_with_their_client"), ("roles", "0006_policy_changes")]

    operations = [
        DatabaseFunction("iam_bump_version_by_client()", BUMP_BY_CLIENT, door=PLATFORM_ROLE, callers=[]),
        Trigger("bump_version", "Client", "iam_bump_version_by_client", events=("DELETE",)),
    ]
