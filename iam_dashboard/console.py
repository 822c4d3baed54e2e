"""The platform console: the Django admin, where every page asks the roles (ADM-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, reverse
from django.utils.http import urlencode
from django.views.generic import RedirectView
from unfold.dataclasses import SearchResult
from unfold.sites import UnfoldAdminSite

from iam_dashboard.home import latest_denials, stat_cards
from tenancy.actors import Scope
from tenancy.console import ConsolePages, GuardedAdmin
from tenancy.console.pages import HISTORY_KEY
from tenancy.errors import AccessDenied, Denial, Reason
from tenancy.policies import Verb, policy_for
from tenancy.routes import Requirement, declares, member, permission

#: Which verb each view of a ModelAdmin is; a view that is not listed here cannot be taken.
VERB_OF_VIEW: Mapping[str, Mapping[str, Verb]] = {
    "changelist_view": {"get": Verb.VIEW, "post": Verb.VIEW},
    "add_view": {"get": Verb.ADD, "post": Verb.ADD},
    "change_view": {"get": Verb.VIEW, "post": Verb.CHANGE},
    "delete_view": {"get": Verb.DELETE, "post": Verb.DELETE},
    "history_view": {"get": Verb.VIEW, "post": Verb.VIEW},
}
OWN_PAGES = {
    "index": member("the console's home lists what the role may use"),
    "app_index": member("lists what the role may use of one room"),
    "password_change": member("redirects to the person's own account"),
    "password_change_done": member("redirects to the person's own account"),
    "i18n_javascript": member("the console's translations"),
    "search": member("searches among what the role may use"),
    "toggle_sidebar": member("a preference kept in the session"),
    "autocomplete_view": member("answers rows of models the role may view"),
}
#: The key of what no page offers: nobody holds it.
NOBODY = "none:none"
#: The product's own accent, from nearly white to nearly black.
PRIMARY = {
    "50": "#f2f4fe",
    "100": "#e5e8fd",
    "200": "#cdd3fb",
    "300": "#aab4f6",
    "400": "#8592f0",
    "500": "#6171e6",
    "600": "#3d4fd1",
    "700": "#3341b0",
    "800": "#2b378f",
    "900": "#262f73",
    "950": "#181d47",
}
SECTIONS = ("People", "Access", "Record")
MOST_FOUND = 10


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc]
    """An admin site whose login is the product's own, and whose doors are the roles' permissions."""

    final_catch_all_view = False
    enable_nav_sidebar = True
    index_title = "Home"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")
        self.standalone: list[ConsolePages] = []

    def register_pages(self, pages: type[ConsolePages]) -> None:
        """Register pages that are about no single model."""
        self.standalone.append(pages(self))

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register pages that the roles govern; leave out those of installed packages, which check too little."""
        if admin_class is not None and issubclass(admin_class, GuardedAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the request acts on the platform, whatever the user's flags say."""
        actor = getattr(request, "actor", None)
        return actor is not None and actor.scope is Scope.PLATFORM

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        """Return the view behind the site's own checks. What Django refuses inside it is recorded like any denial."""

        @wraps(view)
        def told(*args: Any, **kwargs: Any) -> Any:
            try:
                return view(*args, **kwargs)
            except AccessDenied:
                raise
            except PermissionDenied as refused:
                raise AccessDenied(Denial(Reason.MISSING_PERMISSION, sentence=str(refused))) from refused

        if getattr(view, "__func__", None) is ConsoleSite.logout:
            return view  # signing out is open to whoever may not be here any more
        guarded: Callable[..., Any] = super().admin_view(told, cacheable)
        return guarded

    # Signing in and out.

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the one sign-in of the product, with its limits and its second factor."""
        target = request.GET.get("next") or reverse("admin:index")
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': target})}")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Sign out as the product does and lead to its sign-in. A mere link only leads to the page that asks."""
        if request.method != "POST":
            return HttpResponseRedirect(reverse("account_logout"))
        get_adapter(request).logout(request)
        return HttpResponseRedirect(reverse("account_login"))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the person's own account, where a change of password asks for the old one."""
        return HttpResponseRedirect(reverse("account_change_password"))

    # What every page shows.

    def pages(self, request: HttpRequest) -> list[GuardedAdmin]:
        """Return the pages whose list the actor may see, in the order of the menu."""
        seen = [page for page in self._registry.values() if page.has_module_permission(request)]
        return sorted(
            seen, key=lambda page: SECTIONS.index(page.section) if page.section in SECTIONS else len(SECTIONS)
        )

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        shown: dict[str, Any] = super().each_context(request)
        shown.update(
            colors={**shown["colors"], "primary": PRIMARY},
            styles=[*shown["styles"], static("css/console.css")],
            site_favicons=[{"rel": "icon", "href": static("icons/favicon.svg"), "type": "image/svg+xml"}],
            site_url=reverse("start"),
            sidebar_show_search=True,
            is_fullwidth="1",
        )
        return shown

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the menu: the home, and the pages that the actor may use, section by section."""
        groups: dict[str, list[dict[str, Any]]] = {
            "": [_item(request, "Home", "home", reverse("admin:index"), exact=True)]
        }
        for page in self.pages(request):
            address = reverse(f"{self.name}:{page.opts.app_label}_{page.opts.model_name}_changelist")
            title = str(page.opts.verbose_name_plural).capitalize()
            groups.setdefault(page.section, []).append(_item(request, title, page.icon, address))
        for pages in self.standalone:
            if pages.may_be_used_by(request.actor):  # type: ignore[attr-defined]
                item = _item(request, pages.title, pages.icon, pages.home, below=pages.root)
                groups.setdefault(pages.section, []).append(item)
        return [{"title": title, "items": items} for title, items in groups.items()]

    def get_tabs_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Return the tabs above lists, as their pages tell."""
        return [
            {"models": [str(page.opts)], "items": page.tabs(request)}
            for page in self._registry.values()
            if hasattr(page, "tabs")
        ]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Answer the platform's home: its figures, each leading to its list."""
        actor = request.actor  # type: ignore[attr-defined]
        figures = {"cards": stat_cards(actor), "denials": latest_denials(actor)}
        return super().index(request, {**(extra_context or {}), **figures})

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Answer pages by their name and objects by their page's own search, among what the actor may view now."""
        words = request.GET.get("s", "").replace("\x00", "").strip()
        if not words:
            return HttpResponse()
        found = [result for page in self.pages(request) for result in self._found(request, page, words)]
        found += [
            SearchResult(pages.title, "page", pages.home, pages.icon)
            for pages in self.standalone
            if words.lower() in pages.title.lower() and pages.may_be_used_by(request.actor)  # type: ignore[attr-defined]
        ]
        return TemplateResponse(request, "admin/found.html", {"results": found})

    def _found(self, request: HttpRequest, page: GuardedAdmin, words: str) -> Iterable[SearchResult]:
        route = f"{self.name}:{page.opts.app_label}_{page.opts.model_name}"
        kind = str(page.opts.verbose_name_plural)
        if words.lower() in kind.lower():
            yield SearchResult(kind.capitalize(), "list", reverse(f"{route}_changelist"), page.icon)
        if page.found_by_site_search:
            rows, _ = page.get_search_results(request, page.get_queryset(request), words)
            for obj in rows[:MOST_FOUND]:
                yield SearchResult(str(obj), kind, reverse(f"{route}_change", args=(obj.pk,)), page.icon)

    # What each route needs.

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the admin's routes, each marked with what it needs; one that is left unmarked stops start-up."""
        patterns: list[URLPattern | URLResolver] = [url for pages in self.standalone for url in pages.urls]
        patterns += super().get_urls()
        self._declare(patterns)
        return patterns

    def _declare(self, patterns: Iterable[URLPattern | URLResolver]) -> None:
        for entry in patterns:
            if isinstance(entry, URLResolver):
                self._declare(entry.url_patterns)
            elif (declared := self._requirement(_method_behind(entry.callback))) is not None:
                declares(declared)(entry.callback)

    def _requirement(self, view: Callable[..., Any]) -> Requirement | Mapping[str, Requirement] | None:
        given: Requirement | Mapping[str, Requirement] | None = getattr(view, "requires", None)
        if given is not None:
            return given
        if getattr(view, "view_class", None) is RedirectView:
            return member("an old address of a change page")
        owner, name = getattr(view, "__self__", None), getattr(view, "__name__", "")
        if isinstance(owner, ModelAdmin):
            return self._model_requirement(owner, name)
        return OWN_PAGES.get(name)

    def _model_requirement(self, page: ModelAdmin[Any], name: str) -> Mapping[str, Requirement] | None:
        verbs = VERB_OF_VIEW.get(name)
        if not isinstance(page, GuardedAdmin) or policy_for(page.model) is None or verbs is None:
            return None
        return {method: permission(*_keys(page, name, verb)) for method, verb in verbs.items()}


def _keys(page: GuardedAdmin, view: str, verb: Verb) -> Iterable[str]:
    """Return the permissions of one view of a page; what the page does not offer needs one that nobody holds."""
    policy = policy_for(page.model)
    offered = policy is not None and verb in page.offers
    keys = [policy.keys.get(verb, NOBODY) if policy is not None and offered else NOBODY]
    if view == "changelist_view" and page.list_key:
        keys.append(page.list_key)
    if view == "history_view":
        keys.append(HISTORY_KEY)
    return dict.fromkeys(keys)


def _method_behind(view: Callable[..., Any]) -> Callable[..., Any]:
    """Return the page's method that a route's callable wraps."""
    while not hasattr(view, "__self__") and hasattr(view, "__wrapped__"):
        view = view.__wrapped__
    return view


def _item(
    request: HttpRequest, title: str, icon: str, link: str, *, exact: bool = False, below: str = ""
) -> dict[str, Any]:
    active = request.path == link if exact else request.path.startswith(below or link)
    return {"title": title, "icon": icon, "link": link, "active": active, "has_permission": True}
