"""The platform console: the Django admin, where every page asks the roles (ADM-1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, URLResolver, reverse
from django.utils.http import urlencode
from django.views.generic import RedirectView
from unfold.sites import UnfoldAdminSite

from tenancy.console import GuardedAdmin
from tenancy.policies import Verb, policy_for
from tenancy.actors import Scope
from tenancy.routes import Requirement, declares, member, permission

#: Which verb each view of a ModelAdmin is; a view that is not listed here cannot be taken.
VERB_OF_VIEW: Mapping[str, Mapping[str, Verb]] = {
    "changelist_view": {"get": Verb.VIEW, "post": Verb.VIEW},
    "add_view": {"get": Verb.ADD, "post": Verb.ADD},
    "change_view": {"get": Verb.VIEW, "post": Verb.CHANGE},
    "delete_view": {"get": Verb.DELETE, "post": Verb.DELETE},
    "history_view": {"get": Verb.VIEW},
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


class ConsoleSite(UnfoldAdminSite):  # type: ignore[misc]
    """An admin site whose login is the product's own, and whose doors are the roles' permissions."""

    final_catch_all_view = False
    enable_nav_sidebar = True

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Register pages that the roles govern; leave out those of installed packages, which check too little."""
        if admin_class is not None and issubclass(admin_class, GuardedAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the request acts on the platform, whatever the user's flags say."""
        actor = getattr(request, "actor", None)
        return actor is not None and actor.scope is Scope.PLATFORM

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the one sign-in of the product, with its limits and its second factor."""
        target = request.GET.get("next") or reverse("admin:index")
        return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': target})}")

    def logout(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the product's sign-out."""
        return HttpResponseRedirect(reverse("account_logout"))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Redirect to the person's own account, where a change of password asks for the old one."""
        return HttpResponseRedirect(reverse("account_change_password"))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Return the admin's routes, each marked with what it needs; one that is left unmarked stops start-up."""
        patterns: list[URLPattern | URLResolver] = super().get_urls()
        self._declare(patterns)
        return patterns

    def _declare(self, patterns: Iterable[URLPattern | URLResolver]) -> None:
        for entry in patterns:
            if isinstance(entry, URLResolver):
                self._declare(entry.url_patterns)
            elif (declared := self._requirement(getattr(entry.callback, "__wrapped__", entry.callback))) is not None:
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

    def _model_requirement(self, admin: ModelAdmin[Any], name: str) -> Mapping[str, Requirement] | None:
        policy = policy_for(admin.model)
        verbs = VERB_OF_VIEW.get(name)
        if policy is None or verbs is None:
            return None
        return {method: permission(policy.keys.get(verb, "none:none")) for method, verb in verbs.items()}


