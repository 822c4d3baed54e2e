"""Watch: the feed of policy changes, for callers that keep decisions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from roles.engine.snapshot import Version
from roles.engine.watch import Change, PositionLost, changes_after
from roles.models import PolicyChange
from tenancy.api.filtering import read_query
from tenancy.api.problems import MEDIA_TYPE, QueryRefused, body
from tenancy.api.schema import Problem
from tenancy.api.serializers import StrictInput
from tenancy.api.views import ActorViewSet

MOST_AT_ONCE = 200
VERSION = {"type": "string", "pattern": r"^[0-9]{1,19}\.[0-9]{1,19}$"}


@extend_schema_field(VERSION)
class VersionField(serializers.CharField):
    """A version, written `own.shared`."""


class Position(StrictInput):
    """The query: after which version, and how many changes at most."""

    after = VersionField(
        required=False,
        default=None,
        allow_blank=True,  # An empty one is refused with the others, not taken for none.
        help_text="What came after this version: the `resume_after` of the last answer, or the version of a decision."
        " Without it: no change, and the version to begin with.",
    )
    limit = serializers.IntegerField(
        default=100, min_value=1, max_value=MOST_AT_ONCE, help_text="How many changes to tell at most."
    )


class ChangeShown(serializers.Serializer[Change]):
    """One change."""

    version = serializers.IntegerField(help_text="It counts in the sequence that `shared` says.")
    kind = serializers.CharField(
        help_text="What changed. `membership`, `user` (a second factor or a token, too), `clientgrant` and"
        " `resourcegrant` name people. `role`, `rolepermission`, `application`, `client`, `organization`, and any other"
        " kind, name what it says: whatever is kept may rest on it."
    )
    subjects = serializers.ListField(
        child=serializers.UUIDField(),
        allow_null=True,
        help_text="The ids of the people, or of the roles or things, concerned; null: any may be.",
    )
    at = serializers.DateTimeField()
    shared = serializers.BooleanField(source="is_shared", help_text="Whether it concerns every organization.")


class FeedShown(serializers.Serializer[Any]):
    """Changes in order, and where to go on."""

    changes = ChangeShown(many=True)
    resume_after = VersionField()
    has_more = serializers.BooleanField(help_text="Whether more changes are there now.")


class PositionLostProblem(Problem):
    """What came after the version is not known: read everything anew, and go on from `resume_after`."""

    resume_after = VersionField()


class WatchViewSet(ActorViewSet):
    """The feed of policy changes."""

    queryset = PolicyChange.objects.none()
    serializer_class = FeedShown
    pagination_class = None
    filter_backends = []

    @extend_schema(
        parameters=[Position],
        responses={
            200: FeedShown,
            (410, MEDIA_TYPE): OpenApiResponse(
                PositionLostProblem, description="What came after the version is not known (any more)."
            ),
        },
    )
    def watch(self, request: Request) -> Response:
        """Tell what changed after a version of the policy; whoever goes on from `resume_after` misses nothing."""
        asked = read_query(Position, request)
        try:
            feed = changes_after(self.actor, _version(asked["after"]), asked["limit"])
        except PositionLost as lost:
            told = body(request, 410, str(lost), resume_after=str(lost.current))
            return Response(told, 410, content_type=MEDIA_TYPE)
        return Response(FeedShown(feed._asdict() | {"resume_after": str(feed.resume_after)}).data)


def _version(written: str | None) -> Version | None:
    try:
        return None if written is None else Version.parse(written)
    except ValueError as wrong:
        raise QueryRefused({"after": [str(wrong)]}) from wrong
