"""The view sets: which policy, serializer and filter belong together. Everything else is shared."""

from __future__ import annotations

from typing import Any

from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from clients import filters, models
from clients.access import client_policy, workspace_policies
from clients.actions import CreateClient, CreateItem, DeleteClient, DeleteItem, UpdateClient, UpdateItem
from clients.api import serializers
from clients.documents import download
from tenancy.api.parsing import DocumentParser, StrictJSONParser
from tenancy.api.preconditions import etag
from tenancy.api.views import GuardedViewSet, by_verb
from tenancy.policies import Verb
from tenancy.routes import declares, permission


@declares(by_verb(client_policy))
class ClientViewSet(GuardedViewSet):
    """Clients."""

    policy = client_policy
    queryset = models.Client.objects.none()
    serializer_class = serializers.ClientSerializer
    filterset_class = filters.ClientFilter

    def creating(self, values: dict[str, Any]) -> CreateClient:
        return CreateClient(self.request.actor, values)  # type: ignore[attr-defined]

    def updating(self, values: dict[str, Any], version: int | None) -> UpdateClient:
        return UpdateClient(self.request.actor, self.kwargs["pk"], values, version)  # type: ignore[attr-defined]

    def deleting(self, version: int | None) -> DeleteClient:
        return DeleteClient(self.request.actor, self.kwargs["pk"], version)  # type: ignore[attr-defined]


class ItemViewSet(GuardedViewSet):
    """Things of one kind, each at a client."""

    model: type[models.WorkspaceItem]

    def creating(self, values: dict[str, Any]) -> CreateItem:
        return CreateItem(self.request.actor, self.model, values.pop("client"), values)  # type: ignore[attr-defined]

    def updating(self, values: dict[str, Any], version: int | None) -> UpdateItem:
        return UpdateItem(self.request.actor, self.model, self.kwargs["pk"], values, version)  # type: ignore[attr-defined]

    def deleting(self, version: int | None) -> DeleteItem:
        return DeleteItem(self.request.actor, self.model, self.kwargs["pk"], version)  # type: ignore[attr-defined]


def _serve(model: type[models.WorkspaceItem]) -> Any:
    """Return a class decorator that gives a view set the model's policy, permissions and filter."""

    def mark(view: type[ItemViewSet]) -> type[ItemViewSet]:
        view.model = model
        view.policy = workspace_policies[model]
        view.queryset = model._default_manager.none()
        view.filterset_class = filters.ITEM_FILTERS[model]  # type: ignore[attr-defined]
        return declares(by_verb(workspace_policies[model]))(view)

    return mark


@_serve(models.Contact)
class ContactViewSet(ItemViewSet):
    """Contacts: the people at a client."""

    serializer_class = serializers.ContactSerializer


@_serve(models.Campaign)
class CampaignViewSet(ItemViewSet):
    """Marketing campaigns run for a client."""

    serializer_class = serializers.CampaignSerializer


@_serve(models.Task)
class TaskViewSet(ItemViewSet):
    """Tasks: things to do for a client."""

    serializer_class = serializers.TaskSerializer


@_serve(models.Note)
class NoteViewSet(ItemViewSet):
    """Notes about a client."""

    serializer_class = serializers.NoteSerializer


@_serve(models.Invoice)
class InvoiceViewSet(ItemViewSet):
    """Invoices to a client."""

    serializer_class = serializers.InvoiceSerializer


@_serve(models.Connection)
class ConnectionViewSet(ItemViewSet):
    """A client's accounts in outside services."""

    serializer_class = serializers.ConnectionSerializer


class AnyType(JSONRenderer):
    """Lets a download through whatever type its caller would accept; errors are JSON all the same."""

    media_type = "*/*"
    format = "file"


@_serve(models.Document)
class DocumentViewSet(ItemViewSet):
    """Documents: files kept for a client. A form (multipart/form-data) brings the file, JSON changes the title."""

    serializer_class = serializers.DocumentSerializer
    parser_classes = [DocumentParser, StrictJSONParser]

    @extend_schema(
        responses={(200, "*/*"): OpenApiResponse(OpenApiTypes.BINARY, "The file, for saving.")},
        filters=False,
    )
    @action(detail=True, renderer_classes=[AnyType])
    def file(self, request: Request, pk: Any) -> FileResponse:
        """Download a document's file."""
        document = self.get_object()
        response = download(document)
        response.headers["ETag"] = etag(document)
        return response


DocumentViewSet.requires = {  # type: ignore[attr-defined]
    **by_verb(workspace_policies[models.Document]),
    "file": permission(workspace_policies[models.Document].keys[Verb.VIEW]),
}
