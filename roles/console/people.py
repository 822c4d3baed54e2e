"""The tab Assigned: who has a role, since when and by whom; many are added and removed at once, looked over before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpResponse

from roles import access
from roles.actions import AssignMany, UnassignMany
from roles.console.frame import RolePage, Stage, Tab, stage_of
from roles.console.impacts import shown_effects
from roles.console.saving import hidden_fields, tell, told
from roles.impact import impact_of_assignment
from roles.locking import in_one_order
from roles.models import Membership, Role
from tenancy.actors import Actor, Scope
from tenancy.console import CappedPaginator, GuardedAdmin
from tenancy.errors import AccessDenied, ActionRefused
from tenancy.policies import decide, policy_for

PER_PAGE = 50
MOST_ADDRESSES = 1000
MOST_SUGGESTED = 200


class AddressesField(forms.CharField):
    """E-mail addresses, one a line or parted by commas; cleaned to the people behind them whom the actor may view."""

    def __init__(self, *, actor: Actor, **options: Any) -> None:
        self.actor = actor
        super().__init__(
            **{
                "label": "E-mail addresses",
                "widget": forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocapitalize": "off"}),
                "help_text": "One a line, or parted by commas. Everybody has an account already.",
                **options,
            }
        )

    def clean(self, value: Any) -> list[Any]:
        """Return the users, in the order of their addresses. Raises ValidationError naming what is nobody's."""
        written = super().clean(value).replace(",", " ").replace(";", " ").split()
        addresses = list(dict.fromkeys(word.lower() for word in written))
        if len(addresses) > MOST_ADDRESSES:
            raise ValidationError(f"At most {MOST_ADDRESSES:,} people at once.")
        if odd := [address for address in addresses if not _is_address(address)]:
            raise ValidationError(f"This is no e-mail address: {_listed(odd)}.")
        policy = policy_for(get_user_model())
        seen = policy.visible(self.actor) if policy is not None else get_user_model().objects.none()
        found = {user.email: user for user in seen.filter(email__in=addresses, is_active=True)}
        if missing := [address for address in addresses if address not in found]:
            raise ValidationError(f"There is no active account of: {_listed(missing)}.")
        return [found[address] for address in addresses]


