"""Import of clients from a CSV file: reading, mapping, validation by row, and the file of refused rows.

Pure: no models, no settings. A caller opens the upload, plans, and reads row by row:

    table = open_table(upload)
    plan = plan_import(table.headings, mapping)
    for outcome in read_clients(table, plan): ...

The first two raise ImportFileError for a file that cannot be imported, before anything is.
"""

from agents.imports.errors import FileProblem, ImportFileError, RowError
from agents.imports.formats import Field, Source, Status
from agents.imports.grouping import Grouping
from agents.imports.mapping import Plan, detected_mapping, plan_import
from agents.imports.reading import Limits, Table, open_table
from agents.imports.refused import write_refused
from agents.imports.rows import Accepted, ClientRow, ContactRow, Refused, read_clients

__all__ = [
    "Accepted",
    "ClientRow",
    "ContactRow",
    "Field",
    "FileProblem",
    "Grouping",
    "ImportFileError",
    "Limits",
    "Plan",
    "Refused",
    "RowError",
    "Source",
    "Status",
    "Table",
    "detected_mapping",
    "open_table",
    "plan_import",
    "read_clients",
    "write_refused",
]
