"""What guards what: every route, console page and agent operation with its permission (PDP-7)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.conf import settings

from roles import catalogue
from roles.authzen.routes import routes as authzen_routes
from tenancy.policies import policies
from tenancy.routes import Access, Route, routes


@dataclass(frozen=True, slots=True)
class Guarded:
    """One way in: what it is, where, what it needs, and whether anything is declared."""

    kind: str
    where: str
    name: str
    needs: str
    keys: tuple[str, ...]
    declared: bool


@dataclass(frozen=True, slots=True)
class Coverage:
    """Every way in, the share of them that declare what they need, and the catalogue keys that guard something."""

    ways: tuple[Guarded, ...]
    covered: float
    used_keys: tuple[str, ...]
    unused_keys: tuple[str, ...]
    key_share: float

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure() -> Coverage:
    """Walk the project and return its coverage; shares are between 0 and 1."""
    ways = tuple(sorted({*_routes(), *_models()}, key=lambda way: (way.kind, way.where, way.name)))
    grantable = [key for key in catalogue.entries() if key not in {catalogue.SUPER, catalogue.ADMIN}]
    used = {key for way in ways for key in way.keys}
    return Coverage(
        ways=ways,
        covered=sum(way.declared for way in ways) / len(ways),
        used_keys=tuple(key for key in grantable if key in used),
        unused_keys=tuple(key for key in grantable if key not in used),
        key_share=sum(key in used for key in grantable) / len(grantable),
    )


def _routes() -> Iterator[Guarded]:
    for urlconf in settings.TENANCY_URLCONFS:
        host = "custom domain" if urlconf.endswith("_domain") else "installation"
        for route in routes(urlconf):
            yield _guarded(route, host)
    for route in authzen_routes():
        yield _guarded(route, "outside services")


def _guarded(route: Route, host: str) -> Guarded:
    needs = route.requirement
    return Guarded(
        kind="console page" if route.pattern.startswith("/admin/") else "route",
        where=f"{route.method} {route.pattern}",
        name=f"{route.name} ({host})",
        needs=str(needs) if needs else "nothing declared",
        keys=needs.keys if needs and needs.access is Access.PERMISSION else (),
        declared=needs is not None,
    )


def _models() -> Iterator[Guarded]:
    for model, policy in policies().items():
        for verb, key in policy.keys.items():
            yield Guarded("model", model._meta.label_lower, str(verb), key, (key,), declared=True)
