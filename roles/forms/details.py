"""What a role is besides its permissions: its name, standing, reach and looks."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.text import slugify

from roles.forms.appearance import DEFAULT_COLOR, ColorField, IconField
from roles.forms.parts import ChoiceList
from roles.models import REACHES, Role
from tenancy.actors import Reach, Scope

SLUG_HELP = "Small letters, digits and hyphens. The API and exports know the role by it."


class ParentField(forms.ModelChoiceField):
    """The role to inherit from, with its priority beside its name."""

    widget = ChoiceList

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.display_name} · priority {obj.priority}"


class RoleDetailsForm(forms.Form):
    """A role without its permissions and people; `values()` is what the action takes.

    `parents` are the roles it may inherit from. `ceiling` is the editor's own priority, told as a hint: the rule is the
    action's. With `role` the form edits that one; without, it makes a new one, for which `organizations` are those to
    choose from (None: there is no choice to make).
    """

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    display_name = forms.CharField(label="Name", max_length=100)
    name = forms.SlugField(label="Slug", max_length=60, help_text=SLUG_HELP)
    description = forms.CharField(
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What the people with it do, in a sentence.",
    )
    priority = forms.IntegerField(min_value=0, max_value=100)
    parent = ParentField(
        queryset=Role.objects.none(),
        required=False,
        label="Inherits from",
        empty_label="Nothing",
        help_text="It has that role's permissions too, and keeps up with them.",
    )
    reach = forms.ChoiceField(choices=REACHES, widget=forms.RadioSelect)
    requires_second_factor = forms.BooleanField(
        required=False,
        label="Needs a second factor",
        help_text="People with this role sign in with a second factor.",
    )
    is_active = forms.BooleanField(
        required=False, label="Active", help_text="An inactive role cannot be assigned and grants nothing."
    )
    color = ColorField(label="Colour")
    icon = IconField()

    def __init__(
        self,
        *args: Any,
        scope: Scope,
        parents: QuerySet[Role],
        ceiling: int,
        role: Role | None = None,
        organizations: QuerySet[Any] | None = None,
        **options: Any,
    ) -> None:
        options["initial"] = {**_initial(role), **(options.get("initial") or {})}
        super().__init__(*args, **options)
        self.scope, self.role = scope, role
        self.fields["parent"].queryset = parents  # type: ignore[attr-defined]
        self.fields["priority"].help_text = f"0 to 100, higher ranks above. Yours is {ceiling}: not above that."
        if scope is Scope.PLATFORM:
            del self.fields["reach"]
        if role is None:
            self._ask_what_stays(organizations)

    def clean(self) -> dict[str, Any]:
        """Give a new role without a slug the one that its name suggests."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.role is None and not cleaned.get("name") and "name" not in self.errors:
            cleaned["name"] = slugify(cleaned.get("display_name", ""))[:60].strip("-")
            if not cleaned["name"] and "display_name" in cleaned:
                self.add_error("name", ValidationError("Write a slug: the name has no letter that could make one."))
        return cleaned

    def values(self) -> dict[str, Any]:
        """Return what was filled in, by field of the role: `parent` a Role or None, `reach` None on the platform.

        A new role has its `scope` and `organization` (None: shared, or the platform's) in it too.
        """
        values = {name: value for name, value in self.cleaned_data.items() if name != "version"}
        values["reach"] = Reach(values["reach"]) if values.get("reach") else None
        if self.role is None:
            values["scope"] = self.scope
            values.setdefault("organization", None)
        return values

    def version_seen(self) -> int | None:
        """Return the version that the form was filled from."""
        seen: int | None = self.cleaned_data["version"]
        return seen

    def _ask_what_stays(self, organizations: QuerySet[Any] | None) -> None:
        """Ask for what a role keeps for life, and suggest a slug for it."""
        slug = self.fields["name"]
        slug.required = False
        slug.help_text = f"{SLUG_HELP} Left empty, it follows the name."
        slug.widget.attrs["data-rx-slug-of"] = self["display_name"].id_for_label
        self.fields["scope"] = forms.ChoiceField(
            choices=[(self.scope.value, self.scope.value.capitalize())],
            initial=self.scope.value,
            widget=forms.HiddenInput,
        )
        if organizations is not None and self.scope is Scope.TENANT:
            self.fields["organization"] = forms.ModelChoiceField(
                organizations.only("name"),
                required=False,
                widget=ChoiceList,
                empty_label="Every organization",
                help_text="A role keeps its organization for life.",
            )


def _initial(role: Role | None) -> dict[str, Any]:
    if role is None:
        return {
            "priority": 50,
            "reach": Reach.ASSIGNED.value,
            "is_active": True,
            "color": DEFAULT_COLOR,
            "icon": "user",
        }
    shown = ("version", "display_name", "name", "description", "priority", "reach", "is_active", "color", "icon")
    return {
        **{name: getattr(role, name) for name in shown},
        "requires_second_factor": role.requires_second_factor,
        "parent": role.parent_id,
    }
