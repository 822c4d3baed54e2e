"""The forms of clients and of what belongs to them, generated from the models."""

from __future__ import annotations

from functools import cache
from typing import Any
from uuid import UUID

from django import forms
from django.db import models

from accounts.pages.members import RoleField
from clients.access import assignable_members
from clients.actions import Access
from clients.models import Client, Task, WorkspaceItem
from roles.models import Role
from tenancy.actors import Actor

#: More than this are not offered as boxes to tick when inviting; they are assigned afterwards.
MOST_OFFERED = 300
CLIENT_FIELDS = (
    "name",
    "status",
    "industry",
    "website",
    "email",
    "phone",
    "street",
    "postal_code",
    "city",
    "region",
    "country",
    "employees",
    "annual_revenue",
    "external_id",
    "description",
)


def date_field(field: models.Field[Any, Any], **options: Any) -> forms.Field | None:
    """Return a model field's form field, with the browser's own picker for a day."""
    if isinstance(field, models.DateField):
        options["widget"] = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    if isinstance(field, models.FileField):
        options["widget"] = forms.FileInput
    return field.formfield(**options)


class PersonChoice(forms.ModelChoiceField):
    """A choice of one of the organization's people, by name."""

    def label_from_instance(self, obj: Any) -> str:
        return str(obj.user)


class VersionedForm(forms.ModelForm):
    """A form that remembers which version of the object it was filled from, so that a stale save is noticed."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, actor: Actor, **options: Any) -> None:
        super().__init__(*args, **options)
        self.order_fields(["version"])
        if not self.instance._state.adding:
            self.initial["version"] = self.instance.version
        if isinstance(self.instance, Task):
            people = assignable_members(actor).select_related("user").order_by("user__name", "user__email")
            self.fields["assignee"] = PersonChoice(people, required=False, empty_label="Nobody yet")

    def values(self) -> dict[str, Any]:
        """Return what was filled in, by field of the model."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}

    def version_seen(self) -> int | None:
        """Return the version that the form was filled from."""
        seen: int | None = self.cleaned_data["version"]
        return seen

    def take_over(self, version: int) -> None:
        """Let the next save of what was typed go by that version."""
        self.data = {**self.data.dict(), self.add_prefix("version"): str(version)}  # type: ignore[attr-defined]


@cache
def form_for(model: type[Client | WorkspaceItem], fields: tuple[str, ...]) -> type[VersionedForm]:
    """Return the form of a model with those fields."""
    made: type[VersionedForm] = forms.modelform_factory(  # type: ignore[assignment]
        model, form=VersionedForm, fields=fields, labels={"email": "E-mail"}, formfield_callback=date_field
    )
    return made


ACCESS_WORDS = {Access.WRITE: "Work with", Access.READ: "Read only"}


class IdsField(forms.MultipleChoiceField):
    """Several ids, as checkboxes send them; the verb knows which of them exist."""

    def valid_value(self, value: str) -> bool:
        try:
            UUID(value)
        except ValueError:
            return False
        return True


class AssignmentForm(forms.Form):
    """Which clients go to which people, or are taken from them."""

    clients = IdsField(error_messages={"required": "Choose at least one client."})
    people = IdsField(error_messages={"required": "Choose at least one person."})
    access = forms.ChoiceField(
        choices=[(access.value, words) for access, words in ACCESS_WORDS.items()],
        initial=Access.WRITE.value,
        required=False,
        widget=forms.RadioSelect,
    )
    operation = forms.ChoiceField(choices=[("assign", "Assign"), ("unassign", "Take away")])


class InviteForm(forms.Form):
    """Whom to invite, as what, and for which clients."""

    emails = forms.CharField(
        label="E-mail addresses",
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text="One or many, with spaces, commas or new lines between them.",
    )

    def __init__(self, *args: Any, roles: list[Role], clients: models.QuerySet[Client], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["role"] = RoleField(roles, label="Role")
        self.fields["clients"] = forms.ModelMultipleChoiceField(
            clients,
            required=False,
            label="Clients",
            widget=forms.CheckboxSelectMultiple,
            help_text="For roles that work with assigned clients. You can assign more at any time.",
            error_messages={"invalid_choice": "Some of these clients do not exist."},
        )
        offered = list(clients.values_list("pk", "name")[:MOST_OFFERED])
        self.fields["clients"].widget.choices = offered
        self.leaves_out = len(offered) == MOST_OFFERED
