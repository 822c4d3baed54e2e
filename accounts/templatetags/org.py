"""What organization templates ask: where a page is, and whether the acting person may use it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django import template
from django.template import Context
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from accounts import links
from tenancy.actors import Actor
from tenancy.policies import decide

register = template.Library()


@register.simple_tag(takes_context=True)
def org_url(context: Context, name: str, *args: Any) -> str:
    """Return the path of a page of the request's organization."""
    return links.org_url(context["request"], name, *args)


@register.filter
def may(actor: Actor | None, key: str) -> bool:
    """Whether the engine lets the actor use the permission: `{% if actor|may:"clients:write" %}`."""
    return actor is not None and decide(actor, key) is None


@register.filter
def at(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Return what a mapping holds under a key, or None."""
    return mapping.get(key)


@register.filter
def breakable(address: str) -> SafeString:
    """Return an e-mail or web address, escaped, that a line may break before each @ and dot."""
    return mark_safe(re.sub("(?=[@.])", "<wbr>", escape(address)))  # noqa: S308 - escaped here
