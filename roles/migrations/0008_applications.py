"""An organization's own applications: their actions become permissions that its roles may hold, and resources in them
are granted to its people one by one."""

from importlib import import_module

import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q
from django.db.models.functions import Cast, Lower, Right

import tenancy.ids
from tenancy.context import ASSIGNED_ROLE, PLATFORM_ROLE, TENANT_ROLE
from tenancy.isolation import (
    CONTEXT_ORGANIZATION,
    CONTEXT_USER,
    DatabaseFunction,
    Isolate,
    Open,
    Rights,
    RowTrigger,
    TieToOrganization,
    Trigger,
)

ISOLATION = import_module("roles.migrations.0002_isolation")

# One of another organization's application is answered as one that does not exist.
GRANT_FITS = """iam_role_permission_fits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM roles_role r JOIN roles_permission p ON p.scope = r.scope
        WHERE r.id = NEW.role_id AND p.key = NEW.permission_id
            AND (p.organization_id IS NULL OR p.organization_id = r.organization_id)
    ) THEN
        RAISE check_violation USING
            MESSAGE = 'A role holds permissions of its own scope only, and none of another organization.',
            CONSTRAINT = 'roles_rolepermission_same_scope';
    END IF;
    RETURN NEW;
END $$"""

BUMP_BY_APPLICATION = """iam_bump_version_by_application() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    touched uuid;
    subjects uuid[];
BEGIN
    IF TG_TABLE_NAME = 'roles_application' THEN
        FOR touched, subjects IN SELECT organization_id, array_agg(id ORDER BY id) FROM changed GROUP BY 1 ORDER BY 1
        LOOP
            PERFORM iam_note_change(touched, 'application', subjects);
        END LOOP;
    ELSE
        FOR touched, subjects IN
            SELECT organization_id, array_agg(DISTINCT application_id ORDER BY application_id)
            FROM changed GROUP BY 1 ORDER BY 1
        LOOP
            PERFORM iam_note_change(touched, 'application', subjects);
        END LOOP;
    END IF;
    RETURN NULL;
END $$"""

# Outside services know an application by its slug: taking over another's would take over what is asked about it.
KEEPS_SLUG = """iam_application_keeps_slug() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.id, NEW.organization_id, NEW.slug)
       IS DISTINCT FROM (OLD.id, OLD.organization_id, OLD.slug) THEN
        RAISE check_violation USING MESSAGE = 'An application keeps its organization and its slug.',
            CONSTRAINT = 'roles_application_keeps_slug';
    END IF;
    RETURN NEW;
END $$"""

# That a permission is used is noted by whoever may know of it.
USE_RULE = f"organization_id = {CONTEXT_ORGANIZATION} AND role_id IN (SELECT id FROM roles_role)"
KNOWN = f"{USE_RULE} AND permission_id IN (SELECT key FROM roles_permission)"


def note_only(rule):
    """Yield the statements that change the rule by which an organization notes the use of a permission."""
    for role in (TENANT_ROLE, ASSIGNED_ROLE):
        yield f'ALTER POLICY "{role}_insert" ON roles_permissionuse WITH CHECK ({rule})'
        yield f'ALTER POLICY "{role}_update" ON roles_permissionuse WITH CHECK ({rule})'


# Their permissions would stay as ones of the catalogue. Forced row-level security would show the owner none to delete.
WITHOUT_APPLICATIONS = [
    *(
        statement
        for table in ("roles_rolepermission", "roles_permissionuse")
        for statement in (
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"DELETE FROM {table} WHERE permission_id LIKE 'app-%'",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        )
    ),
    "DELETE FROM roles_permission WHERE key LIKE 'app-%'",
    # No table is altered while checks of what was deleted from it are due.
    "SET CONSTRAINTS ALL IMMEDIATE",
    "SET CONSTRAINTS ALL DEFERRED",
]


def name_validator():
    return django.core.validators.RegexValidator(
        r"^[A-Za-z][A-Za-z0-9_.-]{0,39}\Z",
        "Use 1 to 40 letters, digits, dots, dashes and underscores, beginning with a letter.",
    )


def organization(**options):
    return models.ForeignKey(
        **{"editable": False, "on_delete": django.db.models.deletion.PROTECT, "related_name": "+", **options},
        to="accounts.organization",
    )


def tied(to, **options):
    """Return a reference that the database holds within the organization, and ends, by a constraint of its own."""
    return models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, to=to, **options)


