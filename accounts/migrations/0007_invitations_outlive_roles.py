"""A closed invitation outlives the role that it offered, and the platform sees which invitations offer a role."""

import django.db.models.deletion
from django.db import migrations, models

from tenancy.context import ASSIGNED_ROLE, PLATFORM_ROLE, TENANT_ROLE
from tenancy.isolation import CONTEXT_ORGANIZATION

RULE = f"(organization_id = {CONTEXT_ORGANIZATION}) AND (role_id IS NULL OR role_id IN (SELECT id FROM roles_role))"
EARLIER_RULE = f"organization_id = {CONTEXT_ORGANIZATION} AND role_id IN (SELECT id FROM roles_role)"


def ruled_by(rule):
    """Return the statements that give an organization's policies on invitations this rule."""
    clauses = {
        "select": f"USING ({rule})",
        "insert": f"WITH CHECK ({rule})",
        "update": f"USING ({rule}) WITH CHECK ({rule})",
        "delete": f"USING ({rule})",
    }
    return [
        f'ALTER POLICY "{role}_{verb}" ON accounts_invitation {clause}'
        for role in (TENANT_ROLE, ASSIGNED_ROLE)
        for verb, clause in clauses.items()
    ]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0006_legacy_role"),
        ("roles", "0004_events_isolation"),
    ]

    operations = [
        migrations.AlterField(
            model_name="invitation",
            name="role",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to="roles.role"
            ),
        ),
        migrations.AddConstraint(
            model_name="invitation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("role__isnull", False),
                    ("accepted_at__isnull", False),
                    ("revoked_at__isnull", False),
                    _connector="OR",
                ),
                name="accounts_invitation_open_offers_a_role",
            ),
        ),
        migrations.RunSQL(
            [
                *ruled_by(RULE),
                f"GRANT SELECT ON accounts_invitation TO {PLATFORM_ROLE}",
                f'CREATE POLICY "{PLATFORM_ROLE}_select" ON accounts_invitation'
                f" FOR SELECT TO {PLATFORM_ROLE} USING (true)",
            ],
            [
                f'DROP POLICY "{PLATFORM_ROLE}_select" ON accounts_invitation',
                f"REVOKE SELECT ON accounts_invitation FROM {PLATFORM_ROLE}",
                *ruled_by(EARLIER_RULE),
            ],
        ),
    ]
