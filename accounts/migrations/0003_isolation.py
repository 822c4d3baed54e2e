"""Row-level security of people and organizations, and the narrow doors that sign-in needs through it."""

from django.db import migrations

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import (
    APP_ROLE,
    CONTEXT_ORGANIZATION,
    DatabaseFunction,
    Isolate,
    Open,
    Rights,
    TieToOrganization,
    Trigger,
)

PEOPLE_HERE = f"SELECT user_id FROM roles_membership WHERE organization_id = {CONTEXT_ORGANIZATION}"

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
           m.id, r.id, r.name, r.display_name, r.is_active, r.priority, r.reach, r.requires_second_factor,
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
    LEFT JOIN roles_role r ON r.id = m.role_id
    LEFT JOIN accounts_apitoken t
        ON t.credential_id = p_credential AND t.user_id = u.id AND t.organization_id IS NOT DISTINCT FROM o.id
$$"""

PUBLIC_ORGANIZATION = """iam_public_organization(p_slug text, p_host text)
RETURNS TABLE (
    organization_id uuid, slug varchar, name varchar, is_active boolean, accent varchar, sign_in_text varchar,
    version text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT o.id, o.slug, o.name, o.status = 'active', b.accent, b.sign_in_text, substr(md5(b.accent), 1, 8)
    FROM accounts_organization o JOIN accounts_branding b ON b.organization_id = o.id
    WHERE o.id = coalesce(
        (SELECT id FROM accounts_organization WHERE slug = p_slug),
        (SELECT d.organization_id FROM accounts_customdomain d WHERE d.host = p_host AND d.verified_at IS NOT NULL)
    )
$$"""

PLACES = """iam_places(p_user uuid) RETURNS TABLE (slug varchar, name varchar, role varchar)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(o.slug, ''), coalesce(o.name, 'Platform console'), r.display_name
    FROM roles_membership m JOIN roles_role r ON r.id = m.role_id
    LEFT JOIN accounts_organization o ON o.id = m.organization_id
    WHERE m.user_id = p_user
    ORDER BY o.name NULLS FIRST
$$"""


BUMP_BY_USER = """iam_bump_version_by_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
BEGIN
    FOR touched IN
        SELECT DISTINCT m.organization_id
        FROM was JOIN changed c ON c.id = was.id JOIN roles_membership m ON m.user_id = c.id
        WHERE c.is_active IS DISTINCT FROM was.is_active
        ORDER BY 1
    LOOP
        PERFORM iam_bump_version_of(touched);
    END LOOP;
    RETURN NULL;
END $$"""

BUMP_BY_STATUS = """iam_bump_version_by_status() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
BEGIN
    FOR touched IN
        SELECT c.id FROM was JOIN changed c ON c.id = was.id WHERE c.status IS DISTINCT FROM was.status ORDER BY 1
    LOOP
        PERFORM iam_bump_version_of(touched);
    END LOOP;
    RETURN NULL;
END $$"""


def _update_trigger(table: str, function: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER bump_version AFTER UPDATE ON {table} REFERENCING OLD TABLE AS was NEW TABLE AS changed"
        f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
        f"DROP TRIGGER bump_version ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_invitations_tokens"),
        ("roles", "0002_isolation"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("sessions", "0001_initial"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("account", "0009_emailaddress_unique_primary_email"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("usersessions", "0001_initial"),
        ("knox", "0009_extend_authtoken_field"),
    ]

    operations = [
        Isolate("Organization", rule=f"id = {CONTEXT_ORGANIZATION}", tenant=Rights.READ, platform=Rights.WRITE),
        Isolate("Branding", tenant=Rights.READ, platform=Rights.WRITE),
        Isolate("CustomDomain", platform=Rights.WRITE),
        # A foreign key to a role cannot tell organizations apart, for built-in roles have none: the policy does.
        Isolate(
            "Invitation",
            rule=f"organization_id = {CONTEXT_ORGANIZATION} AND role_id IN (SELECT id FROM roles_role)",
        ),
        Isolate("ApiToken", platform=Rights.WRITE),
        # Before anyone is known, sign-in has to find a user by e-mail; an organization sees its own people.
        Isolate(
            "User",
            rule=f"id IN ({PEOPLE_HERE})",
            insert_rule="is_service",
            tenant=Rights.APPEND,
            assigned=Rights.READ,
            platform=Rights.WRITE,
            app=Rights.WRITE,
        ),
        Isolate(
            "knox.AuthToken",
            rule="digest IN (SELECT credential_id FROM accounts_apitoken)",
            insert_rule="true",
            platform=Rights.WRITE,
            app=Rights.WRITE,
        ),
        TieToOrganization("ApiToken", "user_id", "roles.Membership", to_column="user_id", on_delete="CASCADE"),
        Open("sessions.Session", app=Rights.WRITE, acting=Rights.WRITE),
        Open("contenttypes.ContentType"),
        Open("auth.Permission"),
        Open("auth.Group"),
        Open("account.EmailAddress", app=Rights.WRITE, acting=Rights.NONE),
        Open("account.EmailConfirmation", app=Rights.WRITE, acting=Rights.NONE),
        Open("mfa.Authenticator", app=Rights.WRITE, acting=Rights.NONE),
        Open("usersessions.UserSession", app=Rights.WRITE, acting=Rights.NONE),
        migrations.RunSQL(
            [
                "GRANT SELECT ON accounts_user_groups, accounts_user_user_permissions, auth_group_permissions"
                " TO iam_app, iam_tenant, iam_assigned, iam_platform",
                "GRANT SELECT, INSERT, UPDATE, DELETE ON account_emailaddress, account_emailconfirmation,"
                " mfa_authenticator, usersessions_usersession TO iam_platform",
                "GRANT SELECT, INSERT ON django_admin_log TO iam_platform",
                "GRANT SELECT ON django_migrations TO iam_app",
                "GRANT USAGE ON SEQUENCE account_emailaddress_id_seq, account_emailconfirmation_id_seq,"
                " mfa_authenticator_id_seq, usersessions_usersession_id_seq TO iam_app, iam_platform",
                "GRANT USAGE ON SEQUENCE django_admin_log_id_seq TO iam_platform",
            ],
            migrations.RunSQL.noop,
        ),
        DatabaseFunction("iam_standing(uuid, text, uuid, text)", STANDING, door=PLATFORM_ROLE, callers=[APP_ROLE]),
        DatabaseFunction("iam_public_organization(text, text)", PUBLIC_ORGANIZATION, door=PLATFORM_ROLE),
        DatabaseFunction("iam_places(uuid)", PLACES, door=PLATFORM_ROLE, callers=[APP_ROLE]),
        DatabaseFunction("iam_bump_version_by_user()", BUMP_BY_USER, door=PLATFORM_ROLE, callers=[]),
        DatabaseFunction("iam_bump_version_by_status()", BUMP_BY_STATUS, door=PLATFORM_ROLE, callers=[]),
        _update_trigger("accounts_user", "iam_bump_version_by_user"),
        _update_trigger("accounts_organization", "iam_bump_version_by_status"),
        Trigger("bump_version", "ApiToken", "iam_bump_version"),
    ]
