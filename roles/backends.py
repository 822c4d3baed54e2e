"""Django's `user.has_perm(...)` answered by the roles, so that the admin and third-party apps obey them."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth.backends import BaseBackend
from django.db import models

from tenancy import context
from tenancy.actors import Actor
from tenancy.policies import Verb, policy_for


class RoleBackend(BaseBackend):
    """Grants what the current actor's role grants. Authenticates nobody."""

    def has_perm(self, user_obj: Any, perm: str, obj: models.Model | None = None) -> bool:
        """Whether the user, acting now, may do `app.verb_model`, to `obj` if one is given. Unknown means no."""
        actor = _actor_of(user_obj)
        verb, model = _parse(perm)
        if actor is None or verb is None or model is None:
            return False
        policy = policy_for(model)
        if policy is None or (obj is not None and not isinstance(obj, model)):
            return False
        return policy.permits(actor, verb, obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        """Whether the user, acting now, may do anything to any model of the app."""
        actor = _actor_of(user_obj)
        if actor is None:
            return False
        guarded = (policy_for(model) for model in apps.get_app_config(app_label).get_models())
        return any(policy.permits(actor, verb) for policy in guarded if policy for verb in Verb)


def _actor_of(user: Any) -> Actor | None:
    actor = context.current_actor()
    return actor if actor is not None and user.is_active and actor.user_id == user.pk else None


def _parse(perm: str) -> tuple[Verb | None, type[models.Model] | None]:
    app_label, _, codename = perm.partition(".")
    verb, _, model_name = codename.partition("_")
    try:
        return Verb(verb), apps.get_model(app_label, model_name)
    except (ValueError, LookupError):
        return None, None
