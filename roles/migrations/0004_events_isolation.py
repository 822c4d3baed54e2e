"""Row-level security of the roles' history and use, and two more rules that hold for many requests at once."""

from importlib import import_module

from django.db import migrations

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import CONTEXT_ORGANIZATION, CONTEXT_USER, DatabaseFunction, Isolate, Rights, RowTrigger

ISOLATION = import_module("roles.migrations.0002_isolation")

# An organization has at most ten roles of its own; those who make one at the same time wait for each other. The lock is
# the one that every change of its roles takes.
WITHIN_LIMIT = """iam_role_within_limit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' OR NEW.organization_id IS NULL THEN
        RETURN NEW;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('roles:' || NEW.organization_id, 0));
    IF (SELECT count(*) FROM roles_role WHERE organization_id = NEW.organization_id) >= 10 THEN
        RAISE check_violation USING MESSAGE = 'An organization has at most ten roles of its own.',
            CONSTRAINT = 'roles_role_at_most_ten';
    END IF;
    RETURN NEW;
END $$"""

# The role is held until the membership is committed: one who is deleting it waits, and then finds it in use.
MEMBERSHIP_FITS = """iam_membership_fits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    held roles_role;
BEGIN
    SELECT * INTO held FROM roles_role WHERE id = NEW.role_id FOR KEY SHARE;
    IF held.id IS NULL OR (held.scope = 'PLATFORM') IS DISTINCT FROM (NEW.organization_id IS NULL)
       OR (held.organization_id IS NOT NULL AND held.organization_id IS DISTINCT FROM NEW.organization_id) THEN
        RAISE check_violation USING MESSAGE = 'The role belongs to another scope or another organization.',
            CONSTRAINT = 'roles_membership_role_fits';
    END IF;
    IF TG_OP = 'UPDATE' AND (NEW.user_id, NEW.organization_id) IS DISTINCT FROM (OLD.user_id, OLD.organization_id) THEN
        RAISE check_violation USING MESSAGE = 'A membership keeps its person and its organization.',
            CONSTRAINT = 'roles_membership_keeps_place';
    END IF;
    RETURN NEW;
END $$"""


class Migration(migrations.Migration):
    dependencies = [("roles", "0003_role_events")]

    operations = [
        migrations.RunSQL(
            [
                # Row-level security shows its owner nothing of a table for as long as it is forced.
                "ALTER TABLE roles_membership NO FORCE ROW LEVEL SECURITY",
                "UPDATE roles_membership SET assigned_at = created_at",
                "ALTER TABLE roles_membership FORCE ROW LEVEL SECURITY",
            ],
            migrations.RunSQL.noop,
        ),
        Isolate(
            "RoleEvent",
            tenant=Rights.APPEND,
            assigned_rule=f"performer_id = {CONTEXT_USER}",
            assigned_insert_rule="true",
            platform=Rights.APPEND,
        ),
        Isolate(
            "RoleUse",
            rule=f"organization_id = {CONTEXT_ORGANIZATION} AND role_id IN (SELECT id FROM roles_role)",
            platform=Rights.WRITE,
        ),
        migrations.RunSQL(
            "GRANT USAGE ON SEQUENCE roles_roleuse_id_seq TO iam_tenant, iam_assigned, iam_platform",
            "REVOKE USAGE ON SEQUENCE roles_roleuse_id_seq FROM iam_tenant, iam_assigned, iam_platform",
        ),
        DatabaseFunction("iam_role_within_limit()", WITHIN_LIMIT, door=PLATFORM_ROLE, callers=[]),
        DatabaseFunction(
            "iam_membership_fits()",
            MEMBERSHIP_FITS,
            door=PLATFORM_ROLE,
            callers=[],
            replaces=ISOLATION.MEMBERSHIP_FITS,
        ),
        # Before the trigger that waits for other changes of parents: its name is first in the alphabet.
        RowTrigger("role_at_most_ten", "Role", "iam_role_within_limit"),
    ]
