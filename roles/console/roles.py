"""The list of roles, and the routes of all pages about them (ADM-2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.views.main import PAGE_VAR
from django.db import models
from django.db.models import Count, Max, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.html import format_html_join
from django.utils.http import urlencode
from django.utils.safestring import mark_safe
from unfold.decorators import display
from unfold.templatetags.unfold_list import result_headers

from roles import access
from roles.console import comparing, creating, deleting, describing, history, people, selection, tabs
from roles.console.chips import role_chip
from roles.console.rows import RoleList, icons_of_rows
from roles.console.selection import BULK
from roles.models import SCOPES, Membership, Role, RoleUse
from roles.templates import templates_of
from tenancy.actors import Scope
from tenancy.console import ConsoleRoute, GuardedAdmin, GuardedFilter
from tenancy.policies import Verb, decide

READ, CREATE, UPDATE, DELETE = (access.PLATFORM_ROLE_KEYS[verb] for verb in Verb)
CHANGING = (READ, UPDATE)
GIVING = (READ, access.LIST_ROLES, access.ASSIGN_PLATFORM)
_SELECTED = mark_safe(" selected")


class OrganizationFilter(GuardedFilter):
    """The roles of one organization."""

    title = "organization"
    parameter_name = "organization"
    field = "organization"
    related = Role._meta.get_field("organization").related_model  # type: ignore[assignment]


@admin.register(Role)
class RoleAdmin(GuardedAdmin):
    """Roles: the list here, each other page in a module of its own."""

    section, icon = "Access", "badge"
    offers = frozenset({Verb.VIEW, Verb.ADD, Verb.CHANGE, Verb.DELETE})
    list_key = access.LIST_ROLES
    found_by_site_search = True
    list_per_page = 25
    show_full_result_count = False
    change_list_template = "admin/roles/list.html"
    list_display = ("name_", "where", "parent_", "priority", "permissions_", "people", "last_used", "status")
    list_filter = ("is_system", "is_active", OrganizationFilter)
    search_fields = ("display_name", "name", "description")
    ordering = ("scope", "-priority", "display_name")
    routes = (
        ConsoleRoute("add", "add/", creating.create, (CREATE,)),
        ConsoleRoute("compare", "compare/", comparing.compare, (READ,)),
        ConsoleRoute("selection", "selection/", selection.selection, (READ,)),
        ConsoleRoute("describe-new", "describe/", describing.describe_new, (CREATE,), only_post=True),
        ConsoleRoute("change", "<uuid:pk>/change/", tabs.details, (READ,), CHANGING),
        ConsoleRoute("permissions", "<uuid:pk>/permissions/", tabs.permissions, (READ,), CHANGING),
        ConsoleRoute("describe", "<uuid:pk>/describe/", describing.describe_role, (READ,), only_post=True),
        ConsoleRoute("people", "<uuid:pk>/people/", people.assigned, (READ, access.LIST_ROLES)),
        ConsoleRoute("people-add", "<uuid:pk>/people/add/", people.add, GIVING),
        ConsoleRoute("people-remove", "<uuid:pk>/people/remove/", people.remove, GIVING, only_post=True),
        ConsoleRoute("history", "<uuid:pk>/history/", history.history, (READ, access.PLATFORM_HISTORY)),
        ConsoleRoute("restore", "<uuid:pk>/restore/", tabs.restore, (*CHANGING, access.PLATFORM_HISTORY)),
        ConsoleRoute("activate", "<uuid:pk>/activate/", tabs.switch_on, CHANGING),
        ConsoleRoute("deactivate", "<uuid:pk>/deactivate/", tabs.switch_off, CHANGING),
        ConsoleRoute("delete", "<uuid:pk>/delete/", deleting.delete, (READ, DELETE)),
    )

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Whether the address may filter by `lookup`: the tabs filter by scope."""
        return lookup == "scope__exact" or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: Any) -> models.QuerySet[Role]:
        """Return the roles that the actor may view, each with its number of people and the day of its last use."""
        held = Membership.objects.filter(role=OuterRef("pk")).order_by().values("role")
        used = RoleUse.objects.filter(role=OuterRef("pk")).order_by().values("role")
        rows: models.QuerySet[Role] = super().get_queryset(request)
        return rows.select_related("organization", "parent").annotate(
            people_count=Coalesce(Subquery(held.annotate(n=Count("pk")).values("n")), 0),
            used_on=Subquery(used.annotate(day=Max("last_used_on")).values("day")),
        )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[RoleList]:
        return RoleList

    def changelist_view(self, request: Any, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Answer the list, or lead a selection to the page that asks about it."""
        request.GET = _filled_in(request.GET)
        response: Any = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None)
        if context is not None and "cl" in context:
            context.update(self._beside(request, context["cl"]))
        return response  # type: ignore[no-any-return]

    def _beside(self, request: Any, listed: RoleList) -> dict[str, Any]:
        """Return what the list shows around its rows."""
        scope = request.GET.get("scope__exact", "")
        kept = {name: value for name, value in request.GET.items() if name not in {"p", "scope__exact", "e"}}
        return {
            "icons": icons_of_rows(),
            "headers": [header for header in result_headers(listed) if "action-checkbox" not in header["class_attrib"]],
            "scope": scope,
            "scope_tabs": [
                {
                    "title": title,
                    "url": f"?{urlencode({**kept, **({'scope__exact': value} if value else {})})}",
                    "current": value == scope,
                }
                for value, title in (("", "All"), *SCOPES)
            ],
            "fields": list(self._filter_fields(request, listed)),
            "is_narrowed": bool(kept.keys() - {"o"}),
            "order": request.GET.get("o", ""),
            "previous": listed.get_query_string({PAGE_VAR: listed.page_num - 1}) if listed.page_num > 1 else "",
            "next": listed.get_query_string({PAGE_VAR: listed.page_num + 1})
            if listed.page_num < listed.paginator.num_pages
            else "",
            "bulk": [one for one in BULK.values() if self.policy and not self.policy.refusal(request.actor, one.verb)],
            "starters": self._starters(request, scope, listed.result_list),
            "may_create": self.has_add_permission(request),
        }

    def _filter_fields(self, request: Any, listed: RoleList) -> Any:
        """Yield each filter as a choice of a plain form."""
        offered: list[tuple[str, str, list[Any]]] = [
            ("is_system__exact", "Kind", [("1", "Built in"), ("0", "Custom")]),
            ("is_active__exact", "Status", [("1", "Active"), ("0", "Inactive")]),
        ]
        places = next((spec for spec in listed.filter_specs if isinstance(spec, OrganizationFilter)), None)
        if places is not None and places.lookup_choices:
            offered.append(("organization", "Organization", list(places.lookup_choices)))
        for name, label, options in offered:
            chosen = request.GET.get(name, "")
            drawn = format_html_join(
                "",
                '<option value="{}"{}>{}</option>',
                ((value, _SELECTED if str(value) == chosen else "", title) for value, title in (("", "All"), *options)),
            )
            yield {"name": name, "label": label, "value": chosen, "options": drawn}

    def _starters(self, request: Any, scope: str, roles: Iterable[Role]) -> list[Any]:
        """Return templates to start from, for each scope that has no custom role yet."""
        if not self.has_add_permission(request) or self.policy is None:
            return []
        shown = {role.scope for role in roles if not role.is_system}
        custom: Any = self.policy.visible(request.actor).custom()  # type: ignore[attr-defined]
        wanted = [one for one in Scope if scope in {"", one} and one not in shown]
        bare = [one for one in wanted if not custom.filter(scope=one).exists()]
        return [template for one in bare for template in templates_of(one)]

    def get_actions(self, request: Any) -> dict[str, tuple[Callable[..., Any], str, str]]:
        """Return what may be done to a selection."""
        offered: dict[str, tuple[Callable[..., Any], str, str]] = {"compare": (_compare, "compare", "Compare")}
        for bulk in BULK.values():
            if decide(request.actor, access.PLATFORM_ROLE_KEYS[bulk.verb]) is None:
                offered[bulk.name] = (_select(bulk.name), bulk.name, bulk.label)
        return offered

    @display(description="name", ordering="display_name")
    def name_(self, role: Role) -> str:
        return role_chip(role)

    @display(description="scope", ordering="scope")
    def where(self, role: Role) -> str:
        return str(role.organization or role.get_scope_display())

    @display(description="base role", ordering="parent__display_name")
    def parent_(self, role: Role) -> str:
        return str(role.parent or "")

    @display(description="permissions")
    def permissions_(self, role: Role) -> str:
        return ""  # drawn by the row, which knows what is inherited

    @display(description="people", ordering="people_count")
    def people(self, role: Role) -> int:
        return role.people_count  # type: ignore[attr-defined, no-any-return]

    @display(description="last used", ordering="used_on")
    def last_used(self, role: Role) -> date | None:
        return role.used_on  # type: ignore[attr-defined, no-any-return]

    @display(description="status", ordering="is_active")
    def status(self, role: Role) -> str:
        return "Active" if role.is_active else "Inactive"


def _filled_in(query: QueryDict) -> QueryDict:
    """Return the query without what the form of filters sends of a field that nobody filled in."""
    kept = QueryDict(mutable=True)
    for name, values in query.lists():
        if any(values):
            kept.setlist(name, values)
    return kept


def _compare(page: RoleAdmin, request: HttpRequest, chosen: Any) -> HttpResponse:
    """Lead from two rows of the list to the page that compares them."""
    keys = [str(pk) for pk in chosen.values_list("pk", flat=True)[:3]]
    if len(keys) != 2:
        messages.error(request, "Choose two roles to compare.")
        return HttpResponseRedirect(request.get_full_path())
    return HttpResponseRedirect(f"{page.address('compare')}?{urlencode({'a': keys[0], 'b': keys[1]})}")


def _select(verb: str) -> Callable[..., HttpResponse]:
    def lead(page: RoleAdmin, request: HttpRequest, chosen: Any) -> HttpResponse:
        keys = [str(pk) for pk in chosen.values_list("pk", flat=True)[: selection.MOST_AT_ONCE + 1]]
        return HttpResponseRedirect(f"{page.address('selection')}?{urlencode({'verb': verb, 'pk': keys}, doseq=True)}")

    return lead
