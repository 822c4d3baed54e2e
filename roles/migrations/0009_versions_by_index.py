"""Find the version of a place by its index, however many places there are: `IS NOT DISTINCT FROM` reads them all."""

from django.db import migrations

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import DatabaseFunction

BY_INDEX = """{name}(p_organization uuid) RETURNS TABLE (own bigint, shared bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT CASE WHEN p_organization IS NULL THEN s.shared ELSE
               coalesce((SELECT v.{column} FROM roles_policyversion v WHERE v.organization_id = p_organization), 0) END,
           s.shared
    FROM (
        SELECT coalesce((SELECT v.{column} FROM roles_policyversion v WHERE v.organization_id IS NULL), 0) AS shared
    ) s
$$"""


class Migration(migrations.Migration):
    dependencies = [("roles", "0008_applications")]

    operations = [
        DatabaseFunction(f"{name}(uuid)", BY_INDEX.format(name=name, column=column), door=PLATFORM_ROLE)
        for name, column in (("iam_policy_version", "version"), ("iam_policy_forgotten", "forgotten"))
    ]
