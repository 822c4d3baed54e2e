"""Deleting a role: which one its people get instead, what that changes for them, and then at once (ROLE-5)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseRedirect

from roles import access
from roles.actions import DeleteRole
from roles.console.frame import RolePage
from roles.console.impacts import shown_effects
from roles.console.saving import NOT_CONFIRMED, told
from roles.family import family_of
from roles.impact import Impact, impact_of_delete
from roles.models import Role
from roles.review import Difference, Review
from tenancy.actors import Actor
from tenancy.console import GuardedAdmin
from tenancy.errors import AccessDenied, ActionRefused, StaleVersion
from tenancy.policies import Verb


class ReplacementField(forms.ModelChoiceField):
    """Which role takes the place of the one deleted, with its priority beside its name."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.display_name} · priority {obj.priority}"


class DeleteForm(forms.Form):
    """Which role the people get instead, and which version of the role was looked at."""

    version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, choices: QuerySet[Role], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["replacement"] = ReplacementField(
            choices,
            required=False,
            label="They get instead",
            empty_label="Choose a role",
            error_messages={"invalid_choice": "Choose one of the roles listed: this one is not yours to give."},
        )


def delete(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer what deleting the role means; then delete it, with its people moved, or say why not."""
    page = RolePage.open(admin, request, pk, Verb.DELETE)
    page.require_editable()
    form = DeleteForm(request.POST or request.GET, choices=replacements(page.actor, page.role))
    if not form.is_valid():
        return _asking(page, form, None, status=400 if request.method == "POST" else 200)
    chosen = form.cleaned_data["replacement"]
    if request.method != "POST":
        return _asking(page, form, chosen)
    if _review(page, chosen).needs_confirmation and "confirmed" not in request.POST:
        return _asking(page, form, chosen, [NOT_CONFIRMED], 400)
    try:
        with transaction.atomic():
            DeleteRole(page.actor, pk, chosen, form.cleaned_data["version"] or 0).execute()
    except StaleVersion as stale:
        return _asking(page, form, chosen, [str(stale), *stale.changes], 409)
    except ActionRefused as refused:
        return _asking(page, form, chosen, told(refused), 409)
    messages.success(request, f"Deleted: “{page.role}”.")
    return HttpResponseRedirect(admin.address("changelist"))


def replacements(actor: Actor, role: Role) -> QuerySet[Role]:
    """Return the roles that the people of this one may be given by the actor, strongest first."""
    place = role.organization_id
    usable = access.roles_policy(actor).visible(actor).usable_in(place).exclude(pk=role.pk)  # type: ignore[attr-defined]
    if place is None:
        usable = (
            access.roles_policy(actor)
            .visible(actor)
            .filter(scope=role.scope, organization=None, is_active=True)
            .exclude(pk=role.pk)
        )
    denials = access.assignment_denials(actor, usable)
    fitting: QuerySet[Role] = usable.filter(pk__in=[one for one, denial in denials.items() if denial is None])
    return fitting.order_by("-priority", "display_name")


def _review(page: RolePage, chosen: Role | None) -> Review:
    impact = Impact(()) if chosen is None else impact_of_delete(page.actor, page.role.pk, chosen.pk)
    return Review(Difference((), frozenset(), frozenset()), impact)


def _asking(
    page: RolePage, form: DeleteForm, chosen: Role | None, errors: list[str] | None = None, status: int = 200
) -> HttpResponse:
    heirs = family_of(page.role.pk).heirs(page.role.pk)
    review = _review(page, chosen)
    try:
        if chosen is not None:
            access.require_assignable(page.actor, chosen)
    except (AccessDenied, ActionRefused) as refused:
        errors = [*(errors or []), str(refused)]
    return page.render(
        "delete.html",
        status=status,
        form=form,
        chosen=chosen,
        heirs=heirs,
        review=review,
        effects=shown_effects(page.admin, page.actor, review.impact),
        is_ready=not heirs and (chosen is not None or not page.people_count),
        errors=errors or [],
    )
