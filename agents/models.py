"""Work that goes on by itself, for the person who started it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Organization
from tenancy.actors import Actor, Reach
from tenancy.ids import new_id

#: A run whose worker has not been heard of for this long is taken up by another.
LEASE = timedelta(minutes=2)
#: An upload that nobody started is not kept longer than this.
DRAFT_LIFETIME = timedelta(days=1)


def import_path(run: ImportRun, filename: str) -> str:
    """Return where an uploaded file is stored: by organization and id, never by the name that its sender chose."""
    return f"imports/{run.organization_id}/{run.pk}.csv"


def refused_path(run: ImportRun, filename: str) -> str:
    """Return where the file of refused rows is stored."""
    return f"imports/{run.organization_id}/{run.pk}-refused.csv"


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def visible_to(self, actor: Actor) -> ImportRunQuerySet:
        """Return the runs of the actor's organization; to assigned reach only their own."""
        runs = self.filter(organization_id=actor.organization_id)
        return runs.filter(started_by_id=actor.user_id) if actor.reach is Reach.ASSIGNED else runs

    def stranded(self, now: datetime | None = None) -> ImportRunQuerySet:
        """Return the runs that should be going on and have not been heard of for a while."""
        return self.filter(state__in=ImportRun.GOING_ON, heartbeat_at__lt=(now or timezone.now()) - LEASE)

    def forgotten(self, now: datetime | None = None) -> ImportRunQuerySet:
        """Return the uploads that nobody started within their lifetime."""
        oldest = (now or timezone.now()) - DRAFT_LIFETIME
        return self.filter(state=ImportRun.State.DRAFT, created_at__lt=oldest)


class ImportRun(models.Model):
    """One import of clients from a CSV file, acting for its uploader with the role they have as it runs.

    `attempt` counts the workers that took it up: each writes only as long as it is the latest, so that no two work on
    it. `message` is the queue's message that the latest came with, `heartbeat_at` when it was last heard of.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Not started"
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    GOING_ON = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="import_runs")
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    filename = models.CharField(max_length=200)
    file = models.FileField(upload_to=import_path, max_length=200)
    refused_file = models.FileField(upload_to=refused_path, max_length=200, blank=True)
    source_format = models.CharField(max_length=20, blank=True)
    mapping = models.JSONField(default=dict)
    state = models.CharField(max_length=9, choices=State.choices, default=State.DRAFT)
    total_rows = models.PositiveIntegerField(default=0)
    done_rows = models.PositiveIntegerField(default=0)
    created_clients = models.PositiveIntegerField(default=0)
    created_contacts = models.PositiveIntegerField(default=0)
    refused_rows = models.PositiveIntegerField(default=0)
    problem = models.CharField(max_length=1000, blank=True)
    cancel_requested = models.BooleanField(default=False)
    attempt = models.PositiveIntegerField(default=0, editable=False)
    message = models.CharField(max_length=64, blank=True, editable=False)
    heartbeat_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["organization", "id"], name="agents_importrun_org_id")]
        indexes = [
            models.Index(fields=["organization", "-created_at", "-id"], name="agents_importrun_org_created"),
            models.Index(
                fields=["heartbeat_at"],
                condition=Q(state__in=["draft", "queued", "running"]),
                name="agents_importrun_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return self.filename

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to this run."""
        return self.state in {self.State.SUCCEEDED, self.State.FAILED, self.State.CANCELLED}

    @property
    def is_going_on(self) -> bool:
        """Whether the run waits for a worker or has one."""
        return self.state in self.GOING_ON

    def is_held(self, now: datetime | None = None) -> bool:
        """Whether a worker has been heard of lately."""
        if self.state != self.State.RUNNING or self.heartbeat_at is None:
            return False
        return self.heartbeat_at > (now or timezone.now()) - LEASE


class RefusedRow(models.Model):
    """A row that was not imported and why, as pairs of column and message. Its cells are in the uploaded file."""

    organization = models.ForeignKey(Organization, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False)
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="refused", db_constraint=False)
    row = models.PositiveIntegerField(help_text="The line of the file on which the row starts.")
    errors = models.JSONField()
    pk = models.CompositePrimaryKey("organization_id", "run_id", "row")

    class Meta:
        ordering = ["row"]

    def __str__(self) -> str:
        return f"Row {self.row}"
