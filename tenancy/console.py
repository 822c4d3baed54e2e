"""What every page of the platform console has in common: the roles decide, and changes go through actions."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from tenancy.policies import Verb, policy_for


class GuardedAdmin(ModelAdmin):  # type: ignore[misc]
    """A console page of a guarded model: every door of the Django admin asks the model's policy.

    Nothing is deleted here and nothing saved but through an action: a subclass overrides `save_model` to call one.
    """

    actions_on_top = True
    list_per_page = 50
    show_full_result_count = False
    list_fullwidth = True

    def _permits(self, request: Any, verb: Verb, obj: models.Model | None = None) -> bool:
        policy = policy_for(self.model)
        return policy is not None and policy.permits(request.actor, verb, obj)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._permits(request, Verb.VIEW, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._permits(request, Verb.ADD)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._permits(request, Verb.CHANGE, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._permits(request, Verb.DELETE, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return any(self._permits(request, verb) for verb in Verb)

    def get_queryset(self, request: Any) -> models.QuerySet[Any]:
        """Return the rows that the actor may view: the list and the check are one."""
        policy = policy_for(self.model)
        if policy is None or request.actor is None:
            return self.model._default_manager.none()
        ordering = self.get_ordering(request)
        rows = policy.visible(request.actor)
        return rows.order_by(*ordering) if ordering else rows

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        raise NotImplementedError(f"{type(self).__name__}.save_model calls the action that saves.")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__}.delete_model calls the action that deletes.")

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in queryset:
            self.delete_model(request, obj)
