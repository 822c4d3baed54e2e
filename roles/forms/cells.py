"""The cells of the matrix as HTML. A page has a hundred of them, most of them as on the page before: they are kept.

Each is a pure function of its cell and its field, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from django.forms.utils import flatatt
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from roles.matrix import Category, Cell, CellState, Matrix, Row

#: How many drawn cells a process keeps, of about a kilobyte each.
_KEPT = 4096
_NOTHING = SafeString("")
_CHANGE = SafeString('<span class="rx-change" data-rx-change aria-hidden="true"></span>')
_MARK = (
    '<span class="{}" title="{}"><svg class="rx-icon" viewBox="0 0 24 24" focusable="false" aria-hidden="true">'
    '<use href="{}#{}" /></svg></span>'
)
_DANGEROUS = "Dangerous: its use can hardly be undone, or opens other doors."


@dataclass(frozen=True, slots=True)
class Field:
    """The field whose boxes are drawn: what their ids begin with, their name, and the address of the icons."""

    id: str
    name: str
    sprite: str


@dataclass(frozen=True)
class CategoryDrawing:
    """A category with its cells drawn: `rows` when it is a grid (nothing where a column has no cell), else `items`."""

    category: Category
    rows: list[tuple[Row, list[SafeString]]]
    items: list[SafeString]


def draw(matrix: Matrix, id_: str, name: str) -> list[CategoryDrawing]:
    """Return the categories of the matrix drawn for the field of that id and name."""
    field = Field(id_, name, static("icons/sprite.svg"))
    return [_category(category, field) for category in matrix.categories]


def _category(category: Category, field: Field) -> CategoryDrawing:
    if not category.is_grid:
        return CategoryDrawing(category, [], [_in_list(cell, field) for cell in category.cells])
    rows = [(row, [_in_grid(cell, field) if cell else _NOTHING for cell in cells]) for row, cells in category.aligned]
    return CategoryDrawing(category, rows, [])


@lru_cache(maxsize=_KEPT)
def _in_grid(cell: Cell, field: Field) -> SafeString:
    label = cell.name + (", dangerous" if cell.is_dangerous else "") + (", unused" if cell.is_unused else "")
    return format_html(
        '<span class="rx-cell" data-rx-cell data-column="{}" title="{}">{}{}{}{}</span>',
        cell.action,
        ". ".join(filter(None, (f"{cell.name} ({cell.key})", cell.unused, cell.note))),
        _box(cell, field, label),
        _marks(cell, field),
        _note(cell, field, "rx-hidden"),
        _CHANGE,
    )


@lru_cache(maxsize=_KEPT)
def _in_list(cell: Cell, field: Field) -> SafeString:
    return format_html(
        '<div data-rx-row><div class="rx-cell rx-item" data-rx-cell>{}'
        '<span class="rx-item-line"><label for="{}-{}">{}{}{}</label> {} {}</span>'
        '<span class="rx-item-line"><code class="rx-key">{}</code> {}</span></div></div>',
        _box(cell, field),
        field.id,
        cell.position,
        cell.name,
        format_html('<span class="rx-hidden">{}</span>', ", dangerous") if cell.is_dangerous else "",
        format_html('<span class="rx-hidden">{}</span>', ", unused") if cell.is_unused else "",
        _marks(cell, field),
        _CHANGE,
        cell.key,
        _note(cell, field, "rx-hidden" if cell.state is CellState.WITHHELD else "rx-note"),
    )


def _box(cell: Cell, field: Field, label: str | None = None) -> SafeString:
    """Return the box; without a label of its own it has one beside it."""
    attributes = {
        "data-state": cell.state,
        "id": f"{field.id}-{cell.position}",
        "name": field.name,
        "value": cell.key,
        "aria-label": label,
        "aria-describedby": _note_id(cell, field) if cell.is_locked else None,
        "data-name": cell.name,
        "data-needs": " ".join(sorted(cell.needs)) or None,
        "data-note": cell.note or None,
        "checked": cell.is_on,
        "disabled": cell.is_locked,
        "data-own": cell.is_own,
        "data-dangerous": cell.is_dangerous,
        "data-unused": cell.unused or None,
    }
    return format_html('<input type="checkbox" class="rx-box" data-rx-box{}>', flatatt(attributes))


def _marks(cell: Cell, field: Field) -> SafeString:
    """Return the signs that stand beside a box, told in words elsewhere."""
    marks = []
    if cell.is_dangerous:
        marks.append(("rx-mark rx-mark-danger", _DANGEROUS, field.sprite, "alert-triangle"))
    if cell.is_unused:
        marks.append(("rx-mark", cell.unused, field.sprite, "clock"))
    if cell.note:
        icon = "lock" if cell.state is CellState.INHERITED else "ban"
        marks.append((f"rx-mark rx-mark-{cell.state}", cell.note, field.sprite, icon))
    return format_html_join("", _MARK, marks)


def _note(cell: Cell, field: Field, style: str) -> SafeString:
    """Return the element that describes a locked box, or nothing."""
    if not cell.note:
        return _NOTHING
    return format_html('<span class="{}" id="{}">{}</span>', style, _note_id(cell, field), cell.note)


def _note_id(cell: Cell, field: Field) -> str:
    return f"{field.id}-{cell.position}-note"
