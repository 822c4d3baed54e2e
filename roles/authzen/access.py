"""What an asker may learn by asking (threat 12)."""

from __future__ import annotations

from collections.abc import Iterable, Set

from roles.actors import RoleActor
from roles.authzen.errors import Forbidden
from roles.engine.objects import Need, kinds
from roles.engine.snapshot import Snapshot
from tenancy.errors import Denial, Reason

#: Whoever may look at the people of an organization may ask what they may do. Everybody may ask about themselves.
ASK_ABOUT_OTHERS = "team:read"
#: Stands for an object that the asker may not know of: no object has this id, so it is answered as a missing one is.
NO_OBJECT = ""


def require_about_others(actor: RoleActor) -> None:
    """Raise Forbidden for an asker who may ask about themselves only."""
    if not actor.has(ASK_ABOUT_OTHERS):
        sentence = f"With this token you may ask about yourself only: for others it needs “{ASK_ABOUT_OTHERS}”."
        raise Forbidden(Denial(Reason.MISSING_PERMISSION, key=ASK_ABOUT_OTHERS, sentence=sentence), actor)


def require_about(actor: RoleActor, subjects: Iterable[str]) -> None:
    """Raise Forbidden for an asker who may not ask about each of these people, by id or e-mail address."""
    if not {str(actor.user_id), actor.label}.issuperset(subjects):
        require_about_others(actor)


class Sight:
    """The objects that an asker may know of, in a snapshot."""

    def __init__(self, actor: RoleActor, snapshot: Snapshot) -> None:
        person = snapshot.person(str(actor.user_id))
        self._actor = actor
        self._rules = snapshot.rules
        self._assigned = person.assigned if person is not None else {}
        #: Whether there is nothing that the asker may not know of.
        self.is_whole = person is not None and person.reaches_all

    def known(self, action: str, kind: str) -> Set[str] | None:
        """Return the ids of a kind of object that the asker may know of by asking for an action, or None for all."""
        rule = self._rules.get((kind, action))
        if self.is_whole or (kind not in kinds() and (rule is None or rule.need is not Need.NAMED)):
            return None
        return self._assigned.get(kind, {}).keys()

    def listed(self, kind: str) -> Set[str] | None:
        """Return of which ids the asker may be told, who names none: those that they reach, whatever the action needs,
        and none without the permission to read the kind."""
        stored = kinds().get(kind)
        if stored is not None and not self._actor.has(stored.reading):
            return frozenset()
        return None if self.is_whole else self._assigned.get(kind, {}).keys()

    def seen(self, action: str, kind: str, object_id: str) -> str:
        """Return the id if the asker may know of the object, else NO_OBJECT."""
        return object_id if self.sees(action, kind, object_id) else NO_OBJECT

    def sees(self, action: str, kind: str, object_id: str) -> bool:
        """Whether the asker may know of the object."""
        known = self.known(action, kind)
        return known is None or object_id in known
