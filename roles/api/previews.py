"""What an edit, a deletion or an assignment would change for whom, before it is made (PDP-5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from roles import catalogue
from roles.api.people import NO_ORGANIZATION, Assignment
from roles.api.references import in_body, in_query
from roles.api.serializers import RoleDetail
from roles.api.views import NO_PERSON, NO_ROLE, RoleViews
from roles.impact import Effect, Impact, impact_of_assignment, impact_of_delete, impact_of_update
from roles.models import Membership
from tenancy.api.filtering import read_query
from tenancy.api.serializers import PersonSummary, StrictInput

MOST_SHOWN = 200


class Window(StrictInput):
    """Which of the people are shown, of all that the edit touches."""

    limit = serializers.IntegerField(
        default=50, min_value=1, max_value=MOST_SHOWN, help_text="How many people to show."
    )
    offset = serializers.IntegerField(default=0, min_value=0, max_value=10_000_000, help_text="How many to leave out.")


class EditWindow(Window):
    delete = serializers.BooleanField(default=False, help_text="Preview the deletion of the role instead of an edit.")
    replacement = serializers.UUIDField(
        required=False, default=None, help_text="With `delete`: who has it gets this role."
    )


class RoleNow(serializers.Serializer[Any]):
    """The role that people have before the edit."""

    id = serializers.UUIDField()
    display_name = serializers.CharField()


class EffectShown(serializers.Serializer[Any]):
    """What everyone of one role gains and loses; without a role: those who have none there yet."""

    role = RoleNow(allow_null=True)
    people = serializers.IntegerField()
    gained = serializers.ListField(child=serializers.CharField())
    lost = serializers.ListField(child=serializers.CharField())
    reach_before = serializers.CharField(
        allow_null=True, help_text="`all` or `assigned` clients; null on the platform."
    )
    reach_after = serializers.CharField(allow_null=True)


class Affected(serializers.Serializer[Any]):
    """One person who gains or loses something, and in which organization (null: on the platform)."""

    user = PersonSummary()
    role = RoleNow(allow_null=True)
    organization = serializers.UUIDField(allow_null=True)
    gained = serializers.ListField(child=serializers.CharField())
    lost = serializers.ListField(child=serializers.CharField())


class AffectedPage(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text="How many people there are in all.")
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()
    results = Affected(many=True)


class Preview(serializers.Serializer[Any]):
    """The effects of an edit. Nothing was changed."""

    refused = serializers.CharField(allow_null=True, help_text="Why the edit would not be carried out, if so.")
    gained = serializers.ListField(child=serializers.CharField(), help_text="What anybody gains.")
    lost = serializers.ListField(child=serializers.CharField(), help_text="What anybody loses.")
    effects = EffectShown(many=True)
    people = AffectedPage()


class PreviewViewSet(RoleViews):
    """Previews of edits and deletions."""

    versioned = False
    serializer_class = Preview

    @extend_schema(parameters=[EditWindow], request=RoleDetail(partial=True), responses={200: Preview}, filters=False)
    def preview(self, request: Request, pk: UUID) -> Response:
        """Say who would gain and lose what by an edit, sent as for PATCH, or by the deletion of the role."""
        window = read_query(EditWindow, request)
        if window["delete"]:
            replacement = window["replacement"]
            with in_query(request, "replacement", replacement if replacement != pk else None, NO_ROLE):
                return shown(impact_of_delete(self.actor, pk, replacement), window)
        given = RoleDetail(data=request.data, partial=True, context=self.get_serializer_context())
        given.is_valid(raise_exception=True)
        return shown(impact_of_update(self.actor, pk, given.validated_data), window)


class AssignmentPreviewViewSet(RoleViews):
    """Previews of assignments."""

    versioned = False
    serializer_class = Preview

    @extend_schema(parameters=[Window], request=Assignment, responses={200: Preview}, filters=False)
    def preview(self, request: Request, pk: UUID) -> Response:
        """Say who would gain and lose what if these people were given the role."""
        window, role = read_query(Window, request), self.role()
        given = Assignment(data=request.data)
        given.is_valid(raise_exception=True)
        users, place = given.validated_data["users"], given.validated_data["organization"]
        people = in_body(request, "users", users, NO_PERSON)
        with people, in_body(request, "organization", place, NO_ORGANIZATION):
            return shown(impact_of_assignment(self.actor, users, role, place), window)


def shown(impact: Impact, window: dict[str, Any]) -> Response:
    """Answer the impact with the people of the window."""
    limit, offset = window["limit"], window["offset"]
    told = {
        "refused": impact.refused or None,
        "gained": catalogue.in_order(impact.gained),
        "lost": catalogue.in_order(impact.lost),
        "effects": [
            {
                "role": _role(effect),
                "people": effect.people,
                "gained": effect.gained,
                "lost": effect.lost,
                "reach_before": effect.reach_before,
                "reach_after": effect.reach_after,
            }
            for effect in impact.effects
        ],
        "people": {
            "count": impact.people,
            "limit": limit,
            "offset": offset,
            "results": list(people_between(impact, offset, offset + limit)),
        },
    }
    return Response(Preview(told).data)


def people_between(impact: Impact, first: int, end: int) -> Iterator[dict[str, Any]]:
    """Yield the people from place `first` up to `end`, effect by effect, with what each of them gains and loses."""
    for effect in impact.effects:
        if effect.people and first < effect.people and end > 0:
            for user, organization_id in _people(impact, effect, max(first, 0), end):
                yield {
                    "user": user,
                    "role": _role(effect),
                    "organization": organization_id,
                    "gained": effect.gained,
                    "lost": effect.lost,
                }
        first, end = first - effect.people, end - effect.people


def _people(impact: Impact, effect: Effect, first: int, end: int) -> list[tuple[Any, UUID | None]]:
    if effect.role_id is None:
        return [] if impact.newcomers is None else [(user, impact.place) for user in impact.newcomers[first:end]]
    held: list[Membership] = list(impact.people_of(effect)[first:end])
    return [(membership.user, membership.organization_id) for membership in held]


def _role(effect: Effect) -> dict[str, Any] | None:
    return None if effect.role_id is None else {"id": effect.role_id, "display_name": effect.role}
