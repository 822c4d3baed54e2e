"""The routes of the installation's own host. Organizations live under /o/<slug>/."""

from django.contrib import admin
from django.urls import include, path

from iam_dashboard import api_urls, pages
from iam_dashboard.org_urls import org_patterns

handler400 = "iam_dashboard.errors.bad_request"
handler403 = "iam_dashboard.errors.permission_denied"
handler404 = "iam_dashboard.errors.not_found"
handler500 = "iam_dashboard.errors.server_error"

urlpatterns = [
    path("", pages.start, name="start"),
    path("healthz", pages.health, name="health"),
    path("account/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("api/", include(api_urls)),
    path("o/<slug:organization>/", include((org_patterns, "org"))),
]
