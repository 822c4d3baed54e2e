from django.db import migrations

from tenancy.isolation import CONTEXT_USER, Isolate


class Migration(migrations.Migration):
    dependencies = [("agents", "0001_initial"), ("accounts", "0003_isolation")]

    operations = [Isolate("ImportRun", assigned_rule=f"started_by_id = {CONTEXT_USER}")]
