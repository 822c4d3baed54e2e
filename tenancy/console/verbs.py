"""What can be done to an object of the console besides editing it: asked about on a page of its own, then done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from tenancy.actors import Actor
from tenancy.errors import AccessDenied, ActionRefused
from tenancy.policies import decide

MOST_AT_ONCE = 100


class ObjectAction(Protocol):
    """An action of a room, made for an actor and one object's key."""

    def check(self, obj: Any, /) -> Any: ...
    def execute(self) -> Any: ...


@dataclass(frozen=True)
class ConsoleVerb:
    """A verb as the console offers it, for one object or a selection.

    `action` is called with the actor, the object's key and, where a reason is asked for, the reason. `keys` are
    declared on the route; `held` tells whether the actor may do it to anyone at all, where that depends on the object.
    """

    name: str
    label: str
    explanation: str
    done: str
    action: Callable[..., ObjectAction]
    keys: tuple[str, ...] = ()
    held: Callable[[Actor], bool] | None = None
    asks_reason: bool = False
    is_dangerous: bool = False

    def may_be_used_by(self, actor: Actor | None) -> bool:
        """Whether the actor may do this to anything."""
        if actor is None or any(decide(actor, key) for key in self.keys):
            return False
        return self.held is None or self.held(actor)

    def is_offered(self, actor: Actor, obj: Any) -> bool:
        """Whether the actor may do this to the object as it stands."""
        if not self.may_be_used_by(actor):
            return False
        try:
            self.on(actor, obj).check(obj)
        except (AccessDenied, ActionRefused):
            return False
        return True

    def on(self, actor: Actor, obj: Any, reason: str = "") -> ObjectAction:
        """Return the action that does this to the object."""
        return self.action(actor, obj.pk, reason) if self.asks_reason else self.action(actor, obj.pk)

    def form(self, submitted: Any = None) -> forms.Form:
        """Return the form that asks what there is to ask."""
        return (ReasonForm if self.asks_reason else forms.Form)(submitted)


class ReasonForm(forms.Form):
    """Why, in the words of whoever does it."""

    reason = forms.CharField(
        max_length=500,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="The record keeps it.",
    )
