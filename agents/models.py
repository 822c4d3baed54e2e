"""Work that goes on by itself, for the person who started it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from accounts.models import Organization
from tenancy.ids import new_id


def import_path(run: ImportRun, filename: str) -> str:
    """Return where an uploaded file is stored: by organization and id, never by the name that its sender chose."""
    return f"imports/{run.organization_id}/{run.pk}.csv"


def refused_path(run: ImportRun, filename: str) -> str:
    """Return where the file of refused rows is stored."""
    return f"imports/{run.organization_id}/{run.pk}-refused.csv"


class ImportRun(models.Model):
    """One import of clients from a CSV file, acting for its uploader with the role they have as it runs."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="import_runs")
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    filename = models.CharField(max_length=200)
    file = models.FileField(upload_to=import_path, max_length=200)
    refused_file = models.FileField(upload_to=refused_path, max_length=200, blank=True)
    source_format = models.CharField(max_length=20, blank=True)
    mapping = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State.choices, default=State.QUEUED)
    total_rows = models.PositiveIntegerField(default=0)
    done_rows = models.PositiveIntegerField(default=0)
    created_clients = models.PositiveIntegerField(default=0)
    refused_rows = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=1000, blank=True)
    cancel_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to this run."""
        return self.state in {self.State.SUCCEEDED, self.State.FAILED, self.State.CANCELLED}
