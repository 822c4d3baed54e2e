"""The filters of lists, shared by pages and API. Each narrows a queryset that clients.access has already narrowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import django_filters
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field

from clients import models
from clients.access import assignment_policy
from clients.search import LONGEST_QUERY, matching
from tenancy.policies import Verb


class Ordering(django_filters.ChoiceFilter):
    """One of a few named orders, the first unless told; anything else is refused.

    Each ends with the key, so that pages do not overlap.
    """

    def __init__(self, orders: Mapping[str, Sequence[Any]], **options: Any) -> None:
        self.orders = orders
        self.default = next(iter(orders))
        super().__init__(choices=[(name, name) for name in orders], empty_label=None, label="Ordering", **options)

    def filter(self, qs: QuerySet[Any], value: str) -> QuerySet[Any]:
        return qs.order_by(*self.orders[value or self.default])


@extend_schema_field(OpenApiTypes.BOOL)
class Flag(django_filters.TypedChoiceFilter):
    """`true` or `false`; anything else is refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=[("true", "Yes"), ("false", "No")], coerce=_truth, **options)


def _truth(value: str) -> bool:
    return value == "true"


NEWEST: Mapping[str, Sequence[str]] = {"-created_at": ("-created_at", "pk"), "created_at": ("created_at", "-pk")}


def by(*names: str) -> dict[str, Sequence[str]]:
    """Return both directions of ordering by each field, told apart by the key."""
    return {f"{sign}{name}": (f"{sign}{name}", f"{sign}pk") for name in names for sign in ("", "-")}


BY_STATUS: Mapping[str, Sequence[str]] = {"status": ("status", "name", "pk"), "-status": ("-status", "-name", "-pk")}


class ClientFilter(django_filters.FilterSet):
    """Clients by words, status, industry, country, and by who is assigned."""

    q = django_filters.CharFilter(
        method="search", label="Words of the name, address or external id", max_length=LONGEST_QUERY
    )
    status = django_filters.ChoiceFilter(choices=models.Client.Status.choices)
    industry = django_filters.CharFilter(max_length=100)
    country = django_filters.CharFilter(max_length=100)
    external_id = django_filters.CharFilter(max_length=100)
    assigned_to = django_filters.UUIDFilter(method="by_person", label="Assigned to the person of this user id")
    unassigned = Flag(method="by_nobody", label="Assigned to nobody")
    ordering = Ordering({**by("name"), **NEWEST, **BY_STATUS})

    class Meta:
        model = models.Client
        fields: Sequence[str] = []

    def search(self, queryset: QuerySet[models.Client], name: str, value: str) -> QuerySet[models.Client]:
        return matching(queryset, value)

    def by_person(self, queryset: QuerySet[models.Client], name: str, value: UUID) -> QuerySet[models.Client]:
        """Keep the clients of one person, as far as the actor knows who is assigned."""
        grants = assignment_policy.visible(self.request.actor).filter(user_id=value)
        return queryset.filter(pk__in=grants.values("content_object_id"))

    def by_nobody(self, queryset: QuerySet[models.Client], name: str, value: bool) -> QuerySet[models.Client]:
        """Keep the clients with nobody assigned (or with somebody); none for an actor who may not know."""
        if not assignment_policy.permits(self.request.actor, Verb.VIEW):
            return queryset.none()
        known = assignment_policy.visible(self.request.actor)
        assigned = Exists(known.filter(content_object_id=OuterRef("pk"), organization_id=OuterRef("organization_id")))
        return queryset.filter(~assigned if value else assigned)


class ItemFilter(django_filters.FilterSet):
    """Things of a workspace by client and, where a kind has text to find it by, by part of that text."""

    searched: Sequence[str] = ()

    client = django_filters.UUIDFilter(field_name="client_id", label="Of the client of this id")
    q = django_filters.CharFilter(method="search", label="Part of the text", max_length=LONGEST_QUERY)

    def search(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        for word in value.split():
            queryset = queryset.filter(Q.create([(f"{field}__icontains", word) for field in self.searched], Q.OR))
        return queryset


class ContactFilter(ItemFilter):
    searched = ("first_name", "last_name", "email", "title")
    is_primary = Flag()
    ordering = Ordering({**NEWEST, **by("last_name", "first_name", "email")})


class CampaignFilter(ItemFilter):
    searched = ("name",)
    status = django_filters.ChoiceFilter(choices=models.Campaign.Status.choices)
    channel = django_filters.ChoiceFilter(choices=models.Campaign.Channel.choices)
    ordering = Ordering({**NEWEST, **by("name", "starts_on", "status")})


class DocumentFilter(ItemFilter):
    searched = ("title", "filename")
    content_type = django_filters.CharFilter(max_length=100)
    ordering = Ordering({**NEWEST, **by("title", "size")})


#: What is still to be done first, of it what is due first.
PRESSING: Mapping[str, Sequence[Any]] = {
    "pressing": (
        ExpressionWrapper(
            Q(status__in=[models.Task.Status.DONE, models.Task.Status.CANCELLED]), output_field=BooleanField()
        ),
        F("due_on").asc(nulls_last=True),
        "pk",
    )
}


class TaskFilter(ItemFilter):
    searched = ("title", "description")
    status = django_filters.ChoiceFilter(choices=models.Task.Status.choices)
    priority = django_filters.ChoiceFilter(choices=models.Task.Priority.choices)
    assignee = django_filters.UUIDFilter(field_name="assignee_id", label="Given to the membership of this id")
    due_before = django_filters.DateFilter(field_name="due_on", lookup_expr="lte", label="Due on this day or before")
    ordering = Ordering({**NEWEST, **by("title", "due_on", "status"), **PRESSING})


class NoteFilter(ItemFilter):
    searched = ("body",)
    pinned = Flag()
    ordering = Ordering(NEWEST)


class InvoiceFilter(ItemFilter):
    searched = ("number",)
    status = django_filters.ChoiceFilter(choices=models.Invoice.Status.choices)
    currency = django_filters.ChoiceFilter(choices=models.workspace.CURRENCIES)
    ordering = Ordering({**NEWEST, **by("number", "issued_on", "due_on", "amount")})


class ConnectionFilter(ItemFilter):
    searched = ("account_name", "external_account_id")
    provider = django_filters.ChoiceFilter(choices=models.Connection.Provider.choices)
    status = django_filters.ChoiceFilter(choices=models.Connection.Status.choices)
    ordering = Ordering({**NEWEST, **by("account_name", "provider")})


ITEM_FILTERS: Mapping[type[models.WorkspaceItem], type[ItemFilter]] = {
    models.Contact: ContactFilter,
    models.Campaign: CampaignFilter,
    models.Document: DocumentFilter,
    models.Task: TaskFilter,
    models.Note: NoteFilter,
    models.Invoice: InvoiceFilter,
    models.Connection: ConnectionFilter,
}