class AddPeopleForm(forms.Form):
    """Who gets the role, and for a tenant role that is shared in which organization."""

    def __init__(self, *args: Any, page: RolePage, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["people"] = AddressesField(actor=page.actor)
        self.place = page.role.organization_id
        if page.role.scope == Scope.TENANT and self.place is None:
            self.fields["organization"] = organization_field(page.actor)

    def organization_id(self) -> UUID | None:
        """Return where they get it: None is the platform."""
        chosen = self.cleaned_data.get("organization")
        return chosen.pk if chosen is not None else self.place


def organization_field(actor: Actor) -> forms.ModelChoiceField[Any]:
    """Return the choice of an organization by its slug, which need not be found in a list of thousands."""
    suggested = "organizations"
    return forms.ModelChoiceField(
        visible_organizations(actor),
        to_field_name="slug",
        label="Organization",
        help_text="By its slug. They get the role there, and nowhere else.",
        widget=forms.TextInput(attrs={"list": suggested, "autocomplete": "off"}),
        error_messages={"invalid_choice": "There is no such organization."},
    )


def visible_organizations(actor: Actor) -> QuerySet[Any]:
    """Return the organizations that the actor may view."""
    model: Any = Role._meta.get_field("organization").related_model
    policy = policy_for(model)
    rows: QuerySet[Any] = model._default_manager.none() if policy is None else policy.visible(actor)
    return rows.order_by("name")


def assigned(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer who has the role, a page at a time, found by the beginning of a name or an address."""
    return _list(RolePage.open(admin, request, pk))


def add(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer what giving the role to these people would change, then give it to all of them or to none."""
    page = RolePage.open(admin, request, pk)
    denied = access.assignment_denials(page.actor, [page.role])[page.role.pk]
    if denied is not None:
        raise AccessDenied(denied)
    if request.method != "POST":
        return _list(page, _adding(page))
    form = _adding(page, request.POST)
    if not form.is_valid():
        return _list(page, form, 400)
    if stage_of(request) is Stage.EDIT:
        return _list(page, form)
    users, place = form.cleaned_data["people"], form.organization_id()
    ids = [user.pk for user in users]
    try:
        if stage_of(request) is Stage.SAVE:
            with transaction.atomic():
                AssignMany(page.actor, ids, page.role, place).execute()
            messages.success(request, f"{people_counted(len(ids))} “{page.role}” now.")
            return page.to(Tab.PEOPLE)
        impact = impact_of_assignment(page.actor, ids, page.role, place)
    except (ActionRefused, ValidationError) as refused:
        tell(form, refused)
        return _list(page, form, 409)
    held = set(Membership.objects.filter(organization_id=place, user_id__in=ids).values_list("user_id", flat=True))  # type: ignore[misc]  # None: the platform
    return page.render(
        "people_add.html",
        tab=Tab.PEOPLE,
        count=len(ids),
        impact=impact,
        effects=shown_effects(page.admin, page.actor, impact, [user for user in users if user.pk not in held]),
        unchanged=len(ids) - impact.people,
        place=form.cleaned_data.get("organization") or page.role.organization or "the platform",
        hidden=hidden_fields(request.POST),
    )


def remove(admin: GuardedAdmin, request: Any, pk: UUID) -> HttpResponse:
    """Answer whom it is about to take the role from, then take it from all of them or from none."""
    page = RolePage.open(admin, request, pk)
    keys = dict.fromkeys(request.POST.getlist("membership"))
    try:
        chosen = list(page.people().filter(pk__in=keys).select_related("user", "organization").order_by("user__email"))
    except ValidationError:
        chosen = []
    if not chosen or len(chosen) < len(keys):
        messages.error(request, "Choose who loses the role: they have it no more, or nobody was chosen.")
        return page.to(Tab.PEOPLE)
    errors: list[str] = []
    if stage_of(request) is Stage.SAVE:
        try:
            with transaction.atomic():
                _take_away(page, chosen)
        except ActionRefused as refused:
            errors = told(refused)
        else:
            messages.success(request, f"{len(chosen)} removed from “{page.role}”.")
            return page.to(Tab.PEOPLE)
    return page.render(
        "people_remove.html", tab=Tab.PEOPLE, status=409 if errors else 200, chosen=chosen, errors=errors
    )


def people_counted(count: int) -> str:
    """Return “One person has” or “12 people have”."""
    return "One person has" if count == 1 else f"{count:,} people have"


def _take_away(page: RolePage, chosen: Collection[Membership]) -> None:
    by_place: dict[UUID | None, list[UUID]] = defaultdict(list)
    for membership in chosen:
        by_place[membership.organization_id].append(membership.user_id)
    for place in sorted(by_place, key=in_one_order):
        UnassignMany(page.actor, by_place[place], page.role, place).execute()


def _adding(page: RolePage, sent: Any = None) -> AddPeopleForm:
    """Return the form, filled in before as far as the address says by whom and where."""
    return AddPeopleForm(sent, page=page, initial=page.request.GET.dict())


def _list(page: RolePage, form: AddPeopleForm | None = None, status: int = 200) -> HttpResponse:
    rows = page.people().select_related("user", "organization", "assigned_by").order_by("-assigned_at", "pk")
    words = page.request.GET.get("q", "").strip()
    if words:
        rows = rows.filter(Q(user__email__istartswith=words) | Q(user__name__istartswith=words))
    shown = CappedPaginator(rows, PER_PAGE).get_page(page.request.GET.get("p"))
    key = access.assign_key(page.actor)
    may_remove = decide(page.actor, key) is None
    for membership in shown.object_list:
        membership.role = page.role
        denial = access.target_denial(page.actor, membership, key) if may_remove else None
        membership.kept_by = str(denial) if denial else ""
    denied = access.assignment_denials(page.actor, [page.role])[page.role.pk]
    refusal = str(denied) if denied else "" if page.role.is_active else "An inactive role cannot be assigned."
    return page.render(
        "people.html",
        tab=Tab.PEOPLE,
        status=status,
        people=shown,
        words=words,
        may_remove=may_remove,
        refusal=refusal,
        form=None if refusal else form or _adding(page),
        suggested=_suggested(page) if not refusal else (),
        is_tenant=page.role.scope == Scope.TENANT,
    )


def _suggested(page: RolePage) -> Any:
    needs_one = page.role.scope == Scope.TENANT and page.role.organization_id is None
    return visible_organizations(page.actor)[:MOST_SUGGESTED] if needs_one else ()


def _is_address(word: str) -> bool:
    try:
        validate_email(word)
    except ValidationError:
        return False
    return True


def _listed(words: list[str]) -> str:
    return ", ".join(words[:5]) + (f" and {len(words) - 5} more" if len(words) > 5 else "")
