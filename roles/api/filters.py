"""What the lists of roles, permissions, people and events are filtered and ordered by."""

from __future__ import annotations

import django_filters
from django.db.models import Q, QuerySet

from roles import catalogue
from roles.models import SCOPES, Membership, Permission, Role, RoleEvent, RoleEventKind
from tenancy.api.filtering import MomentFilter, Ordering

LONGEST = 200


class RoleFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(method="matching", max_length=LONGEST, label="Part of the name or of the slug.")
    name = django_filters.CharFilter("name", max_length=LONGEST, label="The slug.")
    scope = django_filters.ChoiceFilter(choices=SCOPES)
    organization = django_filters.UUIDFilter("organization_id", label="Whose own role it is.")
    ordering = Ordering(fields=["name", "display_name", "scope", "priority", "people", "created_at", "updated_at"])

    class Meta:
        model = Role
        fields = ["is_active", "is_system"]

    def matching(self, rows: QuerySet[Role], name: str, text: str) -> QuerySet[Role]:
        """Return the roles with the text in their name or slug, whatever its case."""
        return rows.filter(Q(display_name__icontains=text) | Q(name__icontains=text))


class PermissionFilter(django_filters.FilterSet):  # type: ignore[misc]
    scope = django_filters.ChoiceFilter(choices=SCOPES)
    category = django_filters.ChoiceFilter(
        choices=[(category, category) for category in dict.fromkeys(e.category for e in catalogue.entries().values())]
    )
    ordering = Ordering(fields=["position", "key"])

    class Meta:
        model = Permission
        fields: list[str] = []


class TeamPermissionFilter(PermissionFilter):
    application = django_filters.CharFilter(
        "application_actions__application__slug", max_length=40, label="Those of the application of this slug."
    )


class HolderFilter(django_filters.FilterSet):  # type: ignore[misc]
    q = django_filters.CharFilter(method="matching", max_length=LONGEST, label="Part of the name or of the address.")
    organization = django_filters.UUIDFilter("organization_id", label="Where they have it.")
    ordering = Ordering(fields={"user__name": "name", "user__email": "email", "assigned_at": "since"})

    class Meta:
        model = Membership
        fields: list[str] = []

    def matching(self, rows: QuerySet[Membership], name: str, text: str) -> QuerySet[Membership]:
        """Return those of people with the text in their name or address, whatever its case."""
        return rows.filter(Q(user__name__icontains=text) | Q(user__email__icontains=text))


class EventFilter(django_filters.FilterSet):  # type: ignore[misc]
    kind = django_filters.MultipleChoiceFilter(choices=RoleEventKind.choices, label="One kind, or several repeated.")
    since = MomentFilter("at", "gte", label="Not before this time.")
    until = MomentFilter("at", "lt", label="Before this time.")
    ordering = Ordering(fields={"id": "at"})

    class Meta:
        model = RoleEvent
        fields: list[str] = []
