"""The REST face of imports: /api/orgs/<slug>/imports/…"""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.http import FileResponse
from django.urls import URLPattern, path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from agents.access import EXECUTE, READ, START, import_policy
from agents.actions import CancelImport, StartImport, UploadImport
from agents.imports import FileProblem, ImportFileError
from agents.models import ImportRun
from agents.pages import refused_download
from tenancy.api.idempotency import once
from tenancy.api.parsing import DocumentParser, StrictJSONParser
from tenancy.api.serializers import StrictInput
from tenancy.api.views import ActorViewSet, needing
from tenancy.routes import declares, permission

REFUSED_SHOWN = 100


class RefusedRowSerializer(serializers.Serializer[Any]):
    """Why one row was not imported."""

    row = serializers.IntegerField(help_text="The line of the file on which the row starts.")
    column = serializers.CharField(help_text="The heading, or empty when it concerns the whole row.")
    message = serializers.CharField()


class ImportSerializer(serializers.ModelSerializer[ImportRun]):
    """An import and how far it is."""

    started_by = serializers.UUIDField(source="started_by_id", read_only=True, allow_null=True)

    class Meta:
        model = ImportRun
        fields = [
            "id",
            "filename",
            "source_format",
            "mapping",
            "state",
            "total_rows",
            "done_rows",
            "created_clients",
            "created_contacts",
            "refused_rows",
            "problem",
            "cancel_requested",
            "started_by",
            "created_at",
            "started_at",
            "finished_at",
        ]
        read_only_fields = fields


class ImportDetailSerializer(ImportSerializer):
    """An import with its first hundred refused rows; the file of refused rows has all of them."""

    refused = serializers.SerializerMethodField()

    class Meta(ImportSerializer.Meta):
        fields = [*ImportSerializer.Meta.fields, "refused"]
        read_only_fields = fields

    @extend_schema(responses=RefusedRowSerializer(many=True))
    def get_refused(self, run: ImportRun) -> list[dict[str, Any]]:
        return [
            {"row": one.row, "column": column, "message": message}
            for one in run.refused.order_by("row")[:REFUSED_SHOWN]
            for column, message in one.errors
        ]


class ImportInput(StrictInput):
    """A file, and which heading becomes which field when the format does not tell it right."""

    file = serializers.FileField()
    mapping = serializers.CharField(
        required=False, help_text='A JSON object of our field to heading, such as {"name": "Company"}.'
    )

    def validate_mapping(self, value: str) -> dict[str, str]:
        """Return the mapping that the JSON text says."""
        try:
            mapping = json.loads(value)
        except (ValueError, RecursionError):
            mapping = None
        if not isinstance(mapping, dict) or not all(isinstance(heading, str) for heading in mapping.values()):
            raise serializers.ValidationError("Write a JSON object of field to heading.")
        return mapping


class Csv(JSONRenderer):
    """Lets a download through whatever type its caller would accept; errors are JSON all the same."""

    media_type = "*/*"
    format = "file"


@declares(
    needing(
        permission(READ),
        post=permission(*START),
        create=permission(*START),
        cancel=permission(EXECUTE),
        refused=permission(READ),
    )
)
class ImportViewSet(ActorViewSet):
    """Imports of clients from CSV files, each run by a worker with the rights of the person who started it."""

    policy = import_policy
    queryset = ImportRun.objects.none()
    serializer_class = ImportSerializer

    def get_serializer_class(self) -> type[serializers.BaseSerializer[Any]]:
        return ImportSerializer if self.action == "list" else ImportDetailSerializer

    def shown(self, pk: UUID) -> ImportRun:
        """Return the visible import of that key. Raises NotVisible or AccessDenied."""
        return import_policy.get(self.actor, pk)

    @extend_schema(request={"multipart/form-data": ImportInput}, responses={201: ImportDetailSerializer})
    @once
    def create(self, request: Request) -> Response:
        """Upload a file and start importing it. A file that cannot be imported leaves nothing behind."""
        sent = ImportInput(data=request.data)
        sent.is_valid(raise_exception=True)
        upload, mapping = sent.validated_data["file"], sent.validated_data.get("mapping")
        try:
            run = UploadImport(self.actor, upload, mapping).execute()
        except ImportFileError as error:
            field = "mapping" if error.problem is FileProblem.MAPPING else "file"
            raise serializers.ValidationError({field: serializers.ErrorDetail(error.message, error.problem)}) from error
        run = StartImport(self.actor, run.pk).execute()
        return Response(self.get_serializer(run).data, 201, headers={"Location": f"{request.path}{run.pk}/"})

    @extend_schema(request=None, responses=ImportDetailSerializer)
    def cancel(self, request: Request, pk: UUID) -> Response:
        """Stop an import. What was imported stays."""
        return Response(self.get_serializer(CancelImport(self.actor, pk).execute()).data)

    @extend_schema(
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY, "The refused rows.")}, filters=False
    )
    def refused(self, request: Request, pk: UUID) -> FileResponse:
        """Download the refused rows with their problems as CSV."""
        return refused_download(import_policy.get(self.actor, pk))


org_patterns: list[URLPattern] = [
    path(
        "imports/",
        ImportViewSet.as_view({"get": "list", "post": "create"}, parser_classes=[DocumentParser]),
        name="api-imports",
    ),
    path("imports/<uuid:pk>/", ImportViewSet.as_view({"get": "retrieve"}), name="api-import"),
    path(
        "imports/<uuid:pk>/cancel/",
        ImportViewSet.as_view({"post": "cancel"}, parser_classes=[StrictJSONParser]),
        name="api-import-cancel",
    ),
    path(
        "imports/<uuid:pk>/refused/",
        ImportViewSet.as_view({"get": "refused"}, renderer_classes=[Csv]),
        name="api-import-refused",
    ),
]
