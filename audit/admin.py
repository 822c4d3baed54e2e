"""The record in the console: to read, by filters and exact searches that an index answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from unfold.decorators import display

from audit.models import AccessRecord, Decision, ModelChange
from tenancy import context
from tenancy.console import CappedList, CappedPaginator, GuardedAdmin
from tenancy.policies import Verb, policy_for

PERIODS = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last 24 hours", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
    "month": ("Last 30 days", timedelta(days=30)),
    "any": ("Any time", None),
}
USUAL_PERIOD = "week"


class SinceFilter(admin.SimpleListFilter):
    """How far back the list goes: a week, unless told, so that it opens fast however long the record is."""

    title = "time"
    parameter_name = "since"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, label) for value, (label, _) in PERIODS.items()]

    def value(self) -> str:
        chosen = super().value()
        return chosen if chosen in PERIODS else USUAL_PERIOD

    def choices(self, changelist: Any) -> Any:
        """Return the periods without Django's “All”, which is one of them."""
        for value, label in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": label,
            }

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        back = PERIODS[self.value()][1]
        if back is None:
            return queryset
        moment = timezone.now() - back
        return queryset.since(moment) if hasattr(queryset, "since") else queryset.filter(timestamp__gte=moment)


class ExactFilter(admin.SimpleListFilter):
    """A filter that a link sets, and that shows only while it is set."""

    field: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        given = request.GET.get(self.parameter_name or "")
        return [(given, given)] if given else []

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(**{self.field: self.value()}) if self.value() else queryset


class ObjectFilter(ExactFilter):
    title = "object"
    parameter_name = "object"
    field = "object_pk"


class RequestFilter(ExactFilter):
    title = "request"
    parameter_name = "request"
    field = "cid"


class RecordAdmin(GuardedAdmin):
    """What both kinds of record have in common."""

    section = "Record"
    has_history = False
    paginator = CappedPaginator
    show_full_result_count = False
    list_max_show_all = 0
    sortable_by: tuple[str, ...] = ()
    list_filter_sheet = False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CappedList]:
        return CappedList

    def people_called(self, word: str) -> models.QuerySet[Any]:
        """Return the users of that e-mail address: the record keeps their ids."""
        return get_user_model()._default_manager.filter(email=word.strip().lower())

    @display(description="from")
    def origin(self, record: Any) -> str:
        return record.interface or "–"


@admin.register(AccessRecord)
class AccessRecordAdmin(RecordAdmin):
    """Access attempts: who, what, on what, the decision and why."""

    icon = "shield_person"
    list_display = ("time", "actor", "action", "object", "decided", "why", "origin")
    list_filter = (SinceFilter, "decision", "interface")
    search_fields = ("request_id",)
    search_help_text = "The whole of an e-mail address, a permission, an object's id, or a request id"
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": (("at", "decided", "why"), ("actor", "role"), ("organization", "on_behalf_of_id"))}),
        ("What", {"fields": ("action", "operation", ("resource_type", "resource_id"), "told")}),
        ("From where", {"fields": (("interface", "status"), ("address", "request_id"), "user_agent")}),
    )
    readonly_fields = ("actor", "organization", "decided", "why", "told")

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[AccessRecord], search_term: str
    ) -> tuple[models.QuerySet[AccessRecord], bool]:
        """Return the records that name the word exactly: each of the columns asked has an index, or a period."""
        word = search_term.replace("\x00", "").strip()
        if not word:
            return queryset, False
        if "@" in word:
            return queryset.filter(actor_id__in=self.people_called(word).values("pk")), False
        if ":" in word:
            return queryset.filter(action=word), False
        return queryset.filter(Q(request_id=word) | Q(resource_id=word)), False

    @display(description="time")
    def time(self, record: AccessRecord) -> str:
        return _moment(record.at)

    @display(description="who")
    def actor(self, record: AccessRecord) -> str:
        return record.actor_label

    @display(description="on what")
    def object(self, record: AccessRecord) -> str:
        if not record.resource_type:
            return "–"
        kind = record.resource_type.partition(".")[2]
        return format_html(
            '{} <span class="console-faint" title="{}">{}</span>', kind, record.resource_id, record.resource_id[-8:]
        )

    @display(description="decision", label={"Allowed": "success", "Denied": "danger"})
    def decided(self, record: AccessRecord) -> str:
        return Decision(record.decision).label

    @display(description="organization")
    def organization(self, record: AccessRecord) -> str:
        return str(record.organization_id or "the platform")

    @display(description="detail")
    def told(self, record: AccessRecord) -> str:
        return _pre(record.detail) if record.detail else "–"


