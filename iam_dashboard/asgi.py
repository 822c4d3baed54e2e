"""The ASGI entry point of the web server: decisions for outside services by their short way, else Django."""

import gc
import os
import sys
from typing import Any

import django
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpResponseBadRequest
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iam_dashboard.settings")
django.setup(set_prefix=False)


class Pages(ASGIHandler):
    """Django, which fails at a content type whose parameters are in no encoding that there is (RFC 8187): who sends
    one is told that the request is bad."""

    def create_request(self, scope: Any, body_file: Any) -> Any:
        try:
            return super().create_request(scope, body_file)
        except ValueError:
            return None, HttpResponseBadRequest()


pages = Pages()

from accounts.decisions import decision_point  # noqa: E402  (the models are there now)

decisions = decision_point()


async def application(scope: Any, receive: Any, send: Any) -> None:
    """Answer one request, by whichever of the two its path belongs to."""
    ours = scope["type"] == "http" and decisions.serves(scope["path"])
    await (decisions if ours else pages)(scope, receive, send)


# Everything is loaded before the first request, and then left out of garbage collections: to walk through it again and
# again held up requests for a tenth of a second.
get_resolver().url_patterns  # noqa: B018
gc.collect()
gc.freeze()

# A request gives way after half a millisecond: one that waits for the database is not held up by one that reckons.
sys.setswitchinterval(0.0005)
