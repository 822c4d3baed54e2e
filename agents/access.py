"""Who may import clients, and which imports each person sees."""

from __future__ import annotations

from collections.abc import Iterable

from agents.imports import Field, Plan
from agents.models import ImportRun, ImportRunQuerySet
from tenancy.actors import Actor
from tenancy.errors import AccessDenied, ActionRefused, Denial
from tenancy.policies import AccessPolicy, Verb, decide, guard

READ = "agents:read"
EXECUTE = "agents:execute"
WRITE_CLIENTS = "clients:write"
WRITE_CONTACTS = "contacts:write"
#: What starting an import needs, and going on with it. A file with people in it needs WRITE_CONTACTS too.
START = (EXECUTE, WRITE_CLIENTS)
CONTACT_FIELDS = frozenset(field for field in Field if field.startswith("contact_"))


class ImportPolicy(AccessPolicy[ImportRun]):
    """The policy of imports: adding one needs every key of START."""

    def refusal(self, actor: Actor, verb: Verb) -> Denial | None:
        """Return why the actor may do this to no import at all, or None."""
        refused = super().refusal(actor, verb)
        if refused is None and verb is Verb.ADD:
            return _first_refusal(actor, START)
        return refused


def _runs(actor: Actor, verb: Verb) -> ImportRunQuerySet:
    return ImportRun.objects.visible_to(actor)


import_policy = guard(
    ImportPolicy(
        ImportRun,
        {Verb.VIEW: READ, Verb.ADD: EXECUTE, Verb.CHANGE: EXECUTE},
        _runs,
    )
)


def keys_for(plan: Plan) -> tuple[str, ...]:
    """Return every permission that importing by this plan needs."""
    return (*START, WRITE_CONTACTS) if CONTACT_FIELDS & plan.columns.keys() else START


def require_may_import(actor: Actor, plan: Plan) -> None:
    """Raise AccessDenied unless the actor may create what the plan creates."""
    if denial := _first_refusal(actor, keys_for(plan)):
        raise AccessDenied(denial)


def require_uploader(actor: Actor, run: ImportRun) -> None:
    """Raise ActionRefused unless the actor uploaded the file: an import acts for them and for nobody else."""
    if run.started_by_id != actor.user_id:
        raise ActionRefused("Only the person who uploaded the file starts its import, for it runs with their rights.")


def _first_refusal(actor: Actor, keys: Iterable[str]) -> Denial | None:
    return next((denial for key in keys if (denial := decide(actor, key))), None)
