"""The last day on which each permission of a role was used, under the row-level security of the role's own use."""

import django.db.models.deletion
from django.db import migrations, models

from tenancy.isolation import CONTEXT_ORGANIZATION, Isolate, Rights


class Migration(migrations.Migration):
    dependencies = [("roles", "0004_events_isolation")]

    operations = [
        migrations.CreateModel(
            name="PermissionUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("last_used_on", models.DateField()),
                (
                    "organization",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, to="accounts.organization"
                    ),
                ),
                (
                    "permission",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="uses", to="roles.permission"
                    ),
                ),
                (
                    "role",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="permission_uses",
                        to="roles.role",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("role", "permission", "organization"),
                        name="roles_permissionuse_one_per_place",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        Isolate(
            "PermissionUse",
            rule=f"organization_id = {CONTEXT_ORGANIZATION} AND role_id IN (SELECT id FROM roles_role)",
            platform=Rights.WRITE,
        ),
        migrations.RunSQL(
            [
                "GRANT USAGE ON SEQUENCE roles_permissionuse_id_seq TO iam_tenant, iam_assigned, iam_platform",
                # To delete a role takes no statement more for its notes; and it waits for whoever is noting its use.
                "ALTER TABLE roles_permissionuse ADD CONSTRAINT roles_permissionuse_role_exists"
                " FOREIGN KEY (role_id) REFERENCES roles_role (id) ON DELETE CASCADE",
            ],
            migrations.RunSQL.noop,
        ),
    ]
