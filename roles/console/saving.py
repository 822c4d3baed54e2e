"""The way of every edit of a role: looked over, confirmed where it has to be, saved; or held up by a newer version."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpResponse
from django.http.request import QueryDict

from roles import catalogue
from roles.console.frame import RolePage, Stage, Tab, stage_of
from roles.console.impacts import shown_effects
from roles.definition import EDITABLE, RoleDefinition
from roles.events import changes_since
from roles.models import Role
from roles.review import by_category, label_of, parent_names, review_of_update, words_of
from tenancy.errors import ActionRefused, StaleVersion

#: What a form says about itself, and not about the role.
ABOUT_THE_FORM = frozenset({"csrfmiddlewaretoken", "stage", "confirmed", "version"})
NOT_CONFIRMED = "Tick the box to confirm what this changes, then save."


@dataclass(frozen=True)
class Edit:
    """One edit as it was sent: what the role would become, which version it was made from, and the verb that saves it.

    `verb` is called with a version. `again` answers the form once more, with what was refused; without one there is no
    form, and the review tells of it. `announced` are sentences of what the form added by itself.
    """

    page: RolePage
    tab: Tab
    title: str
    values: dict[str, Any]
    version: int
    verb: Callable[[int], Any]
    label: str = "Save changes"
    is_dangerous: bool = False
    announced: Sequence[str] = field(default=())
    again: Callable[[Exception | None, int], HttpResponse] | None = None

    @property
    def has_form(self) -> bool:
        """Whether there is a form to go back to."""
        return self.again is not None


def answer(edit: Edit) -> HttpResponse:
    """Return the next page: the review, the form once more, both versions of a stale edit, or the role as saved.

    Raises AccessDenied for a role that is not the actor's to change.
    """
    edit.page.require_editable()
    role, stage = edit.page.role, stage_of(edit.page.request)
    if stage is Stage.EDIT and edit.again is not None:
        return edit.again(None, 200)
    if edit.version != role.version:
        return _stale(edit, role, changes_since(role, edit.version))
    try:
        return _saved(edit) if stage is Stage.SAVE else _review(edit)
    except StaleVersion as stale:
        return _stale(edit, stale.stored, stale.changes)
    except (ActionRefused, ValidationError) as refused:
        return edit.again(refused, 409) if edit.again is not None else _review(edit, refused)


def hidden_fields(sent: QueryDict) -> list[tuple[str, str]]:
    """Return what a form sent about the role, to be sent again from the page that follows."""
    return [(name, value) for name, values in sent.lists() for value in values if name not in ABOUT_THE_FORM]


def told(refused: Exception) -> list[str]:
    """Return what an action refused, in sentences."""
    return list(getattr(refused, "messages", None) or [str(refused)])


def tell(form: Any, refused: Exception | None) -> None:
    """Put what an action refused beside the fields of the form that it is about."""
    if refused is None:
        return
    by_field = getattr(refused, "error_dict", None) or {"": told(refused)}
    for name, errors in by_field.items():
        form.add_error(name if name in form.fields else None, errors)


def _review(edit: Edit, refused: Exception | None = None, *, confirm: bool = False) -> HttpResponse:
    page = edit.page
    review = review_of_update(page.actor, page.role, edit.values)
    if not review.difference:
        messages.info(page.request, "Nothing differs from what is stored.")
        return page.to(edit.tab)
    status = 409 if refused is not None else 400 if confirm else 200
    return page.render(
        "review.html",
        tab=edit.tab,
        status=status,
        edit=edit,
        review=review,
        effects=shown_effects(page.admin, page.actor, review.impact, difference=review.difference),
        errors=told(refused) if refused is not None else [NOT_CONFIRMED] if confirm else [],
        hidden=hidden_fields(page.request.POST),
    )


def _saved(edit: Edit) -> HttpResponse:
    page = edit.page
    review = review_of_update(page.actor, page.role, edit.values)
    if review.needs_confirmation and "confirmed" not in page.request.POST:
        return _review(edit, confirm=True)
    with transaction.atomic():
        saved: Role = edit.verb(edit.version)
    messages.success(page.request, f"Saved: “{saved}” is at version {saved.version} now.")
    return page.to(edit.tab)


def _stale(edit: Edit, stored: Role, changes: Iterable[str]) -> HttpResponse:
    """Show both versions, and let the person choose: nothing is written, and nothing that they made is lost."""
    theirs = RoleDefinition.of(stored)
    mine = theirs.changing(_as_definition(edit.values))
    parents = parent_names(theirs, mine)
    fields = [
        {
            "label": label_of(name),
            "mine": words_of(mine, name, parents),
            "theirs": words_of(theirs, name, parents),
            "differs": getattr(mine, name) != getattr(theirs, name),
        }
        for name in EDITABLE
        if name != "permissions"
    ]
    return edit.page.render(
        "stale.html",
        tab=edit.tab,
        status=409,
        edit=edit,
        stored=stored,
        changes=list(changes),
        fields=fields,
        categories=by_category(mine.permissions - theirs.permissions, theirs.permissions - mine.permissions),
        mine_count=len(catalogue.in_order(mine.permissions)),
        theirs_count=len(catalogue.in_order(theirs.permissions)),
        hidden=hidden_fields(edit.page.request.POST),
    )


def _as_definition(values: dict[str, Any]) -> dict[str, Any]:
    """Return form values by the names of a definition; a parent is known by its id there."""
    named = {name: value for name, value in values.items() if name != "parent"}
    if "parent" in values:
        named["parent_id"] = getattr(values["parent"], "pk", values["parent"])
    if "permissions" in named:
        named["permissions"] = frozenset(named["permissions"])
    return named
