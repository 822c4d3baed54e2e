"""What every verb of this room has in common: checking values against the model, versions, and storing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import IntegrityError, models, transaction

from audit.history import recording_update
from clients.models import Client, WorkspaceItem
from tenancy import text
from tenancy.errors import StaleVersion

Versioned = TypeVar("Versioned", Client, WorkspaceItem)


def writable_fields(model: type[models.Model]) -> dict[str, models.Field[Any, Any]]:
    """Return by name the fields that a person fills in; the client of a workspace item is not one of them."""
    return {field.name: field for field in model._meta.concrete_fields if field.editable and field.name != "client"}


def fill(obj: Client | WorkspaceItem, values: Mapping[str, Any]) -> None:
    """Set and check the values. Raises ValidationError by field, with `obj` not to be saved.

    Raises ValueError for a name that is no field a person fills in: a face has passed on what it should not.
    """
    fields = writable_fields(type(obj))
    unknown = values.keys() - fields.keys()
    if unknown:
        raise ValueError(f"{type(obj).__name__} has no such field to fill in: {', '.join(sorted(unknown))}.")
    errors: dict[str, list[ValidationError]] = {}
    for name, value in values.items():
        try:
            setattr(obj, fields[name].attname, _clean_text(fields[name], value))
        except text.UnfitTextError as unfit:
            errors[name] = [ValidationError(str(unfit), code="unfit_text")]
    if errors:
        raise ValidationError(errors)
    not_asked = {field.name for field in obj._meta.concrete_fields if field.is_relation or not field.editable}
    obj.full_clean(exclude=not_asked, validate_unique=False, validate_constraints=False)
    obj.validate_constraints(exclude={"id", "organization"})


def _clean_text(field: models.Field[Any, Any], value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    if not isinstance(value, str):
        return value
    if isinstance(field, models.TextField):
        return text.paragraphs(value)
    cleaned = text.line(value)
    return cleaned if text.is_visible(cleaned) else ""


def require_version(stored: Client | WorkspaceItem, version: int | None) -> None:
    """Raise StaleVersion unless `version` is the stored one; None asks for none."""
    if version is not None and version != stored.version:
        raise StaleVersion(stored)


def store_new(obj: Versioned) -> Versioned:
    """Insert the object. Raises ValidationError when another of the same key came in between."""
    return _store(obj, {"force_insert": True})


def store_changed(obj: Versioned, before: Versioned) -> Versioned:
    """Update the object to its next version; `before` is what was stored. Raises ValidationError as `store_new`."""
    obj.version = before.version + 1
    with recording_update(before, obj):
        return _store(obj, {"force_update": True})


def _store(obj: Versioned, how: dict[str, Any]) -> Versioned:
    unique = {
        constraint.name: constraint
        for constraint in obj._meta.constraints
        if isinstance(constraint, models.UniqueConstraint) and "organization" not in constraint.fields
    }
    if not unique:
        obj.save(**how)
        return obj
    try:
        with transaction.atomic():
            obj.save(**how)
    except IntegrityError as refused:
        violated = getattr(getattr(refused.__cause__, "diag", None), "constraint_name", None)
        if violated not in unique:
            raise
        raise ValidationError({NON_FIELD_ERRORS: [unique[violated].get_violation_error_message()]}) from refused
    return obj
