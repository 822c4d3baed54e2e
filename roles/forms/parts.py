"""What every widget of roles shares: its template from the project, its stylesheet and its scripts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.widgets import Script
from django.template.loader import render_to_string
from django.utils.safestring import SafeString


class RoleMedia:
    """What the parts use, the same for each, so that a page may ask any of them."""

    css = {"all": ["css/roles.css"]}
    js = [Script("js/roles.js", defer=True), Script("js/role-details.js", defer=True)]


class TemplatedWidget(forms.Widget):
    """A widget that is drawn by a template of the project, whichever renderer the form has."""

    Media = RoleMedia

    def _render(self, template_name: str, context: dict[str, Any], renderer: Any = None) -> SafeString:
        return render_to_string(template_name, context)


class ChoiceList(TemplatedWidget, forms.Select):
    """A select without groups, drawn at once: Django draws each option by two templates of its own."""

    template_name = "roles/select.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(name, value, attrs)
        context["options"] = [option for _, options, _ in context["widget"]["optgroups"] for option in options]
        return context
