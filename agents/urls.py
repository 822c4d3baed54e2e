"""The organization pages of this room."""

from django.urls import URLPattern, URLResolver, path

from agents import pages

org_patterns: list[URLPattern | URLResolver] = [
    path("imports/", pages.imports, name="imports"),
    path("imports/new/", pages.import_create, name="import-create"),
    path("imports/<uuid:pk>/", pages.import_run, name="import"),
    path("imports/<uuid:pk>/cancel/", pages.import_cancel, name="import-cancel"),
    path("imports/<uuid:pk>/refused/", pages.import_refused, name="import-refused"),
]
