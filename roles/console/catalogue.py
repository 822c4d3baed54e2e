"""The catalogue of permissions in the console, to read."""

from __future__ import annotations

from django.contrib import admin
from unfold.decorators import display

from roles.models import Permission
from tenancy.console import GuardedAdmin


@admin.register(Permission)
class PermissionAdmin(GuardedAdmin):
    """The catalogue, in its own order."""

    section, icon = "Access", "key"
    list_display = ("label", "key", "scope", "category")
    list_filter = ("scope", "category")
    search_fields = ("key", "name")
    ordering = ("position",)
    list_per_page = 100
    fields = ("label", "key", "scope", "category", "holders")
    readonly_fields = ("label", "holders")

    @display(description="permission")
    def label(self, permission: Permission) -> str:
        return permission.name

    @display(description="held by itself, without inheritance")
    def holders(self, permission: Permission) -> str:
        return ", ".join(str(role) for role in permission.roles.order_by("scope", "-priority")) or "no role"
