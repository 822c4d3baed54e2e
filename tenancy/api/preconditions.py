"""Edits that overwrite nothing unseen: ETag and If-Match (RFC 9110, sections 8.8.3 and 13.1.1; RFC 6585, section 3)."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpRequest
from rest_framework import exceptions

_TAG = re.compile(r'"(?P<version>[0-9]{1,9})"')
_ANY_TAG = re.compile(r'(W/)?"[\x21\x23-\x7e\x80-\xff]*"')


class PreconditionRequired(exceptions.APIException):
    """An edit came without saying which version it was made from."""

    status_code = 428
    default_detail = "Send the version that you edited as “If-Match”: the ETag of what you read, or * for any."
    default_code = "precondition_required"


def etag(obj: Any) -> str:
    """Return the strong validator of a versioned object."""
    return f'"{obj.version}"'


def expected_version(request: HttpRequest) -> int | None:
    """Return the version that If-Match names, None for any (`*`), and -1 for a tag that never was one of ours.

    Raises PreconditionRequired without the header and ParseError when it is not one tag or `*`.
    """
    sent = request.headers.get("If-Match", "").strip()
    if not sent:
        raise PreconditionRequired
    if sent == "*":
        return None
    if not _ANY_TAG.fullmatch(sent):
        raise exceptions.ParseError('If-Match takes one entity tag, as in “"3"”, or *.')
    # The comparison is strong, so a weak tag matches nothing (RFC 9110, section 8.8.3.2).
    ours = _TAG.fullmatch(sent)
    return int(ours["version"]) if ours else -1
