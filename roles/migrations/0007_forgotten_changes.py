"""How far back the changes of a place are kept, so that nobody goes on from a position whose next changes are gone."""

from django.db import migrations, models

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import DatabaseFunction

# Like the version, it tells how often something changed, and nothing else.
POLICY_FORGOTTEN = """iam_policy_forgotten(p_organization uuid) RETURNS TABLE (own bigint, shared bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce((SELECT v.forgotten FROM roles_policyversion v
                     WHERE v.organization_id IS NOT DISTINCT FROM p_organization), 0),
           coalesce((SELECT v.forgotten FROM roles_policyversion v WHERE v.organization_id IS NULL), 0)
$$"""


class Migration(migrations.Migration):
    dependencies = [("roles", "0006_policy_changes")]

    operations = [
        migrations.AddField("policyversion", "forgotten", models.BigIntegerField(db_default=0, default=0)),
        DatabaseFunction("iam_policy_forgotten(uuid)", POLICY_FORGOTTEN, door=PLATFORM_ROLE),
    ]
