"""What the API's view sets share: the policy decides what is listed and found, and an action does every change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from tenancy.actors import Actor
from tenancy.api.filtering import StrictFilters
from tenancy.api.idempotency import once
from tenancy.api.parsing import StrictJSONParser
from tenancy.api.preconditions import etag, expected_version
from tenancy.policies import AccessPolicy, Verb
from tenancy.routes import METHODS, Requirement, permission


def by_verb(policy: AccessPolicy[Any]) -> Mapping[str, Requirement]:
    """Return what each action of a view set needs; for `tenancy.routes.declares`.

    A method that a route does not answer needs what reading needs, so that it is answered as such (405).
    """
    read, add, change, delete = (permission(policy.keys[verb]) for verb in Verb)
    return {
        **dict.fromkeys((*METHODS, "trace", "list", "retrieve"), read),
        "create": add,
        "update": change,
        "partial_update": change,
        "destroy": delete,
    }


def needing(read: Requirement, **actions: Requirement) -> Mapping[str, Requirement]:
    """Return what each action of a view set needs. A method that a route does not answer needs what reading needs."""
    return {**dict.fromkeys((*METHODS, "trace", "list", "retrieve"), read), **actions}


class GuardedViewSet(GenericViewSet):
    """List, read, create, change and delete the objects of one policy.

    A subclass names its `policy` and says in `creating`, `updating` and `deleting` which actions do the work.
    """

    policy: AccessPolicy[Any]
    parser_classes = [StrictJSONParser]
    filter_backends = [StrictFilters]
    metadata_class = None  # OPTIONS would tell what a form may hold without asking what the actor may see.

    @property
    def default_response_headers(self) -> dict[str, str]:
        """What every answer carries: it is one caller's own."""
        return {**super().default_response_headers, "Cache-Control": "private, no-cache"}

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.request.actor  # type: ignore[no-any-return,attr-defined]

    def get_queryset(self) -> QuerySet[Any]:
        """Return the rows that the actor may see."""
        if getattr(self, "swagger_fake_view", False):
            return self.policy.model._default_manager.none()  # type: ignore[no-any-return]
        return self.policy.visible(self.actor)

    def get_object(self) -> Any:
        """Return the one object of the URL. Raises NotVisible or AccessDenied."""
        return self.policy.get(self.actor, self.kwargs["pk"])

    def creating(self, values: dict[str, Any]) -> Any:
        """Return the action that creates an object from `values`."""
        raise NotImplementedError

    def updating(self, values: dict[str, Any], version: int | None) -> Any:
        """Return the action that changes the object of the URL."""
        raise NotImplementedError

    def deleting(self, version: int | None) -> Any:
        """Return the action that deletes the object of the URL."""
        raise NotImplementedError

    def list(self, request: Request, **named: Any) -> Response:
        """Answer a page of what the actor may see."""
        page = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(self.get_serializer(page, many=True).data)

    def retrieve(self, request: Request, pk: Any) -> Response:
        """Answer one object."""
        return self._answer(self.get_object())

    @once
    def create(self, request: Request) -> Response:
        """Create an object."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        made = self.creating(serializer.validated_data).execute()
        return self._made(made, request.path)

    def update(self, request: Request, pk: Any) -> Response:
        """Replace an object: what is left out becomes what it is in a new one."""
        return self._change(request, partial=False)

    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change the fields that are sent."""
        return self._change(request, partial=True)

    def destroy(self, request: Request, pk: Any) -> Response:
        """Delete an object."""
        self.deleting(expected_version(request._request)).execute()
        return Response(status=204)

    def _change(self, request: Request, *, partial: bool) -> Response:
        version = expected_version(request._request)
        serializer: Any = self.get_serializer(data=request.data, partial=partial)
        serializer.is_valid(raise_exception=True)
        values = serializer.validated_data
        if not partial:
            values = serializer.left_out() | values
        return self._answer(self.updating(values, version).execute())

    def _made(self, obj: Any, collection: str) -> Response:
        """Answer a new object with its address, which ends with a slash if the collection's does."""
        response = self._answer(obj, 201)
        slash = "/" if collection.endswith("/") else ""
        response.headers["Location"] = f"{collection.rstrip('/')}/{obj.pk}{slash}"
        return response

    def _answer(self, obj: Any, status: int = 200) -> Response:
        return Response(self.get_serializer(obj).data, status, headers={"ETag": etag(obj)})


class ActorViewSet(GuardedViewSet):
    """A view set of things that are not edited field by field, so without versions."""

    versioned = False

    def shown(self, pk: UUID) -> Any:
        """Return the visible object of that key with what its serializer reads. Raises NotVisible or AccessDenied."""
        self.policy.get(self.actor, pk)
        return self.get_queryset().get(pk=pk)

    def retrieve(self, request: Request, pk: UUID) -> Response:
        """Answer one object."""
        return Response(self.get_serializer(self.shown(pk)).data)
