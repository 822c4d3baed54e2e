"""An account's legacy value, which stands for a built-in role on the platform until a membership takes its place."""

from importlib import import_module

from django.db import migrations, models

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import APP_ROLE, DatabaseFunction, RowTrigger, Trigger

ISOLATION = import_module("accounts.migrations.0003_isolation")
LEGACY_ROLES = ["SUPER_ADMIN", "ADMIN", "SUPPORT", "ANALYST"]

LEGACY_ROLE = """iam_legacy_role(p_user uuid) RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT r.id
    FROM accounts_user u
    JOIN roles_role r
        ON r.is_system AND r.scope = 'PLATFORM' AND r.name = CASE u.legacy_role
            WHEN 'SUPER_ADMIN' THEN 'super-admin'
            WHEN 'ADMIN' THEN 'platform-admin'
            WHEN 'SUPPORT' THEN 'support-agent'
            WHEN 'ANALYST' THEN 'analyst'
        END
    WHERE u.id = p_user
        AND NOT EXISTS (SELECT FROM roles_membership m WHERE m.user_id = u.id AND m.organization_id IS NULL)
$$"""

# A legacy administrator stands there with their own id in place of a membership's: it is the id of no membership.
STANDING = """iam_standing(p_user uuid, p_slug text, p_organization uuid, p_credential text)
RETURNS TABLE (
    user_active boolean, email varchar, has_second_factor boolean,
    organization_id uuid, organization_name varchar, organization_status varchar,
    membership_id uuid, role_id uuid, role_name varchar, role_display_name varchar, role_active boolean,
    role_priority smallint, role_reach varchar, role_requires_second_factor boolean,
    organization_version bigint, shared_version bigint, token_id uuid, token_permissions varchar[]
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT u.is_active, u.email,
           EXISTS (SELECT FROM mfa_authenticator a WHERE a.user_id = u.id AND a.type IN ('totp', 'webauthn')),
           o.id, o.name, o.status,
           coalesce(m.id, CASE WHEN r.id IS NOT NULL THEN u.id END),
           r.id, r.name, r.display_name, r.is_active, r.priority, r.reach, r.requires_second_factor,
           (SELECT v.version FROM roles_policyversion v WHERE v.organization_id = o.id),
           (SELECT v.version FROM roles_policyversion v WHERE v.organization_id IS NULL),
           t.id, t.permissions
    FROM (VALUES (p_user)) AS asked (id)
    LEFT JOIN accounts_user u ON u.id = asked.id
    LEFT JOIN accounts_organization o
        ON o.id = coalesce(p_organization, (SELECT id FROM accounts_organization WHERE slug = p_slug))
    LEFT JOIN roles_membership m
        ON m.user_id = u.id
        AND (m.organization_id = o.id OR (m.organization_id IS NULL AND p_slug IS NULL AND p_organization IS NULL))
    LEFT JOIN roles_role r
        ON r.id = coalesce(
            m.role_id, CASE WHEN p_slug IS NULL AND p_organization IS NULL THEN iam_legacy_role(u.id) END
        )
    LEFT JOIN accounts_apitoken t
        ON t.credential_id = p_credential AND t.user_id = u.id AND t.organization_id IS NOT DISTINCT FROM o.id
$$"""

PLACES = """iam_places(p_user uuid) RETURNS TABLE (slug varchar, name varchar, role varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(o.slug, ''), coalesce(o.name, 'Platform console'), r.display_name
    FROM (
        SELECT m.organization_id, m.role_id FROM roles_membership m WHERE m.user_id = p_user
        UNION ALL
        SELECT NULL, iam_legacy_role(p_user)
    ) AS place
    JOIN roles_role r ON r.id = place.role_id
    LEFT JOIN accounts_organization o ON o.id = place.organization_id
    ORDER BY o.name NULLS FIRST
$$"""

# Before anyone is known the application may write to accounts, and an organization makes some: this it may not write.
GUARD = f"""iam_guard_legacy_role() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.legacy_role IS NOT DISTINCT FROM OLD.legacy_role THEN
        RETURN NEW;
    END IF;
    IF (TG_OP = 'UPDATE' OR NEW.legacy_role <> '')
       AND current_user <> '{PLATFORM_ROLE}' AND row_security_active('accounts_user') THEN
        RAISE insufficient_privilege USING MESSAGE = 'Only the platform changes the legacy role of an account.';
    END IF;
    RETURN NEW;
END $$"""

# Made or removed, by whatever road: or the value would work again once the membership is gone.
RETIRE = """iam_retire_legacy_role() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    holder uuid;
BEGIN
    FOR holder IN SELECT c.user_id FROM changed c WHERE c.organization_id IS NULL ORDER BY 1 LOOP
        UPDATE accounts_user SET legacy_role = '' WHERE id = holder AND legacy_role <> '';
    END LOOP;
    RETURN NULL;
END $$"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_second_factors"), ("roles", "0002_isolation")]

    operations = [
        migrations.AddField(
            "user",
            "legacy_role",
            models.CharField(
                blank=True,
                choices=[
                    ("SUPER_ADMIN", "Super admin"),
                    ("ADMIN", "Admin"),
                    ("SUPPORT", "Support"),
                    ("ANALYST", "Analyst"),
                ],
                default="",
                editable=False,
                max_length=11,
            ),
        ),
        # Not the model's `db_default`: Django would read it back, and an organization does not yet see whom it makes.
        migrations.RunSQL("ALTER TABLE accounts_user ALTER COLUMN legacy_role SET DEFAULT ''", migrations.RunSQL.noop),
        migrations.AddConstraint(
            "user",
            models.CheckConstraint(
                condition=models.Q(("legacy_role", ""))
                | models.Q(("is_service", False), ("legacy_role__in", LEGACY_ROLES)),
                name="accounts_user_legacy_role_is_known",
            ),
        ),
        DatabaseFunction("iam_legacy_role(uuid)", LEGACY_ROLE, door=PLATFORM_ROLE, callers=[PLATFORM_ROLE]),
        DatabaseFunction(
            "iam_standing(uuid, text, uuid, text)",
            STANDING,
            door=PLATFORM_ROLE,
            callers=[APP_ROLE],
            replaces=ISOLATION.STANDING,
        ),
        DatabaseFunction("iam_places(uuid)", PLACES, door=PLATFORM_ROLE, callers=[APP_ROLE], replaces=ISOLATION.PLACES),
        DatabaseFunction("iam_guard_legacy_role()", GUARD, callers=[]),
        RowTrigger("guard_legacy_role", "User", "iam_guard_legacy_role"),
        DatabaseFunction("iam_retire_legacy_role()", RETIRE, door=PLATFORM_ROLE, callers=[]),
        Trigger("retire_legacy_role", "roles.Membership", "iam_retire_legacy_role", events=("INSERT", "DELETE")),
    ]
