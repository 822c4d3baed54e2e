"""The answers that the API keeps by Idempotency-Key: each person reads their own."""

from django.db import migrations, models

import tenancy.ids
from tenancy.isolation import CONTEXT_ORGANIZATION, CONTEXT_USER, Isolate, Rights


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []

    operations = [
        migrations.CreateModel(
            name="IdempotentAnswer",
            fields=[
                ("id", models.UUIDField(default=tenancy.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("organization_id", models.UUIDField(null=True)),
                ("user_id", models.UUIDField()),
                ("key", models.CharField(max_length=255)),
                ("fingerprint", models.CharField(max_length=64)),
                ("status", models.PositiveSmallIntegerField()),
                ("headers", models.JSONField(default=dict)),
                ("body", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "indexes": [models.Index(fields=["user_id", "created_at"], name="tenancy_answer_by_age")],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization_id", "user_id", "key"), name="tenancy_answer_once", nulls_distinct=False
                    )
                ],
            },
        ),
        Isolate(
            "IdempotentAnswer",
            rule=f"organization_id = {CONTEXT_ORGANIZATION} AND user_id = {CONTEXT_USER}",
            platform=Rights.WRITE,
            platform_rule=f"organization_id IS NULL AND user_id = {CONTEXT_USER}",
        ),
    ]