@admin.register(ModelChange)
class ModelChangeAdmin(RecordAdmin):
    """Changes of objects: who changed what, from what to what."""

    icon = "history"
    list_display = ("time", "changed_by", "done", "object", "changed_fields", "origin")
    list_filter = (SinceFilter, "action", ObjectFilter, RequestFilter)
    search_fields = ("object_pk",)
    search_help_text = "The whole of an e-mail address, an object's id, or a request id"
    ordering = ("-timestamp", "-id")
    list_select_related = ("content_type",)
    fieldsets = (
        (None, {"fields": (("timestamp", "done"), ("changed_by", "object"), "difference")}),
        ("From where", {"fields": (("interface", "remote_addr"), "cid")}),
    )
    readonly_fields = ("changed_by", "done", "object", "difference")

    def get_search_results(
        self, request: HttpRequest, queryset: models.QuerySet[ModelChange], search_term: str
    ) -> tuple[models.QuerySet[ModelChange], bool]:
        """Return the changes that name the word exactly."""
        word = search_term.replace("\x00", "").strip()
        if not word:
            return queryset, False
        if "@" in word:
            return queryset.filter(actor__in=self.people_called(word)), False
        return queryset.filter(Q(object_pk=word) | Q(cid=word)), False

    @display(description="time")
    def time(self, change: ModelChange) -> str:
        return _moment(change.timestamp)

    @display(description="who")
    def changed_by(self, change: ModelChange) -> str:
        return change.actor_email or "–"

    @display(description="what", label={"Created": "success", "Changed": "info", "Deleted": "danger"})
    def done(self, change: ModelChange) -> str:
        return {0: "Created", 1: "Changed", 2: "Deleted"}.get(change.action, "Read")

    @display(description="object")
    def object(self, change: ModelChange) -> str:
        model = change.content_type.model_class() if change.content_type_id else None
        kind = model._meta.verbose_name if model is not None else "–"
        address = self._address_of(model, change.object_pk)
        if address is None:
            return f"{kind}: {change.object_repr}"
        return format_html('{}: <a class="console-link" href="{}">{}</a>', kind, address, change.object_repr)

    def _address_of(self, model: type[models.Model] | None, pk: str) -> str | None:
        """Return the address of the object's page in the console, where it has one that the reader may open."""
        policy = policy_for(model) if model is not None else None
        if model is None or policy is None or not self.admin_site.is_registered(model):
            return None
        if not policy.permits(context.current_actor(), Verb.VIEW):
            return None
        return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=(pk,))

    @display(description="fields")
    def changed_fields(self, change: ModelChange) -> str:
        return ", ".join(sorted(change.changes or {})) or "–"

    @display(description="difference")
    def difference(self, change: ModelChange) -> str:
        rows = format_html_join("", "<tr><th>{}</th><td>{}</td><td>{}</td></tr>", _rows(change.changes or {}))
        return format_html(
            '<table class="console-table"><thead><tr><th>Field</th><th>Before</th><th>After</th></tr></thead>'
            "<tbody>{}</tbody></table>",
            rows,
        )


def _moment(moment: datetime) -> str:
    return format_html(
        '<span class="console-nowrap">{}</span>', timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S")
    )


def _rows(changes: dict[str, Any]) -> list[tuple[str, str, str]]:
    show: Callable[[Any], str] = lambda value: "–" if value in (None, "None", "") else str(value)  # noqa: E731
    rows = []
    for name, change in sorted(changes.items()):
        if isinstance(change, dict):
            rows.append((name, "–", f"{change.get('operation', '')}: {', '.join(change.get('objects', []))}"))
        else:
            before, after = (*change, None, None)[:2]
            rows.append((name, show(before), show(after)))
    return rows


def _pre(detail: Any) -> str:
    return format_html('<pre class="console-pre">{}</pre>', json.dumps(detail, indent=2, ensure_ascii=False))
