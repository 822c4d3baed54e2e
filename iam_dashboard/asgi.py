"""The ASGI entry point of the web server: decisions for outside services by their short way, else Django."""

import gc
import os
import sys
from typing import Any

from django.core.asgi import get_asgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iam_dashboard.settings")

pages = get_asgi_application()

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
