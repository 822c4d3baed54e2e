"""What every form of an organization's pages shares: how a verb's refusal is told on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenancy import context
from tenancy.errors import AccessDenied, ActionRefused, StaleVersion


@contextmanager
def telling(request: HttpRequest, form: forms.BaseForm) -> Iterator[None]:
    """Run a verb; when it refuses, undo what it did and tell why on the form, which keeps what was typed.

    A StaleVersion passes through: what to show then is the page's to say.
    """
    entered = context.current()
    noted = len(entered.pending) if entered else 0
    try:
        with transaction.atomic():
            yield
        return
    except ValidationError as invalid:
        adopt_errors(form, invalid)
    except StaleVersion:
        raise
    except ActionRefused as refused:
        form.add_error(None, str(refused))
    except AccessDenied as denied:
        request.denial = denied.denial  # type: ignore[attr-defined]
        form.add_error(None, str(denied))
    if entered:
        del entered.pending[noted:]


def adopt_errors(form: forms.BaseForm, invalid: ValidationError) -> None:
    """Put the errors of a verb beside the fields they are about, and those of no shown field above the form."""
    by_field = invalid.message_dict if hasattr(invalid, "error_dict") else {NON_FIELD_ERRORS: invalid.messages}
    for field, messages in by_field.items():
        form.add_error(field if field in form.fields else None, ValidationError(messages))


def show_form(request: HttpRequest, template: str, form: forms.BaseForm, **extra: Any) -> HttpResponse:
    """Answer the page of a form: 200 when it is fresh, 422 with errors, 403 when the verb was denied."""
    status = 200
    if form.is_bound and form.errors:
        status = 403 if getattr(request, "denial", None) else 422
    return render(request, template, {"form": form, **extra}, status=status)


class ConfirmForm(forms.Form):
    """A form of nothing but its button."""
