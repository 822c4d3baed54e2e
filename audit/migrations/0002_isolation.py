"""Records are append-only for the application: each organization reads its own, and nobody changes or deletes one."""

from django.db import migrations

from tenancy.isolation import CONTEXT_USER, Isolate, Rights

OWN = f"actor_id = {CONTEXT_USER}"


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial"), ("roles", "0002_isolation")]

    operations = [
        Isolate(
            model,
            tenant=Rights.APPEND,
            assigned_rule=OWN,
            assigned_insert_rule="true",
            platform=Rights.APPEND,
            app=Rights.ADD,
            app_rule="organization_id IS NULL",
        )
        for model in ("AccessRecord", "ModelChange")
    ]
