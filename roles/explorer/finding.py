"""Finding what a question is about, among what the viewer may know of: a thing out of their sight is not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import Model, Q, QuerySet

from roles.engine.existing import WRITTEN_ID
from roles.explorer.answers import THE_PLATFORM, Place
from roles.models import Role
from tenancy.actors import Actor, Scope
from tenancy.errors import Denial, NotVisible, Reason
from tenancy.policies import policy_for

MOST_FOUND = 20


def find_places(viewer: Actor, words: str) -> list[Place]:
    """Return the organizations that the viewer may know of that are meant: by slug or id exactly, else by parts."""
    found = meant(visible(organizations(), viewer).order_by("name"), words, exact="slug", parts=("name", "slug"))
    return [_place_of(organization) for organization in found]


def suggested_places(viewer: Actor, limit: int) -> list[Place]:
    """Return the first organizations that the viewer may know of, by name."""
    return [_place_of(one) for one in visible(organizations(), viewer).order_by("name")[:limit]]


def organizations() -> type[Model]:
    """Return the model of organizations, which a room above has."""
    return Role._meta.get_field("organization").related_model  # type: ignore[return-value]


def visible(model: type[Model], viewer: Actor) -> QuerySet[Any]:
    """Return the rows of a model that its policy shows the viewer: none of an unguarded one."""
    policy = policy_for(model)
    return model._default_manager.none() if policy is None else policy.visible(viewer)


def _place_of(organization: Any) -> Place:
    return Place(organization.pk, organization.slug, organization.name)


def place_for(viewer: Actor, organization_id: UUID | None) -> Place:
    """Return the place of that id, None being the platform. Raises NotVisible for one the viewer may not know of."""
    if viewer.scope is Scope.PLATFORM:
        rows = visible(organizations(), viewer)
        if organization_id is None:
            return THE_PLATFORM
    else:
        rows = organizations()._default_manager.filter(pk=viewer.organization_id)
    found = rows.filter(pk=organization_id).first()
    if found is None:
        raise NotVisible(Denial(Reason.OUT_OF_REACH, "", organizations()._meta.label_lower, str(organization_id)))
    return _place_of(found)


def meant(rows: QuerySet[Any], words: str, *, exact: str, parts: Sequence[str]) -> list[Any]:
    """Return the row of exactly this name or id, else up to MOST_FOUND that have the words somewhere."""
    by_id = Q(pk=words) if WRITTEN_ID.match(words) else Q()
    found = rows.filter(Q(**{exact: words.lower()}) | by_id).first()
    if found is not None:
        return [found]
    like = Q()
    for name in parts:
        like |= Q(**{f"{name}__icontains": words})
    return list(rows.filter(like)[:MOST_FOUND])
