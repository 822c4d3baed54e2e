"""How a role is drawn wherever the console names one."""

from __future__ import annotations

from django.template.loader import render_to_string

from roles.models import Role


def role_chip(role: Role) -> str:
    """Return the role's colored chip with its icon, and the badge of a built-in one."""
    return render_to_string("admin/role_chip.html", {"role": role})
