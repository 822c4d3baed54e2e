"""What can be done to several roles at once: looked over role by role, then all of them or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Count
from django.http import HttpResponse, HttpResponseRedirect

from roles import access
from roles.actions import DeleteRole, activate, deactivate
from roles.console.frame import render
from roles.console.saving import NOT_CONFIRMED, told
from roles.family import read_family
from roles.models import Membership, Role
from roles.review import Review, review_of_update
from tenancy.actors import Actor
from tenancy.console import GuardedAdmin
from tenancy.errors import ActionRefused
from tenancy.policies import Verb

MOST_AT_ONCE = 50


@dataclass(frozen=True)
class BulkVerb:
    """A verb on a selection: what it asks of the actor, and how it is done to one role."""

    name: str
    label: str
    explanation: str
    done: str
    verb: Verb
    act: Callable[[Actor, Role], Any]
    values: dict[str, Any] | None = None
    is_dangerous: bool = False


BULK = {
    one.name: one
    for one in (
        BulkVerb(
            "activate",
            "Activate",
            "They can be assigned, and grant what they hold, from the next request on.",
            "Activated",
            Verb.CHANGE,
            lambda actor, role: activate(actor, role.pk, role.version).execute(),
            {"is_active": True},
        ),
        BulkVerb(
            "deactivate",
            "Deactivate",
            "They cannot be assigned and grant nothing, from the next request on. Whoever has one keeps it, and is"
            " let in again when it is active again.",
            "Deactivated",
            Verb.CHANGE,
            lambda actor, role: deactivate(actor, role.pk, role.version).execute(),
            {"is_active": False},
            is_dangerous=True,
        ),
        BulkVerb(
            "delete-many",
            "Delete",
            "Only roles that nobody has are deleted together. A role with people is deleted on its own page, where you"
            " say which one they get instead.",
            "Deleted",
            Verb.DELETE,
            lambda actor, role: DeleteRole(actor, role.pk, version=role.version).execute(),
            is_dangerous=True,
        ),
    )
}


@dataclass(frozen=True)
class Candidate:
    """One role of the selection: why it is left out, if so, and what changes for how many."""

    role: Role
    people: int
    left_out: str
    review: Review | None

    @property
    def effects(self) -> str:
        """What its people gain or lose, counted."""
        if self.review is None or not self.people:
            return ""
        gained, lost = len(self.review.impact.gained), len(self.review.impact.lost)
        return ", ".join(part for part in (f"gain {gained}" if gained else "", f"lose {lost}" if lost else "") if part)


def selection(admin: GuardedAdmin, request: Any) -> HttpResponse:
    """Answer what the verb of the address would do to the roles chosen; then do it to all that it can be done to."""
    sent = request.POST if request.method == "POST" else request.GET
    bulk = BULK.get(sent.get("verb", ""))
    roles = _chosen(request.actor, sent.getlist("pk"))
    if bulk is None or not 0 < len(roles) <= MOST_AT_ONCE:
        messages.error(request, f"Choose at least one role and at most {MOST_AT_ONCE}.")
        return HttpResponseRedirect(admin.address("changelist"))
    access.roles_policy(request.actor).require(request.actor, bulk.verb)
    if request.method != "POST":
        return _asking(admin, request, bulk, _candidates(request.actor, bulk, roles))
    candidates = _candidates(request.actor, bulk, roles)
    if _wants_confirmation(candidates) and "confirmed" not in request.POST:
        return _asking(admin, request, bulk, candidates, [NOT_CONFIRMED], 400)
    try:
        with transaction.atomic():
            for role in roles:
                bulk.act(request.actor, role)
    except (ActionRefused, ValidationError) as refused:
        return _asking(admin, request, bulk, candidates, told(refused), 409)
    messages.success(request, f"{bulk.done}: {', '.join(str(role) for role in roles)}.")
    return HttpResponseRedirect(admin.address("changelist"))


def _chosen(actor: Actor, keys: Sequence[str]) -> list[Role]:
    """Return the roles of those keys. Raises NotVisible for one that the actor may not see."""
    if len(keys) > MOST_AT_ONCE:
        return []
    return [access.roles_policy(actor).get(actor, key) for key in dict.fromkeys(keys)]


def _candidates(actor: Actor, bulk: BulkVerb, roles: Sequence[Role]) -> list[Candidate]:
    ids = [role.pk for role in roles]
    denials = access.edit_denials(actor, roles, bulk.verb)
    family = read_family(below=ids)
    held = Membership.objects.visible_to(actor).filter(role__in=ids).order_by()
    people = dict(held.values_list("role").annotate(Count("pk")))
    found = []
    for role in roles:
        denial, count = denials[role.pk], people.get(role.pk, 0)
        left_out = str(denial) if denial else _unfit(bulk, role, count, bool(family.heirs(role.pk)))
        review = review_of_update(actor, role, bulk.values) if bulk.values and not left_out else None
        found.append(Candidate(role, count, left_out, review))
    return found


def _unfit(bulk: BulkVerb, role: Role, people: int, has_heirs: bool) -> str:
    """Return why the verb does not fit the role as it stands, or nothing."""
    if bulk.values is not None:
        wanted = bulk.values["is_active"]
        return f"It is {'active' if wanted else 'inactive'} already." if role.is_active == wanted else ""
    if people:
        return "People have it: delete it on its own page."
    return "Other roles inherit from it." if has_heirs else ""


def _wants_confirmation(candidates: Sequence[Candidate]) -> bool:
    return any(one.review is not None and one.review.needs_confirmation for one in candidates)


def _asking(
    admin: GuardedAdmin,
    request: Any,
    bulk: BulkVerb,
    candidates: Sequence[Candidate],
    errors: Sequence[str] = (),
    status: int = 200,
) -> HttpResponse:
    return render(
        admin,
        request,
        "selection.html",
        f"{bulk.label} roles",
        status,
        bulk=bulk,
        taking_part=[one for one in candidates if not one.left_out],
        left_out=[one for one in candidates if one.left_out],
        needs_confirmation=_wants_confirmation(candidates),
        errors=errors,
        back=admin.address("changelist"),
    )
