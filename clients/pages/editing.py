"""Saving a form against a version: what a person typed is never lost, and nobody's change is overwritten unseen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.forms import show_form, telling
from audit.models import ModelChange
from clients.forms import VersionedForm
from clients.pages.kinds import Cell, Column, Show, cell
from tenancy.actors import Reach
from tenancy.errors import StaleVersion


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which what was typed and what is stored now differ."""

    label: str
    typed: str
    stored: Cell


def submit(
    request: HttpRequest,
    form: VersionedForm,
    verb: Callable[[VersionedForm], Any],
    done: Callable[[Any], HttpResponse],
    template: str,
    **extra: Any,
) -> HttpResponse:
    """Run the verb with what the form holds and answer `done(saved)`; else show the form again with what is wrong."""
    if request.method == "POST" and form.is_valid():
        try:
            with telling(request, form):
                return done(verb(form).execute())
        except StaleVersion as stale:
            return _conflict(request, form, stale, template, extra)
    return show_form(request, template, form, **extra)


def _conflict(
    request: Any, form: VersionedForm, stale: StaleVersion, template: str, extra: dict[str, Any]
) -> HttpResponse:
    stored: Any = stale.stored
    form.take_over(stored.version)
    context = extra | {
        "form": form,
        "stored": stored,
        "differences": list(_differences(form, stored)),
        "changed_by": _changed_by(request, stored),
    }
    return render(request, template, context, status=409)


def _changed_by(request: Any, stored: models.Model) -> str:
    """Return who changed the object last, as far as the actor knows: with assigned reach only one's own changes."""
    if request.actor.reach is not Reach.ALL:
        return ""
    changes = ModelChange.objects.get_for_object(stored).order_by("-timestamp")
    return str(changes.values_list("actor_email", flat=True).first() or "")


def _differences(form: VersionedForm, stored: models.Model) -> list[Difference]:
    typed = form.instance
    found = []
    for name in form.values():
        column = Column(str(form.fields[name].label), name, Show.TEXT)
        mine, theirs = cell(typed, column), cell(stored, column)
        if mine.value != theirs.value:
            found.append(Difference(column.label, mine.value, theirs))
    return found
