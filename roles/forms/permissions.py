"""The permission matrix as a form field: what is ticked, what is locked, and what has to come along (ADM-3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from roles import catalogue
from roles.catalogue import CatalogueEntry
from roles.forms.cells import draw
from roles.forms.parts import TemplatedWidget
from roles.matrix import (
    NO_APPLICATIONS,
    NOTHING_INHERITED,
    NOTHING_UNUSED,
    WITHHELD_NOTE,
    Matrix,
    build_matrix,
    locks,
)
from tenancy.actors import Scope

_MOST_NAMED = 5


class MatrixWidget(TemplatedWidget):
    """The matrix as boxes to tick. Without script it is the same form with everything in it."""

    template_name = "roles/matrix.html"
    use_fieldset = True
    #: Set by the field that it belongs to.
    field: MatrixField

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[str]:
        return data.getlist(name) if hasattr(data, "getlist") else list(data.get(name) or ())

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False  # no box ticked is an answer too

    def format_value(self, value: Any) -> Any:
        return frozenset(value or ())

    def id_for_label(self, id_: str | None) -> str:  # type: ignore[override]
        return ""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        matrix = self.field.matrix(self.format_value(value))
        drawings = draw(matrix, context["widget"]["attrs"].get("id", ""), name)
        return {**context, "matrix": matrix, "drawings": drawings, "opened": _opened(matrix)}


class MatrixField(forms.Field):
    """The own permissions of a role, as a frozenset of keys.

    `own` is what the role holds itself as stored, `inherited` names for each inherited key the role it comes from,
    `withheld` is what the editor may not grant, for the reason of `withheld_note`, `unused` says of what was not used
    of late, since when. `applications` are the permissions of the organization's applications. What is locked stays as
    stored, whatever is sent. Whether the editor may save the outcome is the action's to say, not the field's. A new
    role made from another has nothing of its `own` yet, and that one's keys as `initial`.
    """

    widget = MatrixWidget

    def __init__(
        self,
        *,
        scope: Scope,
        own: frozenset[str] = frozenset(),
        inherited: Mapping[str, str] = NOTHING_INHERITED,
        withheld: frozenset[str] = frozenset(),
        unused: Mapping[str, str] = NOTHING_UNUSED,
        withheld_note: str = WITHHELD_NOTE,
        applications: Mapping[str, CatalogueEntry] = NO_APPLICATIONS,
        **options: Any,
    ) -> None:
        self.scope, self.own, self.inherited = scope, own, inherited
        self.withheld, self.unused, self.withheld_note = withheld, unused, withheld_note
        self.applications = applications
        #: After cleaning: each key that was added on its own, with the ticked keys that need it.
        self.companions_added: Mapping[str, frozenset[str]] = {}
        super().__init__(**{"required": False, "initial": own, "label": "Permissions", **options})
        self.widget.field = self  # type: ignore[attr-defined]

    def __deepcopy__(self, memo: dict[int, Any]) -> MatrixField:
        copied: MatrixField = super().__deepcopy__(memo)
        copied.widget.field = copied  # type: ignore[attr-defined]
        return copied

    def matrix(self, chosen: frozenset[str] | None = None) -> Matrix:
        """Return the matrix as it stands with `chosen` ticked (None: as stored)."""
        return build_matrix(
            self.scope,
            self.own,
            self.inherited,
            self.withheld,
            chosen=chosen,
            unused=self.unused,
            withheld_note=self.withheld_note,
            applications=self.applications,
        )

    def clean(self, value: Any) -> frozenset[str]:
        """Return the role's own permissions as chosen, with the companions of new ones.

        Raises ValidationError for keys that are unknown or of the other scope, and where a companion is withheld.
        """
        chosen = self._merged(self._known(frozenset(value or ())))
        self.companions_added = self._missing_companions(chosen)
        if refused := self.companions_added.keys() & self.withheld:
            raise ValidationError([_withheld_companion(key, self.companions_added[key]) for key in sorted(refused)])
        return chosen | self.companions_added.keys()

    def has_changed(self, initial: Any, data: Any) -> bool:
        return self._merged(frozenset(data or ())) != frozenset(initial or ())

    def announcements(self) -> list[str]:
        """Return a sentence for each permission that cleaning added because another needs it."""
        return [
            f"{key} was added, because it is needed by {_listed(needed_by)}."
            for key, needed_by in self.companions_added.items()
        ]

    def _known(self, keys: frozenset[str]) -> frozenset[str]:
        unknown = keys - catalogue.entries().keys() - self.applications.keys()
        foreign = keys - unknown - catalogue.keys_of(self.scope) - self.applications.keys()
        problems = []
        if unknown:
            problems.append(f"There is no such permission: {_listed(unknown)}.")
        if foreign:
            problems.append(f"A role of the scope {self.scope} cannot hold: {_listed(foreign)}.")
        if problems:
            raise ValidationError(problems)
        return keys

    def _merged(self, sent: frozenset[str]) -> frozenset[str]:
        """Return what was sent, with what is locked as it is stored: browsers do not send boxes that are disabled."""
        locked = locks(self.own, self.inherited, self.withheld, applications=self.applications)
        return frozenset(key for key in sent if key not in locked) | {key for key in self.own if key in locked}

    def _missing_companions(self, chosen: frozenset[str]) -> Mapping[str, frozenset[str]]:
        """Return what newly chosen keys need and the role would not have, each with the keys that need it."""
        held = chosen | catalogue.expand(chosen | frozenset(self.inherited), frozenset(self.applications))
        new = chosen - self.own
        missing = sorted(catalogue.with_companions(new) - held, key=lambda key: catalogue.entries()[key].position)
        return {key: frozenset(one for one in new if key in catalogue.companions(one)) for key in missing}


class PermissionsForm(forms.Form):
    """The permissions of a role that exists, with the version that the form was filled from."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, permissions: MatrixField, version: int | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["permissions"] = permissions
        self.initial.setdefault("version", version)

    @property
    def matrix_field(self) -> MatrixField:
        """The field of the matrix, which tells what it added."""
        field = self.fields["permissions"]
        assert isinstance(field, MatrixField)  # noqa: S101
        return field

    def permissions(self) -> frozenset[str]:
        """Return the chosen own permissions of a valid form."""
        chosen: frozenset[str] = self.cleaned_data["permissions"]
        return chosen

    def version_seen(self) -> int | None:
        """Return the version that the form was filled from."""
        seen: int | None = self.cleaned_data["version"]
        return seen


def _opened(matrix: Matrix) -> frozenset[str]:
    """Return the categories that are open at first: those with changes, else the first that grants anything."""
    changed = frozenset(category.name for category in matrix.categories if category.has_changes)
    granting = [category.name for category in matrix.categories if category.granted]
    return changed or frozenset((granting or [matrix.categories[0].name])[:1])


def _withheld_companion(key: str, needed_by: frozenset[str]) -> str:
    return f"{_listed(needed_by)} needs {key}, which you do not hold and so cannot grant."


def _listed(keys: frozenset[str]) -> str:
    named = sorted(keys)
    return ", ".join(named[:_MOST_NAMED]) + (" …" if len(named) > _MOST_NAMED else "")
