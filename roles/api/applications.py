"""The applications of an organization, and the resources in them that are granted to its people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from roles import access
from roles.actions import (
    DeleteApplication,
    GrantResources,
    RegisterApplication,
    RevokeResources,
    UpdateApplication,
)
from roles.actions.applications import preview_change
from roles.actions.resources import MOST_AT_ONCE, visible_application
from roles.api.references import in_body, in_query
from roles.api.serializers import People
from roles.applications import MOST_ACTIONS, roles_holding
from roles.models import ActionReach, Application, ResourceGrant
from roles.models.application import LONGEST_RESOURCE_ID
from tenancy.api.filtering import Ordering, read_query
from tenancy.api.idempotency import once
from tenancy.api.problems import QueryRefused
from tenancy.api.schema import also_answers
from tenancy.api.serializers import PersonSummary, StrictInput, StrictSerializer
from tenancy.api.views import ActorViewSet, GuardedViewSet
from tenancy.policies import Verb

NO_MEMBER = "There is no such person here."


class ActionInput(StrictInput):
    """What may be done to one type of resource."""

    resource_type = serializers.CharField(max_length=40)
    action = serializers.CharField(max_length=40)
    name = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="What the permission is called."
    )
    reach = serializers.ChoiceField(ActionReach.choices, help_text="On which resources whoever holds it may do it.")
    owner_property = serializers.CharField(
        max_length=40,
        required=False,
        allow_blank=True,
        help_text="For `own`: the property by which a resource names its owner, by id or e-mail address.",
    )


class ActionShown(serializers.Serializer[Any]):
    """An action with the key of its permission, and how many roles hold it."""

    resource_type = serializers.CharField()
    action = serializers.CharField()
    name = serializers.CharField()
    reach = serializers.ChoiceField(ActionReach.choices)
    owner_property = serializers.CharField()
    permission = serializers.CharField(source="permission_id")
    held_by = serializers.SerializerMethodField(help_text="How many roles hold it themselves.")

    def get_held_by(self, action: Any) -> int:
        held: Mapping[str, int] = self.context["held"]
        return held.get(action.permission_id, 0)


class ApplicationDetail(StrictSerializer):
    """An application with its actions: those that are sent are all that it has afterwards."""

    actions = ActionInput(many=True, required=False, write_only=True, max_length=MOST_ACTIONS)  # type: ignore[call-arg]

    class Meta:
        model = Application
        fields: tuple[str, ...] = ("id", "slug", "name", "description", "actions", "version", "created_at")
        read_only_fields = ("id", "version", "created_at")

    def left_out(self) -> dict[str, Any]:
        """Return what a new application has in the fields that were not sent."""
        return {"description": "", "actions": ()}

    def to_representation(self, instance: Application) -> Any:
        rows = list(instance.actions.all())
        held = roles_holding([row.permission_id for row in rows]) if rows else {}
        shown = ActionShown(rows, many=True, context={"held": held})
        return {**super().to_representation(instance), "actions": shown.data}


class ApplicationShown(ApplicationDetail):
    """An application with its actions, as it is answered."""

    actions = ActionShown(many=True)  # type: ignore[assignment]


class ApplicationListed(serializers.ModelSerializer[Application]):
    """An application without its actions."""

    class Meta:
        model = Application
        fields = ["id", "slug", "name", "description", "version", "created_at"]
        read_only_fields = fields


class Remaining(StrictInput):
    """The actions that an application would still have; with none, it would be deleted."""

    actions = ActionInput(many=True, required=False, default=list, max_length=MOST_ACTIONS)  # type: ignore[call-arg]


class RedefinedShown(serializers.Serializer[Any]):
    """Whom the permissions of actions concern that stay and reach something else."""

    roles = serializers.IntegerField(help_text="How many roles hold such a permission themselves.")
    people = serializers.IntegerField(
        help_text="How many people have such a permission by their role, inherited or by a wildcard too."
    )


class RemovalShown(serializers.Serializer[Any]):
    """What would go with the actions that are left out, and whose permissions would reach something else."""

    roles = serializers.IntegerField(help_text="How many roles would lose a permission.")
    people = serializers.IntegerField(
        help_text="How many people would lose one that they have by their role, inherited or by a wildcard too."
    )
    grants = serializers.IntegerField(help_text="How many grants on resources would end.")
    redefined = RedefinedShown(
        help_text="Whom a changed `reach` or `owner_property` concerns: they may lose access and keep the permission."
    )


class ApplicationFilter(django_filters.FilterSet):  # type: ignore[misc]
    slug = django_filters.CharFilter("slug", max_length=40)
    q = django_filters.CharFilter("name", "icontains", max_length=200, label="Part of the name.")
    ordering = Ordering(fields=["name", "slug", "created_at"])

    class Meta:
        model = Application
        fields: list[str] = []


class ApplicationViewSet(GuardedViewSet):
    """The applications of the organization: list, read, register, change, delete."""

    policy = access.application_policy
    queryset = Application.objects.none()
    serializer_class = ApplicationDetail
    filterset_class = ApplicationFilter

    def get_serializer_class(self) -> Any:
        """Return what reads and writes the application in this action."""
        return ApplicationListed if self.action == "list" else ApplicationDetail

    def creating(self, values: dict[str, Any]) -> RegisterApplication:
        """Return the verb that registers the application."""
        return RegisterApplication(self.actor, values)

    def updating(self, values: dict[str, Any], version: int | None) -> UpdateApplication:
        """Return the verb that changes the application of the URL."""
        return UpdateApplication(self.actor, self.kwargs["pk"], values, version)

    def deleting(self, version: int | None) -> DeleteApplication:
        """Return the verb that deletes the application of the URL."""
        return DeleteApplication(self.actor, self.kwargs["pk"], version)

    @extend_schema(request=ApplicationDetail, responses={201: ApplicationShown})
    def create(self, request: Request) -> Response:
        """Register an application. Its permissions are held by those who hold all, until roles are given them."""
        return super().create(request)

    @extend_schema(responses={200: ApplicationShown})
    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Answer one application with its actions."""
        return super().retrieve(request, pk)

    @extend_schema(request=ApplicationDetail, responses={200: ApplicationShown})
    def update(self, request: Request, pk: UUID) -> Response:
        """Replace an application but for its slug. The permissions of actions that are left out go from all roles."""
        return super().update(request, pk)

    @extend_schema(request=ApplicationDetail, responses={200: ApplicationShown})
    def partial_update(self, request: Request, pk: UUID) -> Response:
        """Change the fields that are sent; `actions` are replaced as a whole."""
        return super().partial_update(request, pk)

    def destroy(self, request: Request, pk: UUID) -> Response:
        """Delete an application: its permissions go from all roles, and all grants on what is in it end."""
        return super().destroy(request, pk)


