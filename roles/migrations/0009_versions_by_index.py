"""Find the version of a place by its index, however many places there are: `IS NOT DISTINCT FROM` reads them all."""

from importlib import import_module

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

#: The functions, with what of a version each tells and how it was read before.
FUNCTIONS = (
    ("iam_policy_version", "version", import_module("roles.migrations.0006_policy_changes").POLICY_VERSION),
    ("iam_policy_forgotten", "forgotten", import_module("roles.migrations.0007_forgotten_changes").POLICY_FORGOTTEN),
)


class Migration(migrations.Migration):
    dependencies = [("roles", "0008_applications")]

    operations = [
        DatabaseFunction(
            f"{name}(uuid)", BY_INDEX.format(name=name, column=column), door=PLATFORM_ROLE, replaces=before
        )
        for name, column, before in FUNCTIONS
    ]
