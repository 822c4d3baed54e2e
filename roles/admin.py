"""Roles, the catalogue and memberships in the console."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Count
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from unfold.decorators import display

from roles import access
from roles.actions import AssignRole, RemoveMembership
from roles.family import family_of
from roles.inheritance import held_permissions
from roles.models import SCOPES, Membership, Permission, Role
from tenancy.actors import Actor, Scope
from tenancy.console import ConsoleVerb, GuardedAdmin
from tenancy.errors import AccessDenied, ActionRefused
from tenancy.policies import Verb

MOST_MEMBERS = 50


def role_chip(role: Role) -> str:
    """Return the role's colored chip with its icon, and the badge of a built-in one."""
    return render_to_string("admin/role_chip.html", {"role": role})


@admin.register(Role)
class RoleAdmin(GuardedAdmin):
    """Roles, to read: editing them is a page of its own."""

    section, icon = "Access", "badge"
    list_key = access.LIST_ROLES
    found_by_site_search = True
    change_form_template = "admin/role.html"
    list_display = ("chip", "description", "where", "priority", "people", "status")
    list_filter = ("is_system", "is_active")
    search_fields = ("display_name", "name", "description")
    ordering = ("scope", "-priority", "display_name")
    fields = (("chip", "name", "status"), ("where", "reach", "priority"), ("parent", "description"))
    readonly_fields = ("chip", "where", "status")

    def tabs(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the tabs of the list: all roles, and those of each scope."""
        listed = reverse("admin:roles_role_changelist")
        chosen = request.GET.get("scope__exact", "")
        return [
            {
                "title": title,
                "link": f"{listed}?{urlencode({'scope__exact': scope})}" if scope else listed,
                "active": chosen == scope,
                "has_permission": True,
            }
            for scope, title in (("", "All"), *SCOPES)
        ]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Whether the address may filter by `lookup`: the tabs filter by scope."""
        return lookup == "scope__exact" or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: Any) -> models.QuerySet[Role]:
        counted = Count("memberships", distinct=True)
        rows: models.QuerySet[Role] = super().get_queryset(request)
        return rows.select_related("organization", "parent").annotate(people_count=counted)

    def panels(self, request: Any, obj: Role) -> Mapping[str, Any]:
        """Return the role's permissions by category, the line it inherits from, and who has it."""
        members = obj.memberships.visible_to(request.actor).select_related("user", "organization").order_by("-id")
        family = family_of(None, obj.pk)
        held = held_permissions(obj, family)
        return {
            "held": held,
            "held_count": sum(len(permissions) for permissions in held.values()),
            "line": family.line(obj.pk)[1:],
            "members": members[:MOST_MEMBERS],
            "member_count": members.count(),
        }

    @display(description="name", ordering="display_name")
    def chip(self, role: Role) -> str:
        return role_chip(role)

    @display(description="scope", ordering="scope")
    def where(self, role: Role) -> str:
        return f"{role.get_scope_display()} · {role.organization}" if role.organization else role.get_scope_display()

    @display(description="people", ordering="people_count")
    def people(self, role: Role) -> int:
        return role.people_count  # type: ignore[attr-defined, no-any-return]

    @display(description="status", ordering="is_active", label={"Active": "success", "Inactive": "warning"})
    def status(self, role: Role) -> str:
        return "Active" if role.is_active else "Inactive"


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


@dataclass(frozen=True)
class RemoveFromPlatform:
    """Take a person's role on the platform away."""

    actor: Actor
    pk: UUID

    def check(self, membership: Membership) -> None:
        access.membership_policy.get(self.actor, membership.pk, Verb.DELETE)
        RemoveMembership(self.actor, membership).check()

    def execute(self) -> None:
        """Remove the membership. Raises NotVisible or AccessDenied for one outside the platform."""
        RemoveMembership(
            self.actor, access.membership_policy.get(self.actor, self.pk, Verb.DELETE, lock=True)
        ).execute()


class PlatformRoleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A person and their role on the platform."""

    def clean_user(self) -> Any:
        user = self.cleaned_data["user"]
        if Membership.objects.filter(user=user, organization=None).exists():
            raise ValidationError("This person has a role on the platform already: change that one.")
        return user


class ScopeFilter(admin.SimpleListFilter):
    """Which memberships are listed: those of the platform, or of organizations."""

    title = "scope"
    parameter_name = "scope"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(Scope.PLATFORM.value, "Platform"), (Scope.TENANT.value, "Organizations")]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        if self.value() not in set(Scope):
            return queryset
        return queryset.filter(organization__isnull=self.value() == Scope.PLATFORM)


@admin.register(Membership)
class MembershipAdmin(GuardedAdmin):
    """Who has which role: the platform's to assign, change and remove; the organizations' to read."""

    section, icon = "Access", "assignment_ind"
    offers = frozenset({Verb.VIEW, Verb.ADD, Verb.CHANGE})
    verbs = (
        ConsoleVerb(
            name="remove",
            label="Remove from the platform",
            explanation="They lose their role on the platform with the next request. Their account and what they are in"
            " organizations stays.",
            done="Removed: {}.",
            action=RemoveFromPlatform,
            keys=(access.ASSIGN_PLATFORM,),
            is_dangerous=True,
        ),
    )
    form = PlatformRoleForm
    list_display = ("person", "chip", "where", "since", "by")
    list_filter = (ScopeFilter,)
    search_fields = ("user__email__startswith", "user__name__istartswith")
    search_help_text = "The beginning of an e-mail address or a name"
    list_select_related = ("user", "role", "organization", "assigned_by")
    ordering = ("-id",)
    autocomplete_fields = ("user",)
    readonly_fields = ("holder", "where", "since", "by")

    def has_change_permission(self, request: Any, obj: Membership | None = None) -> bool:
        """Whether the actor may change `obj`: not their own, and not the one of someone above."""
        if not super().has_change_permission(request, obj):
            return False
        return obj is None or _is_allowed(access.require_may_act_on, request.actor, obj, access.ASSIGN_PLATFORM)

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return ("user", "role") if obj is None else ("holder", "role", "where", "since", "by")

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Return the field, whose choices are the roles that the actor may assign on the platform."""
        if db_field.name == "role":
            kwargs["queryset"] = assignable_roles(request.actor)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: Any, obj: Membership, form: Any, change: bool) -> None:
        """Assign the role chosen."""
        obj.pk = AssignRole(request.actor, obj.user, obj.role).execute().pk

    @display(description="person", ordering="user__email", header=True)
    def person(self, membership: Membership) -> Any:
        user: Any = membership.user
        return [str(user), user.email if user.name else ""]

    @display(description="person")
    def holder(self, membership: Membership) -> str:
        user: Any = membership.user
        return f"{user.name} ({user.email})" if user.name else user.email

    @display(description="role", ordering="role__priority")
    def chip(self, membership: Membership) -> str:
        return role_chip(membership.role)

    @display(description="where", ordering="organization__name")
    def where(self, membership: Membership) -> str:
        return str(membership.organization or "Platform")

    @display(description="since", ordering="created_at")
    def since(self, membership: Membership) -> str:
        return date_format(membership.created_at, "j M Y")

    @display(description="assigned by")
    def by(self, membership: Membership) -> str:
        return str(membership.assigned_by or "–")


def assignable_roles(actor: Actor) -> models.QuerySet[Role]:
    """Return the platform's roles that the actor may assign now (ASSIGN-2)."""
    usable = Role.objects.usable_in(None)
    return usable.filter(pk__in=[role.pk for role in usable if _is_allowed(access.require_assignable, actor, role)])


def _is_allowed(rule: Callable[..., None], *asked: Any) -> bool:
    try:
        rule(*asked)
    except (AccessDenied, ActionRefused):
        return False
    return True
