"""What anyone may know of an organization before signing in: its name and brand, through a narrow door in isolation."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection
from django.urls import reverse


@dataclass(frozen=True, slots=True)
class Brand:
    """The public face of an organization."""

    organization_id: UUID
    slug: str
    name: str
    is_active: bool
    accent: str
    sign_in_text: str
    version: str

    @property
    def accent_contrast(self) -> str:
        """The text color, black or white, that reads best on the accent (WCAG 2.2, relative luminance)."""
        return "#000000" if luminance(self.accent) > 0.179 else "#FFFFFF"


def luminance(color: str) -> float:
    """Return the relative luminance, 0 to 1, of a color `#RRGGBB` (WCAG 2.2, definition of relative luminance)."""
    channels = (int(color[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def organization_by_slug(slug: str) -> Brand | None:
    """Return the brand of the organization of that slug, or None."""
    return _brand(slug, None)


def organization_by_host(host: str) -> Brand | None:
    """Return the brand of the organization that has verified the host, or None."""
    return _brand(None, host.lower())


def _brand(slug: str | None, host: str | None) -> Brand | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM iam_public_organization(%s, %s)", (slug, host))
        row = cursor.fetchone()
    return Brand(*row) if row else None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person has a role: an organization, or the platform when `slug` is empty."""

    slug: str
    name: str
    role: str

    @property
    def path(self) -> str:
        return reverse("org:home", args=(self.slug,)) if self.slug else reverse("admin:index")


def places_of(user_id: UUID) -> list[Place]:
    """Return every place where the user has a role, the platform first, then organizations by name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM iam_places(%s)", (user_id,))
        return [Place(*row) for row in cursor.fetchall()]
