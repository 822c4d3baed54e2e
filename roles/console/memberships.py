"""Memberships in the console: the platform's to assign, change and remove, the organizations' to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.utils.formats import date_format
from unfold.decorators import display

from roles import access
from roles.actions import AssignRole, RemoveMembership
from roles.console.chips import role_chip
from roles.models import Membership, Role
from tenancy.actors import Actor, Scope
from tenancy.console import ConsoleVerb, GuardedAdmin
from tenancy.policies import Verb


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
        return obj is None or access.target_denial(request.actor, obj, access.ASSIGN_PLATFORM) is None

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

    @display(description="since", ordering="assigned_at")
    def since(self, membership: Membership) -> str:
        return date_format(membership.assigned_at, "j M Y")

    @display(description="assigned by")
    def by(self, membership: Membership) -> str:
        return str(membership.assigned_by or "–")


def assignable_roles(actor: Actor) -> models.QuerySet[Role]:
    """Return the platform's roles that the actor may assign now (ASSIGN-2)."""
    usable = Role.objects.usable_in(None)
    denials = access.assignment_denials(actor, usable)
    return usable.filter(pk__in=[role_id for role_id, denial in denials.items() if denial is None])
