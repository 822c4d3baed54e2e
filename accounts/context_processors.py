from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from accounts.directory import Brand, organization_by_slug
from accounts.links import org_url
from accounts.navigation import navigation


def organization(request: HttpRequest) -> dict[str, Any]:
    """Give templates the acting person, their way around, and the brand of the organization whose page this is."""
    actor = getattr(request, "actor", None)
    branding = SimpleLazyObject(lambda: _branding(request))
    return {
        "actor": actor,
        "role": {"display_name": actor.role_display_name} if actor is not None else None,
        "nav": SimpleLazyObject(lambda: navigation(request)),
        "branding": branding,
        "organization": branding,
        "organizations": _elsewhere(request) if actor is not None else None,
    }


def _branding(request: HttpRequest) -> dict[str, Any] | None:
    brand = brand_of(request)
    if brand is None:
        return None
    return {
        "name": brand.name,
        "slug": brand.slug,
        "sign_in_text": brand.sign_in_text,
        "stylesheet_url": f"{org_url(request, 'brand')}?v={brand.version}",
        "home_url": org_url(request, "home"),
        "sign_in_url": org_url(request, "sign-in"),
    }


def _elsewhere(request: HttpRequest) -> list[dict[str, str]]:
    """Return the way to the person's other places; a custom domain knows of no other."""
    if request.custom_domain:  # type: ignore[attr-defined]
        return []
    return [{"name": "All your places", "url": f"{reverse('start')}?choose"}]


def brand_of(request: HttpRequest) -> Brand | None:
    """Return the brand of the request's organization, asked once a request, or None outside of any."""
    if not hasattr(request, "brand"):
        slug = getattr(request, "organization_slug", None)
        request.brand = organization_by_slug(slug) if slug else None  # type: ignore[attr-defined]
    return request.brand  # type: ignore[attr-defined,no-any-return]