def key():
    return models.UUIDField(default=tenancy.ids.new_id, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_initial"),
        ("roles", "0007_forgotten_changes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions("permission", {"ordering": ["position", "category", "key"]}),
        migrations.AddField("permission", "organization", organization(blank=True, null=True)),
        migrations.AddConstraint(
            "permission", models.UniqueConstraint(fields=["organization", "key"], name="roles_permission_org_key")
        ),
        migrations.AddConstraint(
            "permission",
            models.CheckConstraint(
                condition=(Q(organization=None) & ~Q(key__startswith="app-"))
                | Q(organization__isnull=False, key__startswith="app-", scope="TENANT"),
                name="roles_permission_application_is_of_organization",
            ),
        ),
        migrations.CreateModel(
            name="Application",
            fields=[
                ("id", key()),
                (
                    "slug",
                    models.CharField(
                        max_length=40,
                        validators=[
                            django.core.validators.RegexValidator(
                                r"^[a-z][a-z0-9-]{0,39}\Z",
                                "Use 1 to 40 small letters, digits and dashes, beginning with a letter.",
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=50)),
                ("description", models.CharField(blank=True, max_length=500)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("version", models.PositiveIntegerField(default=1, editable=False)),
                ("organization", organization(related_name="applications")),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.UniqueConstraint(fields=["organization", "slug"], name="roles_application_slug_unique"),
                    models.UniqueConstraint("organization", Lower("name"), name="roles_application_name_unique"),
                    models.UniqueConstraint(fields=["organization", "id"], name="roles_application_org_id"),
                    models.UniqueConstraint(
                        Right(Cast("id", models.CharField()), 8), name="roles_application_key_unique"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApplicationAction",
            fields=[
                ("id", key()),
                ("resource_type", models.CharField(max_length=40, validators=[name_validator()])),
                ("action", models.CharField(max_length=40, validators=[name_validator()])),
                ("name", models.CharField(max_length=100)),
                (
                    "reach",
                    models.CharField(
                        choices=[
                            ("all", "All of them"),
                            ("assigned", "Those granted to the person"),
                            ("own", "The person's own"),
                        ],
                        max_length=8,
                    ),
                ),
                ("owner_property", models.CharField(blank=True, max_length=40, validators=[name_validator()])),
                ("application", tied("roles.application", related_name="actions")),
                ("organization", organization()),
                ("permission", tied("roles.permission", related_name="application_actions")),
            ],
            options={
                "ordering": ["resource_type", "action"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=["organization", "application", "resource_type", "action"],
                        name="roles_applicationaction_unique",
                    ),
                    models.UniqueConstraint(
                        fields=["organization", "permission"], name="roles_applicationaction_one_per_permission"
                    ),
                    models.CheckConstraint(
                        condition=(Q(reach="own") & ~Q(owner_property="")) | (~Q(reach="own") & Q(owner_property="")),
                        name="roles_applicationaction_own_has_owner",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ResourceGrant",
            fields=[
                ("id", key()),
                ("resource_type", models.CharField(max_length=40)),
                ("resource_id", models.CharField(max_length=200)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("application", tied("roles.application", related_name="grants")),
                ("organization", organization(db_constraint=False)),
                ("user", tied(settings.AUTH_USER_MODEL, related_name="resource_grants")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=["organization", "application", "resource_type", "resource_id", "user"],
                        name="roles_resourcegrant_unique",
                    )
                ],
                "indexes": [models.Index(fields=["organization", "user"], name="roles_resourcegrant_by_person")],
            },
        ),
        migrations.RunSQL(
            migrations.RunSQL.noop,
            ["GRANT INSERT, UPDATE ON roles_permission TO iam_platform", *WITHOUT_APPLICATIONS],
        ),
        Isolate(
            "Permission",
            read_rule=f"organization_id IS NULL OR organization_id = {CONTEXT_ORGANIZATION}",
            assigned=Rights.READ,
            platform=Rights.WRITE,
            replaces=Open("Permission"),
        ),
        Isolate("Application", assigned=Rights.READ),
        Isolate("ApplicationAction", assigned=Rights.READ),
        Isolate("ResourceGrant", assigned=Rights.READ, assigned_rule=f"user_id = {CONTEXT_USER}"),
        TieToOrganization("ApplicationAction", "application_id", "Application", on_delete="CASCADE"),
        TieToOrganization("ApplicationAction", "permission_id", "Permission", to_column="key"),
        TieToOrganization("ResourceGrant", "application_id", "Application", on_delete="CASCADE"),
        TieToOrganization("ResourceGrant", "user_id", "Membership", to_column="user_id", on_delete="CASCADE"),
        migrations.RunSQL(list(note_only(KNOWN)), list(note_only(USE_RULE))),
        DatabaseFunction(
            "iam_role_permission_fits()",
            GRANT_FITS,
            door=PLATFORM_ROLE,
            callers=[],
            replaces=ISOLATION.GRANT_FITS,
        ),
        DatabaseFunction("iam_bump_version_by_application()", BUMP_BY_APPLICATION, door=PLATFORM_ROLE, callers=[]),
        DatabaseFunction("iam_application_keeps_slug()", KEEPS_SLUG, callers=[TENANT_ROLE]),
        RowTrigger("keeps_slug", "Application", "iam_application_keeps_slug"),
        Trigger("bump_version", "Application", "iam_bump_version_by_application"),
        Trigger("bump_version", "ApplicationAction", "iam_bump_version_by_application"),
        Trigger("bump_version", "ResourceGrant", "iam_bump_version"),
    ]
