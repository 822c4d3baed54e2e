"""Row-level security of the roles, the rules that hold for two editors at once, and the versions of what is decided."""

from django.db import migrations

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import CONTEXT_ORGANIZATION, DatabaseFunction, Isolate, Open, Rights, RowTrigger, Trigger

BUMP = """iam_bump_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
BEGIN
    -- In one order, so that two transactions never wait for each other.
    FOR touched IN SELECT DISTINCT organization_id FROM changed ORDER BY 1 LOOP
        PERFORM iam_bump_version_of(touched);
    END LOOP;
    RETURN NULL;
END $$"""

# A version comes from a sequence, so that one which a transaction took and gave up is never seen twice.
BUMP_ONE = """iam_bump_version_of(touched uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    INSERT INTO roles_policyversion (organization_id, version) VALUES (touched, nextval('iam_policy_version'))
    ON CONFLICT (organization_id) DO UPDATE SET version = nextval('iam_policy_version')
$$"""

BUMP_BY_ROLE = """iam_bump_version_by_role() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
BEGIN
    FOR touched IN
        SELECT DISTINCT r.organization_id FROM changed c JOIN roles_role r ON r.id = c.role_id ORDER BY 1
    LOOP
        PERFORM iam_bump_version_of(touched);
    END LOOP;
    RETURN NULL;
END $$"""

ROLE_HOLDS = """iam_role_holds_together() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    parent roles_role;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.scope, NEW.is_system) IS DISTINCT FROM (OLD.scope, OLD.is_system) THEN
        RAISE check_violation USING MESSAGE = 'A role keeps its scope and its kind.',
            CONSTRAINT = 'roles_role_keeps_scope';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.organization_id IS DISTINCT FROM OLD.organization_id THEN
        RAISE check_violation USING MESSAGE = 'A role stays in its organization.',
            CONSTRAINT = 'roles_role_keeps_organization';
    END IF;
    IF NEW.parent_id IS NULL OR (TG_OP = 'UPDATE' AND NEW.parent_id IS NOT DISTINCT FROM OLD.parent_id) THEN
        RETURN NEW;
    END IF;
    -- Two edits of parents at once could each be right and together close a circle: one waits for the other.
    PERFORM pg_advisory_xact_lock(hashtext('roles_role.parent_id'));
    SELECT * INTO parent FROM roles_role WHERE id = NEW.parent_id;
    IF parent.scope IS DISTINCT FROM NEW.scope
       OR (parent.organization_id IS NOT NULL AND parent.organization_id IS DISTINCT FROM NEW.organization_id) THEN
        RAISE check_violation USING
            MESSAGE = 'A parent is a role of the same scope, and of the same organization or built in.',
            CONSTRAINT = 'roles_role_parent_fits';
    END IF;
    IF EXISTS (
        WITH RECURSIVE above (id, parent_id) AS (
            SELECT id, parent_id FROM roles_role WHERE id = NEW.parent_id
            UNION
            SELECT r.id, r.parent_id FROM roles_role r JOIN above ON r.id = above.parent_id
        )
        SELECT FROM above WHERE id = NEW.id
    ) THEN
        RAISE check_violation USING MESSAGE = 'A role cannot inherit from itself.',
            CONSTRAINT = 'roles_role_no_circle';
    END IF;
    RETURN NEW;
END $$"""

GRANT_FITS = """iam_role_permission_fits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT scope FROM roles_role WHERE id = NEW.role_id)
       IS DISTINCT FROM (SELECT scope FROM roles_permission WHERE key = NEW.permission_id) THEN
        RAISE check_violation USING MESSAGE = 'A role holds permissions of its own scope only.',
            CONSTRAINT = 'roles_rolepermission_same_scope';
    END IF;
    RETURN NEW;
END $$"""

MEMBERSHIP_FITS = """iam_membership_fits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    held roles_role;
BEGIN
    SELECT * INTO held FROM roles_role WHERE id = NEW.role_id;
    IF (held.scope = 'PLATFORM') IS DISTINCT FROM (NEW.organization_id IS NULL)
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

EFFECTIVE = """iam_effective_permissions(role uuid) RETURNS TABLE (permission_id varchar, from_role uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH RECURSIVE line (id, parent_id) AS (
        SELECT id, parent_id FROM roles_role WHERE id = role AND is_active
        UNION
        SELECT r.id, r.parent_id FROM roles_role r JOIN line ON r.id = line.parent_id WHERE r.is_active
    )
    SELECT g.permission_id, g.role_id FROM roles_rolepermission g JOIN line ON line.id = g.role_id
$$"""


class Migration(migrations.Migration):
    dependencies = [("roles", "0001_initial"), ("accounts", "0001_initial")]

    operations = [
        Open("Permission", acting=Rights.READ),
        Isolate(
            "Role",
            read_rule=f"organization_id = {CONTEXT_ORGANIZATION} OR (organization_id IS NULL AND scope = 'TENANT')",
            platform=Rights.WRITE,
        ),
        Isolate(
            "RolePermission",
            rule=f"role_id IN (SELECT id FROM roles_role WHERE organization_id = {CONTEXT_ORGANIZATION})",
            read_rule="role_id IN (SELECT id FROM roles_role)",
            platform=Rights.WRITE,
        ),
        Isolate("Membership", platform=Rights.WRITE),
        Isolate("PolicyVersion", tenant=Rights.READ, platform=Rights.WRITE),
        migrations.RunSQL(
            [
                "CREATE SEQUENCE iam_policy_version",
                f"GRANT USAGE ON SEQUENCE iam_policy_version TO {PLATFORM_ROLE}",
                "GRANT USAGE ON SEQUENCE roles_policyversion_id_seq, roles_rolepermission_id_seq"
                " TO iam_tenant, iam_assigned, iam_platform",
                "GRANT INSERT, UPDATE ON roles_permission TO iam_platform",
            ],
            ["DROP SEQUENCE iam_policy_version"],
        ),
        DatabaseFunction("iam_bump_version_of(uuid)", BUMP_ONE, door=PLATFORM_ROLE, callers=[PLATFORM_ROLE]),
        DatabaseFunction("iam_bump_version()", BUMP, door=PLATFORM_ROLE, callers=[]),
        DatabaseFunction("iam_bump_version_by_role()", BUMP_BY_ROLE, door=PLATFORM_ROLE, callers=[]),
        DatabaseFunction("iam_role_holds_together()", ROLE_HOLDS, door=PLATFORM_ROLE, callers=[]),
        DatabaseFunction("iam_role_permission_fits()", GRANT_FITS, door=PLATFORM_ROLE, callers=[]),
        DatabaseFunction("iam_membership_fits()", MEMBERSHIP_FITS, door=PLATFORM_ROLE, callers=[]),
        DatabaseFunction("iam_effective_permissions(uuid)", EFFECTIVE, door=PLATFORM_ROLE),
        Trigger("bump_version", "Role", "iam_bump_version"),
        Trigger("bump_version", "RolePermission", "iam_bump_version_by_role"),
        Trigger("bump_version", "Membership", "iam_bump_version"),
        RowTrigger("role_holds_together", "Role", "iam_role_holds_together"),
        RowTrigger("permission_fits", "RolePermission", "iam_role_permission_fits"),
        RowTrigger("role_fits", "Membership", "iam_membership_fits"),
    ]
