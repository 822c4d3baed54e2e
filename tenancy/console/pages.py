"""The Django admin's pages of a guarded model, every door of which asks the model's policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import unquote
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from unfold.admin import ModelAdmin, TabularInline

from tenancy import context
from tenancy.console.routes import ConsoleRoute, refuse_null_characters
from tenancy.console.verbs import MOST_AT_ONCE, ConsoleVerb
from tenancy.errors import AccessDenied, ActionRefused, Denial, NotVisible, Reason
from tenancy.policies import AccessPolicy, Verb, decide, policy_for
from tenancy.routes import declares, permission

HISTORY_KEY = "audit:read"
HISTORY_LIST = "audit_modelchange_changelist"
#: Views of the Django admin that are there only where the page offers them.
ROUTE_OF_VERB = {Verb.ADD: "add", Verb.DELETE: "delete"}
EXACT_LOOKUPS = frozenset({"", "exact", "in", "isnull"})


class GuardedAdmin(ModelAdmin):  # type: ignore[misc]
    """A console page of a guarded model.

    `offers` names what the page has at all, `list_key` a permission that the list needs beyond the one to view.
    Nothing is deleted here, and nothing saved but through an action: `save_model` of a subclass calls one. Other
    actions are `verbs`, other pages `routes`. `section` and `icon` place the page in the menu; `found_by_site_search`
    lets the search beside the menu look into the list, `has_history` leads from an object to its changes.
    """

    offers: ClassVar[frozenset[Verb]] = frozenset({Verb.VIEW})
    list_key: ClassVar[str] = ""
    verbs: ClassVar[tuple[ConsoleVerb, ...]] = ()
    routes: ClassVar[tuple[ConsoleRoute, ...]] = ()
    section: ClassVar[str] = ""
    icon: ClassVar[str] = "list"
    found_by_site_search: ClassVar[bool] = False
    has_history: ClassVar[bool] = True

    actions_on_top = True
    list_per_page = 50
    list_fullwidth = True
    show_facets = ShowFacets.NEVER
    compressed_fields = False

    @property
    def policy(self) -> AccessPolicy[Any] | None:
        """The policy of the model; a model without one is open to nobody."""
        return policy_for(self.model)

    # Who may do what.

    def _permits(self, request: Any, verb: Verb, obj: models.Model | None = None) -> bool:
        return verb in self.offers and self.policy is not None and self.policy.permits(request.actor, verb, obj)

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        """Whether the actor may view `obj`, or without one the list."""
        if obj is None and self.list_key and (request.actor is None or decide(request.actor, self.list_key)):
            return False
        return self._permits(request, Verb.VIEW, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._permits(request, Verb.ADD)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._permits(request, Verb.CHANGE, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._permits(request, Verb.DELETE, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the menu names this page: its list is there to be seen."""
        return self.has_view_permission(request)

    def get_queryset(self, request: Any) -> models.QuerySet[Any]:
        """Return the rows that the actor may view: the list and the check are one."""
        if self.policy is None or request.actor is None:
            nothing: models.QuerySet[Any] = self.model._default_manager.none()
            return nothing
        ordering = self.get_ordering(request)
        rows: models.QuerySet[Any] = self.policy.visible(request.actor)
        return rows.order_by(*ordering) if ordering else rows

    # Lists.

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        refuse_null_characters(request.GET)
        shown = {"title": str(self.opts.verbose_name_plural).capitalize(), **(extra_context or {})}
        response: HttpResponse = super().changelist_view(request, shown)
        return response

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Whether the address may filter by `lookup`: only as a filter of the list does.

        Django lets any field of the model through, and with it a guess at a hash, one letter at a time.
        """
        for shown in self.get_list_filter(request) if request else self.list_filter:
            chosen = shown[0] if isinstance(shown, tuple | list) else shown
            if isinstance(chosen, str):
                head, _, tail = lookup.partition(chosen)
                if not head and tail.removeprefix("__") in EXACT_LOOKUPS:
                    return True
            elif lookup == chosen.parameter_name:
                return True
        return False

    def get_actions(self, request: Any) -> dict[str, tuple[Callable[..., Any], str, str]]:
        """Return what may be done to a selection. Django's own deletion is not among it."""
        return {
            verb.name: (partial(_ask_about, verb), verb.name, verb.label)
            for verb in self.verbs
            if verb.may_be_used_by(request.actor)
        }

    # One object.

    def changeform_view(
        self,
        request: Any,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show or save one object. What an action refuses is told in the form, over what was typed; nothing is kept."""
        refuse_null_characters(request.GET)
        shown = {
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            **(extra_context or {}),
            **self._shown_beside(request, object_id),
        }
        try:
            with transaction.atomic():
                saved: HttpResponse = super().changeform_view(request, object_id, form_url, shown)
                return saved
        except (ActionRefused, ValidationError) as refused:
            _forget_what_was_undone()
            request.refused = refused
            response: HttpResponse = super().changeform_view(request, object_id, form_url, shown)
            response.status_code = 409
            return response

    def _shown_beside(self, request: Any, object_id: str | None) -> dict[str, Any]:
        obj = None if object_id is None else self.get_object(request, unquote(object_id))
        if obj is None:
            return {}
        offered = [verb for verb in self.verbs if verb.is_offered(request.actor, obj)]
        links = [(verb, f"{self.address(verb.name)}?{urlencode({'pk': obj.pk})}") for verb in offered]
        return {
            "console_verbs": [{"verb": verb, "url": url} for verb, url in links],
            "show_history": self.has_history and decide(request.actor, HISTORY_KEY) is None,
            **self.panels(request, obj),
        }

    def panels(self, request: Any, obj: Any) -> Mapping[str, Any]:
        """Return what the template of one object shows besides its fields."""
        return {}

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Return the field of a reference, whose choices are at most what the actor may view."""
        if "queryset" not in kwargs:
            policy = policy_for(db_field.remote_field.model)
            rows = db_field.remote_field.model._default_manager
            kwargs["queryset"] = rows.none() if policy is None else policy.visible(request.actor)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the field without Django's buttons that add and edit the object it refers to."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(getattr(field, "widget", None), RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        """Return the related rows, which an object that is only being made has none of."""
        return [] if obj is None else super().get_inlines(request, obj)

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Return the form, which says why an action refused what it was sent."""
        base = super().get_form(request, obj, change, **kwargs)
        refused: ActionRefused | ValidationError | None = getattr(request, "refused", None)
        if refused is None:
            return base

        class Refused(base):  # type: ignore[misc, valid-type]
            def clean(self) -> Any:
                cleaned = super().clean()
                by_field = getattr(refused, "error_dict", None) or {"": getattr(refused, "messages", [str(refused)])}
                for field, errors in by_field.items():
                    self.add_error(field if field in self.fields else None, errors)
                return cleaned

        return Refused

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        raise NotImplementedError(f"{type(self).__name__}.save_model calls the action that saves.")

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} deletes nothing: a verb calls the action that does.")

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        raise NotImplementedError(f"{type(self).__name__} deletes nothing: a verb calls the action that does.")

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Write nothing: the action has left its record, and django-auditlog the change."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Write nothing: the action has left its record, and django-auditlog the change."""

    def history_view(
        self, request: Any, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseRedirect:
        """Redirect to the object's changes in the record."""
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        changes = reverse(f"{self.admin_site.name}:{HISTORY_LIST}")
        return HttpResponseRedirect(f"{changes}?{urlencode({'object': object_id, 'since': 'any'})}")

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponseRedirect:
        """Answer 404, and record it, alike for what is hidden and what is missing."""
        key = self.policy.keys.get(Verb.VIEW, "") if self.policy else ""
        raise NotVisible(Denial(Reason.OUT_OF_REACH, key, opts.label_lower, str(object_id)[:100]))

    # Verbs.

    def get_urls(self) -> list[URLPattern]:
        """Return the routes of this page: its own, its verbs, and those of Django's that it offers.

        A page of its own takes the place of Django's of the same name.
        """
        own = [
            path(f"{verb.name}/", self.admin_site.admin_view(self._verb_view(verb)), name=self._route(verb.name))
            for verb in self.verbs
        ]
        own += [
            path(route.path, self.admin_site.admin_view(route.view_of(self)), name=self._route(route.name))
            for route in self.routes
        ]
        missing = {self._route(view) for verb, view in ROUTE_OF_VERB.items() if verb not in self.offers}
        missing |= {self._route(route.name) for route in self.routes}
        if not self.has_history:
            missing.add(self._route("history"))
        return [*own, *(pattern for pattern in super().get_urls() if getattr(pattern, "name", None) not in missing)]

    def _route(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def address(self, name: str, *args: Any) -> str:
        """Return the address of a page of this model."""
        return reverse(f"{self.admin_site.name}:{self._route(name)}", args=args)

    def _verb_view(self, verb: ConsoleVerb) -> Callable[[HttpRequest], HttpResponse]:
        viewing = self.policy.keys[Verb.VIEW] if self.policy else "none:none"

        @declares(permission(*dict.fromkeys((viewing, *verb.keys))))
        def view(request: Any) -> HttpResponse:
            return self._ask_or_do(request, verb)

        return view

    def _ask_or_do(self, request: Any, verb: ConsoleVerb) -> HttpResponse:
        if not verb.may_be_used_by(request.actor):
            raise AccessDenied(Denial(Reason.MISSING_PERMISSION, sentence=f"Your role does not let you: {verb.label}."))
        chosen = self._chosen(request)
        if not 0 < len(chosen) <= MOST_AT_ONCE:
            messages.error(request, f"Choose at least one and at most {MOST_AT_ONCE}.")
            return HttpResponseRedirect(self.address("changelist"))
        form = verb.form(request.POST if request.method == "POST" else None)
        if request.method != "POST" or not form.is_valid():
            return self._asking(request, verb, chosen, form, status=200 if request.method == "GET" else 400)
        try:
            with transaction.atomic():
                for obj in chosen:
                    verb.on(request.actor, obj, form.cleaned_data.get("reason", "")).execute()
        except (ActionRefused, ValidationError) as refused:
            _forget_what_was_undone()
            form.add_error(None, " ".join(getattr(refused, "messages", [str(refused)])))
            return self._asking(request, verb, chosen, form, status=409)
        messages.success(request, verb.done.format(_listed(chosen)))
        return HttpResponseRedirect(self._after(request, chosen))

    def _chosen(self, request: Any) -> list[Any]:
        """Return the objects the request names. Raises NotVisible for one that the actor may not see."""
        keys = dict.fromkeys((request.POST if request.method == "POST" else request.GET).getlist("pk"))
        if self.policy is None or len(keys) > MOST_AT_ONCE:
            return []
        return [self.policy.get(request.actor, key) for key in keys]

    def _asking(self, request: Any, verb: ConsoleVerb, chosen: list[Any], form: Any, *, status: int) -> HttpResponse:
        shown = {
            **self.admin_site.each_context(request),
            "title": verb.label,
            "opts": None,
            "model_name": self.opts.verbose_name_plural,
            "verb": verb,
            "chosen": chosen,
            "form": form,
            "back": self.address("change", chosen[0].pk) if len(chosen) == 1 else self.address("changelist"),
        }
        return TemplateResponse(request, "admin/verb.html", shown, status=status)

    def _after(self, request: Any, chosen: list[Any]) -> str:
        stays = len(chosen) == 1 and self.has_view_permission(request, chosen[0])
        return self.address("change", chosen[0].pk) if stays else self.address("changelist")


class GuardedInline(TabularInline):  # type: ignore[misc]
    """Related rows on an object's page, to read: those that the related model's policy shows the actor."""

    extra = 0
    max_num = 0
    can_delete = False
    per_page = 25
    show_change_link = False
    hide_title = True

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        policy = policy_for(self.model)
        return policy is not None and policy.permits(request.actor, Verb.VIEW)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: Any) -> models.QuerySet[Any]:
        policy = policy_for(self.model)
        return self.model._default_manager.none() if policy is None else policy.visible(request.actor)


def _ask_about(verb: ConsoleVerb, admin: GuardedAdmin, request: HttpRequest, chosen: Any) -> HttpResponse:
    """Lead from a selection in the list to the page that asks about it."""
    keys = [str(pk) for pk in chosen.values_list("pk", flat=True)[: MOST_AT_ONCE + 1]]
    return HttpResponseRedirect(f"{admin.address(verb.name)}?{urlencode({'pk': keys}, doseq=True)}")


def _forget_what_was_undone() -> None:
    """Drop the records of work that has just been rolled back."""
    entered = context.current()
    if entered is not None:
        entered.pending.clear()


def _listed(chosen: list[Any]) -> str:
    names = ", ".join(str(obj) for obj in chosen[:3])
    return names if len(chosen) <= 3 else f"{names} and {len(chosen) - 3} more"
