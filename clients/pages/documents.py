"""A document's file, for saving only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import FileResponse
from django.views.decorators.http import require_safe

from clients.access import workspace_policies
from clients.models import Document
from tenancy.routes import requires


@requires("documents:read")
@require_safe
def document_file(request: Any, pk: UUID) -> FileResponse:
    """Answer the file as a download, under the type that we found it to have."""
    document = workspace_policies[Document].get(request.actor, pk)
    response = FileResponse(
        document.file.open("rb"), as_attachment=True, filename=document.filename, content_type=document.content_type
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response
