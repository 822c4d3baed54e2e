"""The routes of an organization's own domain: its pages without the path, its API, and signing in."""

from django.urls import include, path

from iam_dashboard import api_urls, pages
from iam_dashboard.org_urls import org_patterns
from iam_dashboard.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    path("", include((org_patterns, "org"))),
    path("start", pages.start, name="start"),
    path("healthz", pages.health, name="health"),
    path("account/", include("allauth.urls")),
    path("api/", include(api_urls)),
]
