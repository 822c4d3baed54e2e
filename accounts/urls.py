"""The organization pages of this room."""

from django.urls import URLPattern, URLResolver

org_patterns: list[URLPattern | URLResolver] = []
