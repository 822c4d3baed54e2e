"""Organizations and users in the console."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.http import urlencode
from unfold.decorators import display
from unfold.widgets import UnfoldAdminEmailInputWidget

from accounts import access
from accounts.actions import organizations, users
from accounts.models import Organization, User
from roles.admin import role_chip
from roles.models import Membership
from tenancy.console import ConsoleVerb, GuardedAdmin, GuardedFilter, GuardedInline
from tenancy.policies import Verb

SECOND_FACTORS = ("totp", "webauthn")
DAY = "j M Y"


class NewOrganizationForm(forms.ModelForm):
    """An organization and its first owner."""

    owner_email = forms.EmailField(
        label="E-mail address of the first owner",
        widget=UnfoldAdminEmailInputWidget,
        help_text="They get an e-mail with a link to start. An account is made for them if they have none.",
    )


class PeopleInline(GuardedInline):
    """The people of an organization: those whom the actor may see at all, with the role they have."""

    model = Membership
    verbose_name_plural = "people"
    fields = readonly_fields = ("person", "email", "role_held", "since", "state")

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return access.user_policy.permits(request.actor, Verb.VIEW)

    def get_queryset(self, request: Any) -> models.QuerySet[Membership]:
        visible = access.user_policy.visible(request.actor)
        members = Membership.objects.visible_to(request.actor).filter(user__in=visible)
        return members.select_related("user", "role").order_by("-role__priority", "user__name", "user__email")

    @display(description="name")
    def person(self, membership: Membership) -> str:
        address = reverse("admin:accounts_user_change", args=(membership.user_id,))
        return format_html('<a class="console-link" href="{}">{}</a>', address, membership.user)

    @display(description="e-mail address")
    def email(self, membership: Membership) -> str:
        return membership.user.email

    @display(description="role")
    def role_held(self, membership: Membership) -> str:
        return role_chip(membership.role)

    @display(description="since")
    def since(self, membership: Membership) -> str:
        return date_format(membership.created_at, DAY)

    @display(description="account")
    def state(self, membership: Membership) -> str:
        return _state(membership.user)


class PlaceInline(GuardedInline):
    """Where a person has a role."""

    model = Membership
    fk_name = "user"
    verbose_name_plural = "roles"
    fields = readonly_fields = ("place", "role_held", "since")

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return access.user_policy.permits(request.actor, Verb.VIEW)

    def get_queryset(self, request: Any) -> models.QuerySet[Membership]:
        members = Membership.objects.visible_to(request.actor).select_related("organization", "role")
        return members.order_by("organization__name")

    @display(description="where")
    def place(self, membership: Membership) -> str:
        return str(membership.organization or "Platform")

    @display(description="role")
    def role_held(self, membership: Membership) -> str:
        return role_chip(membership.role)

    @display(description="since")
    def since(self, membership: Membership) -> str:
        return date_format(membership.created_at, DAY)


@admin.register(Organization)
class OrganizationAdmin(GuardedAdmin):
    """Organizations: create with a first owner, rename, suspend, restore."""

    section, icon = "People", "apartment"
    offers = frozenset({Verb.VIEW, Verb.ADD, Verb.CHANGE})
    list_key = access.LIST_ORGANIZATIONS
    found_by_site_search = True
    verbs = (
        ConsoleVerb(
            name="suspend",
            label="Suspend",
            explanation="From the next request on their people and tokens are refused everywhere and see why."
            " Nothing is deleted, and restoring brings everything back.",
            done="Suspended: {}.",
            action=organizations.SuspendOrganization,
            keys=(access.SUSPEND,),
            asks_reason=True,
            is_dangerous=True,
        ),
        ConsoleVerb(
            name="restore",
            label="Restore",
            explanation="Their people and tokens are let in again from the next request on.",
            done="Restored: {}.",
            action=organizations.RestoreOrganization,
            keys=(access.RESTORE,),
        ),
    )
    inlines = (PeopleInline,)
    list_display = ("name", "slug", "state", "people", "created")
    list_filter = ("status",)
    search_fields = ("name", "slug")
    ordering = ("name",)

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewOrganizationForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Organization | None = None) -> tuple[Any, ...]:
        if obj is None:
            return ("name", "slug", "owner_email")
        suspension = [("suspended_at", "suspension_reason")] if obj.status == Organization.Status.SUSPENDED else []
        return ("name", ("slug", "state", "created_at"), *suspension)

    def get_readonly_fields(self, request: HttpRequest, obj: Organization | None = None) -> tuple[str, ...]:
        return () if obj is None else ("slug", "state", "suspended_at", "suspension_reason", "created_at")

    def get_queryset(self, request: Any) -> models.QuerySet[Organization]:
        members = Membership.objects.filter(organization=OuterRef("pk")).order_by().values("organization")
        counted = members.annotate(number=Count("pk")).values("number")
        return super().get_queryset(request).annotate(people_count=Coalesce(Subquery(counted), 0))

    def get_list_display(self, request: Any) -> list[str]:
        """Return the columns; how many people there are is for those who may see people."""
        columns = list(super().get_list_display(request))
        return (
            columns if access.user_policy.permits(request.actor, Verb.VIEW) else [c for c in columns if c != "people"]
        )

    def save_model(self, request: Any, obj: Organization, form: Any, change: bool) -> None:
        """Create or rename."""
        if change:
            organizations.UpdateOrganization(request.actor, obj.pk, obj.name).execute()
            return
        owner = form.cleaned_data["owner_email"]
        obj.pk = organizations.CreateOrganization(request.actor, obj.name, obj.slug, owner).execute().pk

    @display(description="status", ordering="status", label={"Active": "success", "Suspended": "danger"})
    def state(self, organization: Organization) -> str:
        return organization.get_status_display()

    @display(description="people", ordering="people_count")
    def people(self, organization: Organization) -> str:
        listed = f"{reverse('admin:accounts_user_changelist')}?{urlencode({'organization': organization.pk})}"
        return format_html('<a class="console-link" href="{}">{}</a>', listed, organization.people_count)  # type: ignore[attr-defined]

    @display(description="created", ordering="created_at")
    def created(self, organization: Organization) -> str:
        return date_format(organization.created_at, DAY)


class PlaceFilter(GuardedFilter):
    """Users by an organization they have a role in."""

    title = "organization"
    parameter_name = "organization"
    related = Organization
    field = "memberships__organization"


class SecondFactorFilter(admin.SimpleListFilter):
    """Users with a second factor, and without."""

    title = "second factor"
    parameter_name = "second_factor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Set up"), ("no", "Not set up")]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        return queryset.filter(has_second_factor=self.value() == "yes") if self.value() in {"yes", "no"} else queryset


def _verb(name: str, label: str, explanation: str, done: str, action: Any, **how: Any) -> ConsoleVerb:
    """Return a verb on users. A permission that both kinds of people need is declared on its route."""
    needed = tuple(key for key in action.keys.people if key in action.keys.staff)
    return ConsoleVerb(name, label, explanation, done, action, keys=needed, held=action.keys.held_at_all, **how)


@admin.register(User)
class UserAdmin(GuardedAdmin):
    """Users, to read, and what support does to an account."""

    section, icon = "People", "group"
    list_key = access.LIST_USERS
    found_by_site_search = True
    verbs = (
        _verb(
            "send-password-reset",
            "Send a password link",
            "They get an e-mail with a link that sets a new password. The old one works until then.",
            "Sent a password link to {}.",
            users.SendPasswordReset,
        ),
        _verb(
            "end-sessions",
            "End all sessions",
            "Each of their browsers has to sign in again. Tokens stay.",
            "Ended the sessions of {}.",
            users.EndSessions,
        ),
        _verb(
            "remove-second-factors",
            "Remove second factors",
            "Their authenticator app, passkeys and recovery codes are removed. Make sure that it is them who ask.",
            "Removed the second factors of {}.",
            users.RemoveSecondFactors,
            is_dangerous=True,
        ),
        _verb(
            "ban",
            "Ban",
            "They are signed out, and no session or token of theirs works from the next request on.",
            "Banned: {}.",
            users.BanUser,
            asks_reason=True,
            is_dangerous=True,
        ),
        _verb("unban", "Unban", "They can sign in again, with the roles they have.", "Unbanned: {}.", users.UnbanUser),
    )
    inlines = (PlaceInline,)
    list_display = ("person", "state", "second_factor", "places", "last_seen")
    list_filter = ("is_active", SecondFactorFilter, "is_service", PlaceFilter)
    search_fields = ("email", "name")
    search_help_text = "A part of an e-mail address or a name"
    ordering = ("email",)
    fields = (("name", "email"), ("state", "banned_at"), ("second_factor", "last_login"), "created_at")
    readonly_fields = ("name", "email", "state", "banned_at", "second_factor", "last_login", "created_at")

    def get_queryset(self, request: Any) -> models.QuerySet[User]:
        factors = Authenticator.objects.filter(user=OuterRef("pk"), type__in=SECOND_FACTORS)
        counted = Count("memberships", filter=Q(memberships__organization__isnull=False), distinct=True)
        return super().get_queryset(request).annotate(has_second_factor=Exists(factors), place_count=counted)

    @display(description="person", ordering="email", header=True)
    def person(self, user: User) -> Any:
        return [str(user), user.email if user.name else ""]

    @display(
        description="account",
        ordering="is_active",
        label={"Active": "success", "Banned": "danger", "Inactive": "warning", "Service account": "info"},
    )
    def state(self, user: User) -> str:
        return _state(user)

    @display(description="second factor", label={"Set up": "success"})
    def second_factor(self, user: User) -> str:
        return "Set up" if user.has_second_factor else "Not set up"  # type: ignore[attr-defined]

    @display(description="organizations")
    def places(self, user: User) -> int:
        return user.place_count  # type: ignore[attr-defined, no-any-return]

    @display(description="last sign-in", ordering="last_login")
    def last_seen(self, user: User) -> str:
        return date_format(user.last_login, DAY) if user.last_login else "never"


def _state(user: User) -> str:
    if user.banned_at is not None:
        return "Banned"
    if not user.is_active:
        return "Inactive"
    return "Service account" if user.is_service else "Active"
