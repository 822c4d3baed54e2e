"""The REST API: /api/orgs/<slug>/… for organizations, /api/admin/… for the platform, and its description."""

from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from accounts.api import org_patterns as account_patterns
from accounts.api import platform_patterns as account_platform_patterns
from agents.api import org_patterns as agent_patterns
from clients.api import org_patterns as client_patterns
from roles.api import org_patterns as role_patterns
from roles.api import platform_patterns as role_platform_patterns
from tenancy.routes import declares, public

DESCRIPTION = public("the description of the API holds nothing of anyone")

urlpatterns = [
    path("orgs/<slug:organization>/", include([*account_patterns, *client_patterns, *agent_patterns, *role_patterns])),
    path("admin/", include([*role_platform_patterns, *account_platform_patterns])),
    path("schema/", declares(DESCRIPTION)(SpectacularAPIView.as_view()), name="api-schema"),
    path("docs/", declares(DESCRIPTION)(SpectacularSwaggerView.as_view(url_name="api-schema")), name="api-docs"),
]
