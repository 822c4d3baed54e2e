"""How models are guarded: each room says which key each verb on a model needs, and which rows an actor may see.

The check of one object is its presence in the list of the visible ones, so that check and list cannot drift apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.module_loading import import_string

from tenancy.actors import Actor
from tenancy.errors import AccessDenied, Denial, NotVisible, Reason

M = TypeVar("M", bound=models.Model)


def decide(actor: Actor, key: str) -> Denial | None:
    """Ask the engine that the setting TENANCY_DECIDER names: None when the actor may use `key`, else why not."""
    return import_string(settings.TENANCY_DECIDER)(actor, key)  # type: ignore[no-any-return]


def require(actor: Actor, key: str) -> None:
    """Raise AccessDenied unless the actor may use `key`."""
    if denial := decide(actor, key):
        raise AccessDenied(denial)


class Verb(StrEnum):
    """What is done to an object: Django's four model permissions."""

    VIEW = "view"
    ADD = "add"
    CHANGE = "change"
    DELETE = "delete"


@dataclass(frozen=True)
class AccessPolicy(Generic[M]):
    """The keys that guard a model, and the rows an actor may touch with each verb.

    A verb without a key is denied to everyone. `visible(actor, verb)` is a queryset already narrowed to the actor's
    organization and reach.
    """

    model: type[M]
    keys: Mapping[Verb, str]
    rows: Callable[[Actor, Verb], models.QuerySet[M]]

    def refusal(self, actor: Actor, verb: Verb) -> Denial | None:
        """Return why the actor may do this to no object of the model at all, or None."""
        key = self.keys.get(verb)
        if key is None:
            return Denial(Reason.UNKNOWN_PERMISSION, resource_type=self.model._meta.label_lower)
        return decide(actor, key)

    def permits(self, actor: Actor | None, verb: Verb, obj: M | None = None) -> bool:
        """Whether the actor may do this, to `obj` if one is given."""
        if actor is None or self.refusal(actor, verb) is not None:
            return False
        return obj is None or self.rows(actor, verb).filter(pk=obj.pk).exists()

    def visible(self, actor: Actor, verb: Verb = Verb.VIEW) -> models.QuerySet[M]:
        """Return the rows the actor may do this to: none without the permission."""
        if self.refusal(actor, verb) is not None:
            return self.model._default_manager.none()
        return self.rows(actor, verb)

    def require(self, actor: Actor, verb: Verb) -> None:
        """Raise AccessDenied unless the actor holds the key of `verb`."""
        if denial := self.refusal(actor, verb):
            raise AccessDenied(denial)

    def get(self, actor: Actor, pk: Any, verb: Verb = Verb.VIEW, *, lock: bool = False) -> M:
        """Return the one object of that key.

        Raises NotVisible when there is none that the actor may see, AccessDenied when they see it and may do no more.
        """
        if refused := self.refusal(actor, Verb.VIEW):
            raise AccessDenied(self._denial(refused, pk))
        found = self._first(self.rows(actor, verb), pk, lock=lock)
        if found is None:
            if verb is Verb.VIEW or self._first(self.rows(actor, Verb.VIEW), pk) is None:
                raise NotVisible(self._denial(Denial(Reason.OUT_OF_REACH, key=self.keys.get(verb, "")), pk))
            refused = self.refusal(actor, verb) or Denial(Reason.READ_ONLY, self.keys[verb])
            raise AccessDenied(self._denial(refused, pk))
        if refused := self.refusal(actor, verb):
            raise AccessDenied(self._denial(refused, pk))
        return found

    def _first(self, rows: models.QuerySet[M], pk: Any, *, lock: bool = False) -> M | None:
        try:
            matching = rows.filter(pk=pk)
        except (ValueError, TypeError, ValidationError):
            return None
        # No key is changed, so that a record which refers to the row need not wait for it.
        return (matching.select_for_update(of=("self",), no_key=True) if lock else matching).first()

    def _denial(self, denial: Denial, pk: Any) -> Denial:
        return replace(denial, resource_type=self.model._meta.label_lower, resource_id=str(pk)[:100])


_policies: dict[type[models.Model], AccessPolicy[Any]] = {}


def guard(policy: AccessPolicy[M]) -> AccessPolicy[M]:
    """Register the policy of a model, so that Django's `has_perm` and the console obey it too; return it."""
    if policy.model in _policies:
        raise ValueError(f"{policy.model.__name__} is guarded already.")
    _policies[policy.model] = policy
    return policy


def policy_for(model: type[models.Model]) -> AccessPolicy[Any] | None:
    """Return the policy of a model, or None: nothing may be done to an unguarded one."""
    return _policies.get(model)


def policies() -> Mapping[type[models.Model], AccessPolicy[Any]]:
    """Return every guarded model with its policy."""
    return MappingProxyType(_policies)
