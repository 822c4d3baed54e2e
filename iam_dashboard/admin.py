"""What the console shows of several rooms at once: organizations by the imports at work in them, and the explorer."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import SimpleListFilter, site
from django.db import models

from accounts.admin import OrganizationAdmin
from agents.models import ImportRun
from iam_dashboard.explorer import ExplorerPages
from iam_dashboard.home import WATCH_JOBS
from tenancy.policies import decide


class ImportingFilter(SimpleListFilter):
    """Organizations with an import queued or running, for those who may watch the jobs."""

    title = "imports"
    parameter_name = "importing"

    def lookups(self, request: Any, model_admin: Any) -> list[tuple[str, str]]:
        return [] if decide(request.actor, WATCH_JOBS) else [("now", "At work")]

    def queryset(self, request: Any, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.value() != "now" or decide(request.actor, WATCH_JOBS):
            return queryset
        at_work = ImportRun.objects.filter(state__in=ImportRun.GOING_ON).values("organization_id")
        return queryset.filter(pk__in=at_work)


OrganizationAdmin.list_filter = (*OrganizationAdmin.list_filter, ImportingFilter)

site.register_pages(ExplorerPages)  # type: ignore[attr-defined]
