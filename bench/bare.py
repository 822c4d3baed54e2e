"""The peer of a whole request: a plain DRF list with a token, without actor, isolation, permission and record."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from knox.auth import TokenAuthentication
from rest_framework.generics import ListAPIView
from rest_framework.permissions import IsAuthenticated

from clients.api.serializers import ClientSerializer
from clients.models import Client
from tenancy.api.paging import Pages
from tenancy.routes import declares, public


def use_bare_urls(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Route every request to this module's pattern."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        request.urlconf = "bench.bare"
        return get_response(request)

    return middleware


@declares(public("a benchmark's peer, routed by nothing but the benchmark"))
class BareClients(ListAPIView):
    """The clients of one organization, asked for by its id."""

    authentication_classes = [TokenAuthentication]
    permission_classes = [IsAuthenticated]
    throttle_classes = []
    serializer_class = ClientSerializer
    pagination_class = Pages

    def get_queryset(self):  # type: ignore[no-untyped-def]
        return Client.objects.using("peer").filter(organization_id=self.kwargs["organization"]).order_by("name", "id")


urlpatterns = [path("bare/<uuid:organization>/", BareClients.as_view())]
