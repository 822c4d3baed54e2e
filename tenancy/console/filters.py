"""List filters that show nobody the name of a thing they may not see (threat 13)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest

from tenancy.policies import policy_for

MOST_CHOICES = 200


class GuardedFilter(SimpleListFilter):
    """A filter by a related object: its choices are the ones the actor may view, and no other value finds anything.

    Django's own filter by a foreign key lists every object there is.
    """

    related: ClassVar[type[models.Model]]
    field: ClassVar[str]
    #: The field of the related objects that they are called by.
    label: ClassVar[str] = "name"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: type[models.Model], admin: Any) -> None:
        policy = policy_for(self.related)
        actor = request.actor  # type: ignore[attr-defined]
        self.choosable = self.related._default_manager.none() if policy is None else policy.visible(actor)
        super().__init__(request, params, model, admin)

    def narrowed(self, related: models.QuerySet[Any]) -> models.QuerySet[Any]:
        """Return which of the visible objects are offered."""
        return related

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        named = self.narrowed(self.choosable).values_list("pk", self.label)[:MOST_CHOICES]
        return [(str(pk), name) for pk, name in named]

    def has_output(self) -> bool:
        return bool(self.lookup_choices) or self.value() is not None

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        chosen = self.value()
        if chosen is None:
            return queryset
        try:
            return queryset.filter(**{f"{self.field}__in": self.choosable.filter(pk=chosen)})
        except (ValueError, ValidationError):
            return queryset.none()
