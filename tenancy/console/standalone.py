"""Pages of the console that are about no single model: with a name in their addresses and a place in the menu."""

from __future__ import annotations

from typing import Any, ClassVar

from django.urls import URLPattern, path, reverse

from tenancy.actors import Actor
from tenancy.console.routes import ConsoleRoute
from tenancy.policies import decide


class ConsolePages:
    """Pages that belong together: the menu leads whoever may take the first of the `routes` to it."""

    name: ClassVar[str]
    title: ClassVar[str]
    section: ClassVar[str] = ""
    icon: ClassVar[str] = "list"
    routes: ClassVar[tuple[ConsoleRoute, ...]]

    def __init__(self, admin_site: Any) -> None:
        self.admin_site = admin_site

    def may_be_used_by(self, actor: Actor | None) -> bool:
        """Whether the menu names the pages."""
        return actor is not None and not any(decide(actor, key) for key in self.routes[0].keys)

    def address(self, name: str) -> str:
        """Return the address of one of the pages."""
        return reverse(f"{self.admin_site.name}:{self.name}_{name}")

    @property
    def home(self) -> str:
        """The address that the menu leads to."""
        return self.address(self.routes[0].name)

    @property
    def root(self) -> str:
        """What the addresses of all the pages begin with."""
        return self.home.removesuffix(self.routes[0].path)

    @property
    def urls(self) -> list[URLPattern]:
        """The routes for the URL configuration, each marked with what it needs."""
        return [
            path(
                f"{self.name}/{route.path}",
                self.admin_site.admin_view(route.view_of(self)),
                name=f"{self.name}_{route.name}",
            )
            for route in self.routes
        ]
