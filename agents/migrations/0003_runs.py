"""Runs that wait to be started, are taken up again when a worker dies, and keep why each refused row was refused."""

import django.db.models.deletion
from django.db import migrations, models

from tenancy.context import PLATFORM_ROLE
from tenancy.isolation import CONTEXT_USER, Isolate, TieToOrganization

OWN_RUNS = f"(SELECT id FROM agents_importrun WHERE started_by_id = {CONTEXT_USER})"
#: What the platform sees of a run: enough to find one that stands still and to count them, not what is imported.
PLATFORM_COLUMNS = "id, organization_id, state, heartbeat_at, created_at"
STATES = [
    ("draft", "Not started"),
    ("queued", "Queued"),
    ("running", "Running"),
    ("succeeded", "Done"),
    ("failed", "Failed"),
    ("cancelled", "Cancelled"),
]


class Migration(migrations.Migration):
    dependencies = [("agents", "0002_isolation"), ("accounts", "0003_isolation")]

    operations = [
        migrations.AlterModelOptions(name="importrun", options={"ordering": ["-created_at", "-id"]}),
        migrations.AddField("importrun", "attempt", models.PositiveIntegerField(default=0, editable=False)),
        migrations.AddField("importrun", "created_contacts", models.PositiveIntegerField(default=0)),
        migrations.AddField("importrun", "heartbeat_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.AddField("importrun", "message", models.CharField(blank=True, editable=False, max_length=64)),
        migrations.AlterField("importrun", "state", models.CharField(choices=STATES, default="draft", max_length=9)),
        migrations.AddIndex(
            "importrun",
            models.Index(fields=["organization", "-created_at", "-id"], name="agents_importrun_org_created"),
        ),
        migrations.AddIndex(
            "importrun",
            models.Index(
                condition=models.Q(("state__in", ["draft", "queued", "running"])),
                fields=["heartbeat_at"],
                name="agents_importrun_unfinished",
            ),
        ),
        migrations.AddConstraint(
            "importrun", models.UniqueConstraint(fields=("organization", "id"), name="agents_importrun_org_id")
        ),
        migrations.CreateModel(
            name="RefusedRow",
            fields=[
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.organization",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="refused",
                        to="agents.importrun",
                    ),
                ),
                ("row", models.PositiveIntegerField(help_text="The line of the file on which the row starts.")),
                ("errors", models.JSONField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "organization_id",
                        "run_id",
                        "row",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
            ],
            options={"ordering": ["row"]},
        ),
        Isolate("RefusedRow", assigned_rule=f"run_id IN {OWN_RUNS}"),
        TieToOrganization("RefusedRow", "run_id", "ImportRun", on_delete="CASCADE"),
        migrations.RunSQL(
            [
                f"GRANT SELECT ({PLATFORM_COLUMNS}) ON agents_importrun TO {PLATFORM_ROLE}",
                f"CREATE POLICY {PLATFORM_ROLE}_select ON agents_importrun FOR SELECT TO {PLATFORM_ROLE} USING (true)",
            ],
            [
                f"DROP POLICY {PLATFORM_ROLE}_select ON agents_importrun",
                f"REVOKE SELECT ({PLATFORM_COLUMNS}) ON agents_importrun FROM {PLATFORM_ROLE}",
            ],
        ),
    ]
