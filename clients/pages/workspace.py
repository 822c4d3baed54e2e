"""A client and what belongs to it: one page for each verb, the same for all seven kinds."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, re_path
from django.views import View

from accounts.forms import ConfirmForm, show_form, telling
from accounts.links import org_url
from clients.access import client_policy
from clients.actions import CreateItem, DeleteItem, UpdateItem
from clients.filters import ITEM_FILTERS
from clients.forms import VersionedForm, form_for
from clients.models import Client, WorkspaceItem
from clients.pages.editing import submit
from clients.pages.frame import client_frame, crumbs
from clients.pages.kinds import KINDS, Kind
from tenancy.policies import Verb, decide
from tenancy.routes import requires

PAGE = 25
UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class KindView(View):
    """A page of one kind of item. `kind` in the address is fixed by the route, so that each declares its own key."""

    kind: Kind = KINDS[0]
    http_method_names = ["get", "post", "head", "options"]

    def item(self, request: HttpRequest, pk: str, verb: Verb) -> Any:
        """Return the item with its client. Raises NotVisible or AccessDenied."""
        return self.kind.policy.get(request.actor, pk, verb)  # type: ignore[attr-defined]

    def listing(self, request: HttpRequest, client_pk: Any) -> str:
        """Return the path of the client's items of this kind."""
        return org_url(request, "items", client_pk, self.kind.slug)


class Items(KindView):
    """The items of one kind at a client."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: Any, pk: str, kind: str) -> HttpResponse:
        client = client_policy.get(request.actor, pk)
        held = self.kind.policy.visible(request.actor).filter(client=client).select_related(*self.kind.related)
        asked = request.GET.copy()
        asked["ordering"] = asked.get("ordering") or self.kind.order
        found = ITEM_FILTERS[self.kind.model](asked, queryset=held, request=request)
        page = Paginator(found.qs, PAGE).get_page(request.GET.get("page"))
        rows = [self.kind.row(item) for item in page]
        columns: list[dict[str, Any]] = [{"label": self.kind.one.capitalize()}]
        columns += [{"label": column.label, "align": column.align} for column in self.kind.columns]
        frame = client_frame(request, client, self.kind)
        if frame["may_change"] and (self._may(request, Verb.CHANGE) or self._may(request, Verb.DELETE)):
            columns.append({"label": "Actions", "hidden": True})
        return render(
            request,
            "org/clients/items.html",
            frame
            | {
                "page": page,
                "filter": found,
                "choices": [
                    field for field in found.form if field.name != "ordering" and hasattr(field.field, "choices")
                ],
                "narrowed": any(value for name, value in request.GET.items() if name != "page"),
                "rows": rows,
                "columns": columns,
                "caption": f"{self.kind.many} of {client}",
                "may_add": frame["may_change"] and self._may(request, Verb.ADD),
                "may_edit": frame["may_change"] and self._may(request, Verb.CHANGE),
                "may_delete": frame["may_change"] and self._may(request, Verb.DELETE),
            },
        )

    def _may(self, request: Any, verb: Verb) -> bool:
        return decide(request.actor, self.kind.key(verb)) is None


class Item(KindView):
    """One item with everything it holds."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: Any, pk: str, kind: str) -> HttpResponse:
        item = self.item(request, pk, Verb.VIEW)
        permits = partial(self.kind.policy.permits, request.actor, obj=item)
        return render(
            request,
            "org/clients/item.html",
            {
                "kind": self.kind,
                "item": item,
                "client": item.client,
                "facts": self.kind.facts(item),
                "may_edit": permits(Verb.CHANGE),
                "may_delete": permits(Verb.DELETE),
                "breadcrumbs": crumbs(request, item.client, self.kind),
            },
        )


