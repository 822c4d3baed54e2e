"""The organization pages of imports: upload, look over, start, watch, and take the refused rows home."""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import show_form, telling
from accounts.links import org_url
from agents.access import EXECUTE, READ, START, import_policy
from agents.actions import CancelImport, StartImport, UploadImport
from agents.forms import MappingForm, UploadForm, label_of
from agents.imports import FileProblem, ImportFileError
from agents.models import ImportRun
from agents.preview import preview
from tenancy.errors import ActionRefused, Denial, NotVisible, Reason
from tenancy.policies import Verb
from tenancy.routes import declares, permission, requires

PAGE = 25
REFUSED_SHOWN = 10
COLUMNS = (
    {"label": "File"},
    {"label": "State"},
    {"label": "Clients", "align": "end"},
    {"label": "Refused rows", "align": "end"},
    {"label": "Uploaded"},
)
TONES = {
    ImportRun.State.DRAFT: "",
    ImportRun.State.QUEUED: "info",
    ImportRun.State.RUNNING: "info",
    ImportRun.State.SUCCEEDED: "success",
    ImportRun.State.FAILED: "danger",
    ImportRun.State.CANCELLED: "warning",
}


@requires(READ)
@require_safe
def imports(request: Any) -> HttpResponse:
    """Show the imports that the person may see, the latest first."""
    runs = import_policy.visible(request.actor).select_related("started_by")
    page = Paginator(runs, PAGE).get_page(request.GET.get("page"))
    rows = [(run, TONES[ImportRun.State(run.state)]) for run in page]
    context = {"page": page, "rows": rows, "columns": COLUMNS, "may_import": _may_import(request)}
    return render(request, "org/imports/list.html", context)


@requires(*START)
@require_http_methods(["GET", "HEAD", "POST"])
def import_create(request: Any) -> HttpResponse:
    """Take a file, and go on to looking it over."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if form.is_bound and form.is_valid():
        with telling(request, form):
            try:
                run = UploadImport(request.actor, form.cleaned_data["file"], form.mapping()).execute()
            except ImportFileError as error:
                form = _with_file_error(form, error)
            else:
                return HttpResponseRedirect(org_url(request, "import", run.pk))
    return show_form(request, "org/imports/upload.html", form, breadcrumbs=_breadcrumbs(request))


@declares({"get": permission(READ), "post": permission(*START)})
@require_http_methods(["GET", "HEAD", "POST"])
def import_run(request: Any, pk: UUID) -> HttpResponse:
    """Show an import: what its file would become and the button that starts it, or how far it is."""
    run = import_policy.get(request.actor, pk)
    if run.state == ImportRun.State.DRAFT and run.started_by_id == request.actor.user_id and _may_import(request):
        return _look_over(request, run)
    if request.method == "POST":
        messages.error(request, "This import was started before, or is not yours to start.")
        return HttpResponseRedirect(org_url(request, "import", run.pk))
    return _watch(request, run)


@requires(EXECUTE)
@require_http_methods(["GET", "HEAD", "POST"])
def import_cancel(request: Any, pk: UUID) -> HttpResponse:
    """Ask whether to stop an import, and stop it."""
    run = import_policy.get(request.actor, pk, Verb.CHANGE)
    if request.method == "POST":
        try:
            run = CancelImport(request.actor, pk).execute()
        except ActionRefused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(
                request, "The import is cancelled." if run.is_over else "The import stops before its next rows."
            )
        return HttpResponseRedirect(org_url(request, "import", run.pk))
    draft = run.state == ImportRun.State.DRAFT
    context = {
        "title": f"Discard “{run}”?" if draft else f"Cancel the import of “{run}”?",
        "consequences": ["The uploaded file is deleted."]
        if draft
        else ["What was imported until then stays.", "The rest of the file is not imported."],
        "action_label": "Discard upload" if draft else "Cancel import",
        "cancel_url": org_url(request, "import", run.pk),
        "danger": True,
        "breadcrumbs": _breadcrumbs(request),
    }
    return render(request, "components/confirm_page.html", context)


@requires(READ)
@require_safe
def import_refused(request: Any, pk: UUID) -> FileResponse:
    """Answer the refused rows with their problems as a CSV file, harmless to spreadsheet programs."""
    return refused_download(import_policy.get(request.actor, pk))


def refused_download(run: ImportRun) -> FileResponse:
    """Return the download of a run's refused rows. Raises NotVisible when it has none."""
    if not run.refused_file:
        raise NotVisible(Denial(Reason.OUT_OF_REACH, READ, "agents.importrun", str(run.pk)))
    response = FileResponse(
        run.refused_file.open("rb"),
        as_attachment=True,
        filename=f"{PurePath(run.filename).stem}-refused.csv",
        content_type="text/csv; charset=utf-8",
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _look_over(request: Any, run: ImportRun) -> HttpResponse:
    """Show the columns and first rows, read as chosen; `step=start` starts the import, `step=preview` only shows."""
    shown = preview(run)
    form = MappingForm(request.POST if request.method == "POST" else None, shown.headings, shown.plan)
    if form.is_bound and form.is_valid():
        with telling(request, form):
            try:
                shown = preview(run, form.mapping())
                if request.POST.get("step") == "start":
                    StartImport(request.actor, run.pk, form.mapping()).execute()
                    return HttpResponseRedirect(org_url(request, "import", run.pk))
            except ImportFileError as error:
                form.add_error(None, error.message)
    extra = {
        "run": run,
        "preview": shown,
        "format": shown.plan.format.title,
        "labels": [label_of(field) for field in shown.fields],
        "breadcrumbs": _breadcrumbs(request),
    }
    return show_form(request, "org/imports/look_over.html", form, **extra)


def _watch(request: Any, run: ImportRun) -> HttpResponse:
    refused = run.refused.order_by("row")[:REFUSED_SHOWN] if run.is_over else []
    context = {
        "run": run,
        "tone": TONES[ImportRun.State(run.state)],
        "rows_read": f"{run.done_rows:,} of {run.total_rows:,}",
        "refused": [(row.row, [_sentence(*error) for error in row.errors]) for row in refused],
        "refused_more": max(run.refused_rows - REFUSED_SHOWN, 0),
        "may_cancel": not run.is_over and import_policy.refusal(request.actor, Verb.CHANGE) is None,
        "may_import": _may_import(request),
        "breadcrumbs": _breadcrumbs(request),
    }
    if not request.htmx:
        return render(request, "org/imports/run.html", context)
    response = render(request, "org/imports/_progress.html", context)
    if run.is_over:
        text = (
            f"{run.get_state_display()}: {run.created_clients:,} clients imported, {run.refused_rows:,} rows refused."
        )
        response.headers["HX-Trigger"] = json.dumps({"toast": {"text": text, "tone": context["tone"]}})
    return response


def _sentence(column: str, message: str) -> str:
    return f"{column}: {message}" if column else message


def _with_file_error(form: UploadForm, error: ImportFileError) -> UploadForm:
    """Return the form with what is wrong with its file, asking for the column of the names when that is what lacks."""
    if error.problem in {FileProblem.MISSING_COLUMN, FileProblem.MAPPING}:
        form = UploadForm(form.data, form.files, headings=form.headings())
        form.full_clean()
    form.add_error("file", error.message)
    return form


def _may_import(request: Any) -> bool:
    return import_policy.refusal(request.actor, Verb.ADD) is None


def _breadcrumbs(request: Any) -> list[dict[str, str]]:
    return [{"label": "Imports", "url": org_url(request, "imports")}]
