"""An organization's own way in: its sign-in page and its colors, for people we do not know yet."""

from __future__ import annotations

from typing import Any

from allauth.account.views import LoginView
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.html import format_html
from django.views.decorators.http import require_safe

from accounts.context_processors import brand_of
from accounts.directory import Brand
from accounts.links import org_url
from tenancy.routes import declares, public

A_YEAR = 60 * 60 * 24 * 365


def brand_or_404(request: HttpRequest) -> Brand:
    """Return the brand of the request's organization. Raises Http404 when there is no such organization."""
    brand = brand_of(request)
    if brand is None:
        raise Http404("There is no such organization.")
    return brand


@declares(public("the organization's colors, seen before signing in"))
@require_safe
def brand(request: HttpRequest) -> HttpResponse:
    """Answer the stylesheet of the organization's colors. An address with the version of the brand may be kept."""
    found = brand_or_404(request)
    sheet = f":root {{\n  --accent: {found.accent};\n  --accent-contrast: {found.accent_contrast};\n}}\n"
    response = HttpResponse(sheet, content_type="text/css; charset=utf-8")
    fresh = request.GET.get("v") == found.version
    response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable" if fresh else "public, max-age=60"
    return response


@declares(public("sign-in"))
class SignIn(LoginView):  # type: ignore[misc]
    """The product's one sign-in, with its limits and second factor, under the organization's brand."""

    template_name = "org/sign_in.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        brand_or_404(request)
        return super().dispatch(request, *args, **kwargs)  # type: ignore[no-any-return]

    def get_default_success_url(self) -> str:
        return org_url(self.request, "home")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        target = self.get_success_url()
        # The form of the passkey is allauth's, and takes the field as it is.
        field = format_html('<input type="hidden" name="next" value="{}">', target)
        return super().get_context_data(**kwargs) | {"next_url": target, "redirect_field": field}