class RemovalViewSet(ActorViewSet):
    """What changing or removing actions would do."""

    queryset = Application.objects.none()
    serializer_class = RemovalShown
    pagination_class = None
    filter_backends = []

    @extend_schema(request=Remaining, responses={200: RemovalShown})
    def preview(self, request: Request, pk: UUID) -> Response:
        """Tell what would go if these were all actions of the application, and with none if it were deleted."""
        given = Remaining(data=request.data)
        given.is_valid(raise_exception=True)
        preview = preview_change(self.actor, pk, given.validated_data["actions"])
        told = {**preview.removal._asdict(), "redefined": preview.redefined._asdict()}
        return Response(RemovalShown(told).data)


class GrantFilter(django_filters.FilterSet):  # type: ignore[misc]
    resource_type = django_filters.CharFilter(max_length=40)
    resource_id = django_filters.CharFilter(max_length=LONGEST_RESOURCE_ID, strip=False)
    user = django_filters.UUIDFilter("user_id", label="Whose they are, by the id of a user.")
    ordering = Ordering(fields={"resource_type": "resource_type", "resource_id": "resource_id", "id": "since"})

    class Meta:
        model = ResourceGrant
        fields: list[str] = []


class GrantShown(serializers.ModelSerializer[ResourceGrant]):
    """A resource that is granted to somebody, and since when."""

    user = PersonSummary(read_only=True)
    since = serializers.DateTimeField(source="created_at", read_only=True)

    class Meta:
        model = ResourceGrant
        fields = ["resource_type", "resource_id", "user", "since"]
        read_only_fields = fields


class ResourceIds(serializers.ListField):
    """Resources by the ids that the application knows them by."""

    child = serializers.CharField(max_length=LONGEST_RESOURCE_ID, trim_whitespace=False)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_length=1, max_length=MOST_AT_ONCE, **kwargs)


class GrantInput(StrictInput):
    """Every one of the resources for every one of the people."""

    resource_type = serializers.CharField(max_length=40)
    resource_ids = ResourceIds()
    users = People(min_length=1)


class RevocationInput(StrictInput):
    """The query of taking resources back: repeat `resource_id` and `user` for several."""

    resource_type = serializers.CharField(max_length=40)
    resource_id = ResourceIds()
    user = People(min_length=1)


class GrantedShown(serializers.Serializer[Any]):
    """What a bulk grant did."""

    new = serializers.IntegerField(help_text="How many grants were made.")
    unchanged = serializers.IntegerField(help_text="How many were there already.")


class GrantViewSet(ActorViewSet):
    """The resources of an application that are granted to people."""

    policy = access.resource_grant_policy
    queryset = ResourceGrant.objects.none()
    serializer_class = GrantShown
    filterset_class = GrantFilter

    def get_queryset(self) -> QuerySet[ResourceGrant]:
        """Return the grants on resources of the application that the actor may know of."""
        if getattr(self, "swagger_fake_view", False):
            return ResourceGrant.objects.none()
        self.policy.require(self.actor, Verb.VIEW)
        application = visible_application(self.actor, self.kwargs["pk"])
        granted = self.policy.visible(self.actor).filter(application=application)
        return granted.select_related("user").order_by("resource_type", "resource_id", "pk")

    @extend_schema(request=GrantInput, responses={200: GrantedShown}, filters=False)
    @once
    def create(self, request: Request, pk: UUID) -> Response:  # type: ignore[override]
        """Grant all of the resources to all of the people, or nothing."""
        given = GrantInput(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        with in_body(request, "users", values["users"], NO_MEMBER):
            made = GrantResources(
                self.actor, pk, values["resource_type"], values["resource_ids"], values["users"]
            ).execute()
        return Response(GrantedShown(made._asdict()).data)

    @extend_schema(parameters=[RevocationInput], filters=False)
    @also_answers("413", "415")
    def destroy(self, request: Request, pk: UUID) -> Response:
        """Take all of the resources from all of the people; what they do not have is no error."""
        asked = read_query(RevocationInput, request)
        ids, users = asked["resource_id"], asked["user"]
        with in_query(request, "user", users, NO_MEMBER):
            try:
                RevokeResources(self.actor, pk, asked["resource_type"], ids, users).execute()
            except ValidationError as wrong:
                raise QueryRefused({"resource_id": wrong.messages}) from wrong
        return Response(status=204)
