"""The forms of an import: the file, and which of its columns becomes what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from agents.imports import Field, Plan, detected_mapping, open_table

LABELS = {
    Field.NAME: "Name of the client",
    Field.EMAIL: "E-mail",
    Field.EMPLOYEES: "Number of employees",
    Field.EXTERNAL_ID: "Record id in the other system",
    Field.CONTACT_FIRST_NAME: "Contact: first name",
    Field.CONTACT_LAST_NAME: "Contact: last name",
    Field.CONTACT_EMAIL: "Contact: e-mail",
    Field.CONTACT_PHONE: "Contact: phone",
    Field.CONTACT_TITLE: "Contact: job title",
}


def label_of(field: Field) -> str:
    """Return what a field is called on pages."""
    return LABELS.get(field, field.value.replace("_", " ").capitalize())


class UploadForm(forms.Form):
    """A file. The column of the names is asked for only when the file's format does not tell it."""

    file = forms.FileField(
        label="CSV file",
        help_text="HubSpot companies or Google Contacts as exported, or any CSV with headings. At most 20 MB and "
        "100,000 rows.",
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )
    name_heading = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)

    def __init__(self, *args: Any, headings: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*args, **options)
        if headings:
            self.fields["name_heading"] = forms.ChoiceField(
                label="Column with the client's name",
                choices=[("", "Choose a column"), *((heading, heading) for heading in headings if heading)],
                required=False,
                help_text="Choose it, then choose the file once more.",
            )

    def mapping(self) -> dict[str, str] | None:
        """Return what the format tells with the chosen column of the names, or None when none was chosen.

        Raises ImportFileError for a file that cannot be imported.
        """
        heading = self.cleaned_data["name_heading"]
        return detected_mapping(self.headings()) | {Field.NAME.value: heading} if heading else None

    def headings(self) -> tuple[str, ...]:
        """Return the headings of the file. Raises ImportFileError for one that cannot be imported."""
        return open_table(self.cleaned_data["file"]).headings


class MappingForm(forms.Form):
    """Which column of the file becomes which of our fields, beginning with what the format tells."""

    def __init__(self, data: Any, headings: Sequence[str], plan: Plan) -> None:
        super().__init__(data)
        self.headings = headings
        columns = [(heading, heading) for heading in headings if heading]
        for field in Field:
            column = plan.columns.get(field)
            joined = {column.headings[0]: " or ".join(column.headings)} if column else {}
            if column and column.joined:
                joined = {column.headings[0]: " and ".join(column.headings)}
            choices = [("", "Not imported"), *((value, joined.get(value, label)) for value, label in columns)]
            self.fields[field.value] = forms.ChoiceField(
                label=label_of(field),
                choices=choices,
                required=False,
                initial=column.headings[0] if column else "",
            )

    def clean(self) -> dict[str, Any]:
        chosen = {name: heading for name, heading in (super().clean() or {}).items() if heading}
        if not self.errors and not chosen:
            raise forms.ValidationError("Choose at least the column that holds the name of the client.")
        return chosen

    def mapping(self) -> dict[str, str]:
        """Return the choice as a mapping; an empty one when it is what the format does by itself."""
        chosen = self.cleaned_data
        return {} if chosen == detected_mapping(self.headings) else chosen
