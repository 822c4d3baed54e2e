"""Assignments end with their client in the database, where the foreign key has cascaded all along."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("clients", "0002_isolation")]

    operations = [
        migrations.AlterField(
            model_name="clientgrant",
            name="content_object",
            field=models.ForeignKey(
                db_column="client_id",
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="grants",
                to="clients.client",
            ),
        ),
    ]
