"""What changed with each version of the policy: a feed for those who keep decisions, written by the same triggers that
count the versions, and thus in the order in which the changes took effect."""

from importlib import import_module

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import CONTEXT_ORGANIZATION, DatabaseFunction, Isolate, Rights

ISOLATION = import_module("roles.migrations.0002_isolation")

# The version's row stays locked until the change is committed: versions of one place appear in their order.
NOTE_CHANGE = """iam_note_change(touched uuid, kind varchar, subjects uuid[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH counted AS (
        INSERT INTO roles_policyversion AS v (organization_id, version)
        VALUES (touched, nextval('iam_policy_version'))
        ON CONFLICT (organization_id) DO UPDATE SET version = nextval('iam_policy_version')
        RETURNING v.version
    )
    INSERT INTO roles_policychange (version, organization_id, kind, subjects, at)
    SELECT version, touched, kind, CASE WHEN cardinality(subjects) <= 1000 THEN subjects END, now() FROM counted
$$"""

# Kinds are named after the table. In one order, so that two transactions never wait for each other.
BUMP = """iam_bump_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
    subjects uuid[];
BEGIN
    IF TG_TABLE_NAME = 'roles_role' THEN
        FOR touched, subjects IN SELECT organization_id, array_agg(id ORDER BY id) FROM changed GROUP BY 1 ORDER BY 1
        LOOP
            PERFORM iam_note_change(touched, 'role', subjects);
        END LOOP;
    ELSE
        FOR touched, subjects IN
            SELECT organization_id, array_agg(DISTINCT user_id ORDER BY user_id) FROM changed GROUP BY 1 ORDER BY 1
        LOOP
            PERFORM iam_note_change(touched, split_part(TG_TABLE_NAME, '_', 2), subjects);
        END LOOP;
    END IF;
    RETURN NULL;
END $$"""

BUMP_BY_ROLE = """iam_bump_version_by_role() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
    subjects uuid[];
BEGIN
    FOR touched, subjects IN
        SELECT r.organization_id, array_agg(DISTINCT r.id ORDER BY r.id)
        FROM changed c JOIN roles_role r ON r.id = c.role_id
        GROUP BY 1 ORDER BY 1
    LOOP
        PERFORM iam_note_change(touched, 'rolepermission', subjects);
    END LOOP;
    RETURN NULL;
END $$"""

# Anyone may learn how often something changed, and nothing else by this.
POLICY_VERSION = """iam_policy_version(p_organization uuid) RETURNS TABLE (own bigint, shared bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce((SELECT v.version FROM roles_policyversion v
                     WHERE v.organization_id IS NOT DISTINCT FROM p_organization), 0),
           coalesce((SELECT v.version FROM roles_policyversion v WHERE v.organization_id IS NULL), 0)
$$"""


class Migration(migrations.Migration):
    dependencies = [("roles", "0005_permission_use")]

    operations = [
        migrations.CreateModel(
            name="PolicyChange",
            fields=[
                ("version", models.BigIntegerField(primary_key=True, serialize=False)),
                ("organization_id", models.UUIDField(null=True)),
                ("kind", models.CharField(max_length=30)),
                ("subjects", ArrayField(models.UUIDField(), null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "ordering": ["version"],
                "indexes": [models.Index(fields=["organization_id", "version"], name="roles_policychange_feed")],
            },
        ),
        Isolate(
            "PolicyChange",
            read_rule=f"organization_id = {CONTEXT_ORGANIZATION} OR (organization_id IS NULL AND kind LIKE 'role%')",
            tenant=Rights.READ,
            platform=Rights.WRITE,
        ),
        DatabaseFunction(
            "iam_note_change(uuid, varchar, uuid[])", NOTE_CHANGE, door=PLATFORM_ROLE, callers=[PLATFORM_ROLE]
        ),
        DatabaseFunction("iam_bump_version()", BUMP, door=PLATFORM_ROLE, callers=[], replaces=ISOLATION.BUMP),
        DatabaseFunction(
            "iam_bump_version_by_role()",
            BUMP_BY_ROLE,
            door=PLATFORM_ROLE,
            callers=[],
            replaces=ISOLATION.BUMP_BY_ROLE,
        ),
        DatabaseFunction("iam_policy_version(uuid)", POLICY_VERSION, door=PLATFORM_ROLE),
    ]
