"""Who gains and loses what, as the pages before saving show it (PDP-5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from roles import access
from roles.console.frame import Tab
from roles.impact import Effect, Impact
from roles.models import REACHES
from roles.review import CategoryChange, Difference, by_category
from tenancy.actors import Actor
from tenancy.console import GuardedAdmin
from tenancy.policies import Verb

MOST_NAMED = 20


@dataclass(frozen=True)
class ShownEffect:
    """One effect with the first people of it, and where all of them are listed.

    `is_told` where what they gain and lose is exactly what the page lists already.
    """

    effect: Effect
    people: Sequence[Any]
    more: int
    everyone: str
    reach_before: str
    reach_after: str
    is_told: bool

    @property
    def categories(self) -> tuple[CategoryChange, ...]:
        """What is gained and lost, by category."""
        return by_category(self.effect.gained, self.effect.lost)

    @property
    def changes_reach(self) -> bool:
        """Whether it widens or narrows which clients they reach."""
        return bool(self.reach_before) and self.reach_before != self.reach_after


def shown_effects(
    admin: GuardedAdmin,
    actor: Actor,
    impact: Impact,
    newcomers: Sequence[Any] = (),
    difference: Difference | None = None,
) -> list[ShownEffect]:
    """Return the effects that touch anybody, those of the most people first.

    `newcomers` are users who have no role there yet, `difference` is what the page lists above. People are named to
    those who may know who has a role.
    """
    may_see = access.memberships_policy(actor).refusal(actor, Verb.VIEW) is None
    touching = sorted((effect for effect in impact.effects if effect.people), key=lambda effect: -effect.people)
    return [_shown(admin, impact, effect, newcomers, may_see, difference) for effect in touching]


def _shown(
    admin: GuardedAdmin,
    impact: Impact,
    effect: Effect,
    newcomers: Sequence[Any],
    may_see: bool,
    listed: Difference | None,
) -> ShownEffect:
    people: list[Any] = []
    if may_see:
        named = [one.user for one in impact.people_of(effect)[:MOST_NAMED]] if effect.role_id else list(newcomers)
        people = named[:MOST_NAMED]
    reaches = dict(REACHES)
    return ShownEffect(
        effect,
        people,
        effect.people - len(people),
        admin.address(Tab.PEOPLE, effect.role_id) if effect.role_id and may_see else "",
        reaches.get(effect.reach_before or "", ""),
        reaches.get(effect.reach_after or "", ""),
        listed is not None and (listed.added, listed.removed) == (frozenset(effect.gained), frozenset(effect.lost)),
    )
