"""The ASGI entry point of the web server."""

import gc
import os

from django.core.asgi import get_asgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "iam_dashboard.settings")

application = get_asgi_application()

# Everything is loaded before the first request, and then left out of garbage collections: to walk through it again and
# again held up requests for a tenth of a second.
get_resolver().url_patterns  # noqa: B018
gc.collect()
gc.freeze()
