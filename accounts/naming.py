"""The names of people and service accounts."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from tenancy import text


def cleaned_name(raw: str) -> str:
    """Return a name as it is stored. Raises ValidationError on `name` when nothing is to see or a sign is refused."""
    try:
        name = text.line(raw)
    except text.UnfitTextError as unfit:
        raise ValidationError({"name": str(unfit)}) from unfit
    if not text.is_visible(name):
        raise ValidationError({"name": "Write a name."})
    return name
