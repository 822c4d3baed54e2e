"""How a role looks: its icon out of a fixed set, and its colour with its contrast."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from roles.contrast import verdicts
from roles.forms.parts import TemplatedWidget
from roles.icons import ICONS

DEFAULT_COLOR = "#6B7280"
#: Colours that are told apart well and whose mark passes on light and on dark pages.
SWATCHES = (
    ("#6B7280", "Grey"),
    ("#DC2626", "Red"),
    ("#C2570C", "Orange"),
    ("#A16207", "Ochre"),
    ("#15803D", "Green"),
    ("#0D8578", "Teal"),
    ("#0E83A3", "Cyan"),
    ("#2563EB", "Blue"),
    ("#8B5CF6", "Violet"),
    ("#DB2777", "Pink"),
)
_HEX = re.compile(r"^#[0-9A-Fa-f]{6}\Z")
HEX_COLOR = RegexValidator(_HEX, "Write the colour as # and six digits or letters A to F: #3D4FD1.")


class IconWidget(TemplatedWidget, forms.RadioSelect):
    """Icons to choose from as a group of radio buttons."""

    template_name = "roles/icons.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["icons"] = [option for _, options, _ in context["widget"]["optgroups"] for option in options]
        return context


class IconField(forms.ChoiceField):
    """One of the icons that roles may have."""

    widget = IconWidget

    def __init__(self, **options: Any) -> None:
        super().__init__(choices=list(ICONS.items()), **options)


class ColorWidget(TemplatedWidget, forms.TextInput):
    """A colour as text, with the browser's picker, swatches and the contrast of what will be drawn in it."""

    template_name = "roles/color.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        shown = _shown(context["widget"]["value"])
        return {**context, "color": shown, "swatches": SWATCHES, "verdicts": verdicts(shown)}


class ColorField(forms.CharField):
    """A colour like `#3D4FD1`, its letters capital."""

    widget = ColorWidget
    default_validators = [HEX_COLOR]

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).upper()


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and _HEX.match(value) else DEFAULT_COLOR
