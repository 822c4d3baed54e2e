"""What the record is searched by, besides its time: a request, an object, and denials."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_isolation")]

    operations = [
        migrations.AlterModelOptions("accessrecord", {"ordering": ["-id"], "verbose_name": "access attempt"}),
        migrations.AlterModelOptions(
            "modelchange",
            {
                "get_latest_by": "timestamp",
                "ordering": ["-timestamp"],
                "verbose_name": "change",
                "verbose_name_plural": "changes",
            },
        ),
        migrations.AddIndex("accessrecord", models.Index(fields=["request_id"], name="audit_access_request_id")),
        migrations.AddIndex(
            "accessrecord",
            models.Index(
                condition=models.Q(("resource_id", ""), _negated=True),
                fields=["resource_id", "-id"],
                name="audit_access_resource_id",
            ),
        ),
        migrations.AddIndex(
            "accessrecord",
            models.Index(condition=models.Q(("decision", "deny")), fields=["-id"], name="audit_access_denied"),
        ),
    ]