class CreateItemPage(KindView):
    """A new item of a client."""

    def get(self, request: Any, pk: str, kind: str) -> HttpResponse:
        client = client_policy.get(request.actor, pk, Verb.CHANGE)
        blank = self.kind.model(client=client, organization_id=client.organization_id)
        form = _form(request, self.kind, blank)
        return submit(
            request,
            form,
            lambda filled: CreateItem(request.actor, self.kind.model, client.pk, filled.values()),
            partial(self._created, request, client),
            "org/clients/item_form.html",
            kind=self.kind,
            client=client,
            title=f"New {self.kind.one}",
            cancel_url=self.listing(request, client.pk),
            breadcrumbs=crumbs(request, client, self.kind),
        )

    post = get

    def _created(self, request: Any, client: Client, item: WorkspaceItem) -> HttpResponse:
        messages.success(request, f"Added “{item}”.")
        return HttpResponseRedirect(self.listing(request, client.pk))


class EditItemPage(KindView):
    """An item to change."""

    def get(self, request: Any, pk: str, kind: str) -> HttpResponse:
        item = self.item(request, pk, Verb.CHANGE)
        back = org_url(request, "item", self.kind.slug, item.pk)
        return submit(
            request,
            _form(request, self.kind, item),
            lambda filled: UpdateItem(request.actor, self.kind.model, item.pk, filled.values(), filled.version_seen()),
            partial(_saved, request, back),
            "org/clients/item_form.html",
            kind=self.kind,
            client=item.client,
            title=f"Edit {self.kind.one}",
            cancel_url=back,
            breadcrumbs=crumbs(request, item.client, self.kind),
        )

    post = get


class DeleteItemPage(KindView):
    """The question before an item is deleted."""

    def get(self, request: Any, pk: str, kind: str) -> HttpResponse:
        item = self.item(request, pk, Verb.DELETE)
        back = self.listing(request, item.client_id)
        form = ConfirmForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            with telling(request, form):
                DeleteItem(request.actor, self.kind.model, item.pk, None).execute()
                messages.success(request, f"Deleted “{item}”.")
                return HttpResponseRedirect(back)
        return show_form(
            request,
            "components/confirm_page.html",
            form,
            title=f"Delete “{item}”?",
            message=f"This {self.kind.one} belongs to {item.client}.",
            consequences=["It is gone for everybody and cannot be brought back."],
            action_label=f"Delete {self.kind.one}",
            cancel_url=back,
            danger=True,
            breadcrumbs=crumbs(request, item.client, self.kind),
        )

    post = get


def _form(request: Any, kind: Kind, instance: WorkspaceItem) -> VersionedForm:
    form = form_for(kind.model, kind.fields)
    if request.method == "POST":
        return form(request.POST, request.FILES, instance=instance, actor=request.actor)
    return form(instance=instance, actor=request.actor)


def _saved(request: Any, url: str, item: object) -> HttpResponse:
    messages.success(request, f"Saved “{item}”.")
    return HttpResponseRedirect(url)


def routes(kind: Kind) -> list[URLPattern]:
    """Return the routes of a kind, each declaring the kind's own permission."""
    of_client = rf"^clients/(?P<pk>{UUID})/(?P<kind>{kind.slug})/"
    of_item = rf"^(?P<kind>{kind.slug})/"
    one = rf"(?P<pk>{UUID})"

    def page(view: type[KindView], verb: Verb) -> Any:
        return requires(*dict.fromkeys(["clients:read", kind.key(Verb.VIEW), kind.key(verb)]))(view.as_view(kind=kind))

    return [
        re_path(rf"{of_client}$", page(Items, Verb.VIEW), name="items"),
        re_path(rf"{of_client}new/$", page(CreateItemPage, Verb.ADD), name="item-create"),
        re_path(rf"{of_item}{one}/$", page(Item, Verb.VIEW), name="item"),
        re_path(rf"{of_item}{one}/edit/$", page(EditItemPage, Verb.CHANGE), name="item-edit"),
        re_path(rf"{of_item}{one}/delete/$", page(DeleteItemPage, Verb.DELETE), name="item-delete"),
    ]
