"""The end of a run, however it comes: its state, the file of refused rows, and no upload without a use."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial

from django.core.files.base import File
from django.db import transaction
from django.utils import timezone

from agents.imports import Refused, RowError, Table, open_table, write_refused
from agents.models import ImportRun, refused_path

IN_MEMORY = 2_500_000


def end(run: ImportRun, state: ImportRun.State, problem: str = "") -> None:
    """Put a locked run into a final state, tell why, and store the rows that were refused until then as a file."""
    if run.refused_rows:
        _store_refused(run)
    if run.state == ImportRun.State.DRAFT and run.file.name:
        transaction.on_commit(partial(run.file.storage.delete, run.file.name))
    run.state = state
    run.problem = problem[:1000]
    run.finished_at = timezone.now()
    run.save(update_fields=["state", "problem", "finished_at", "refused_file"])


def _store_refused(run: ImportRun) -> None:
    with run.file.open("rb") as stream, tempfile.SpooledTemporaryFile(IN_MEMORY) as written:
        table = open_table(stream)
        for block in write_refused(table.headings, _refused(run, table)):
            written.write(block)
        # A worker that died while it ended the run may have left the file: it is written again, not beside it.
        run.refused_file.storage.delete(refused_path(run, ""))
        run.refused_file.save("", File(written), save=False)


def _refused(run: ImportRun, table: Table) -> Iterator[Refused]:
    """Yield the refused rows in the order of the file: the reasons are kept with the run, the cells in the upload."""
    kept = run.refused.order_by("row").values_list("row", "errors").iterator()
    row, errors = next(kept, (0, []))
    for record in table.records():
        if record.row == row:
            yield Refused(row, record.cells, tuple(RowError(row, column, message) for column, message in errors))
            row, errors = next(kept, (0, []))
