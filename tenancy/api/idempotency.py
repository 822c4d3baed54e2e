"""Creations that can be sent again without being done again (draft-ietf-httpapi-idempotency-key-header-07).

The answer is stored in the transaction of the work it tells of, so that there is never one without the other. A request
that failed did nothing, leaves no answer, and may be repeated under its key.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils import timezone
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from tenancy.models import IdempotentAnswer

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
KEPT_HEADERS = ("ETag", "Location")
_KEY = re.compile(r'"?(?P<key>[\x21\x23-\x7e]{1,255})"?')
Handler = TypeVar("Handler", bound=Callable[..., Response])


class KeyInProgress(APIException):
    """The first request with this key is still being answered."""

    status_code = 409
    default_detail = "A request with this Idempotency-Key is being answered right now. Try again in a moment."
    default_code = "in_progress"


class KeyReused(APIException):
    """The key was used for something else."""

    status_code = 422
    default_detail = "This Idempotency-Key was used for another request. Use a new one."
    default_code = "key_reused"


def once(handler: Handler) -> Handler:
    """Let a view's creating method honour the Idempotency-Key. Its answer's body is stored: not for secrets."""

    @wraps(handler)
    def answer(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        sent = request.headers.get(HEADER)
        if sent is None:
            return handler(view, request, *args, **kwargs)
        organization_id = request._request.actor.organization_id  # type: ignore[attr-defined]
        caller: Any = request.user
        attempt = Attempt(organization_id, caller.pk, _parsed(sent), _fingerprint(request))
        earlier = attempt.begin()
        if earlier is not None:
            return earlier
        response = handler(view, request, *args, **kwargs)
        attempt.finish(response)
        return response

    answer.is_idempotent = True  # type: ignore[attr-defined]
    return answer  # type: ignore[return-value]


@dataclass(frozen=True)
class Attempt:
    """One request under a key of one person in one organization (None: on the platform)."""

    organization_id: UUID | None
    user_id: UUID
    key: str
    fingerprint: str

    def begin(self) -> Response | None:
        """Return the answer that was given before, or None for a new key, which is now this transaction's own.

        Raises KeyInProgress, or KeyReused.
        """
        with connection.cursor() as cursor:
            name = f"{self.organization_id}:{self.user_id}:{self.key}"
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (name,))
            if not cursor.fetchone()[0]:
                raise KeyInProgress
        earlier = self._answers().filter(key=self.key).first()
        if earlier is None:
            return None
        if earlier.created_at < timezone.now() - KEPT_FOR:
            earlier.delete()
            return None
        if earlier.fingerprint != self.fingerprint:
            raise KeyReused
        return Response(earlier.body, earlier.status, headers={**earlier.headers, "Idempotency-Replayed": "true"})

    def finish(self, response: Response) -> None:
        """Store the answer, and forget those of this person that have grown old."""
        self._answers().filter(created_at__lt=timezone.now() - KEPT_FOR).delete()
        IdempotentAnswer.objects.create(
            organization_id=self.organization_id,
            user_id=self.user_id,
            key=self.key,
            fingerprint=self.fingerprint,
            status=response.status_code,
            headers={name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
            body=json.loads(json.dumps(response.data, cls=JSONEncoder)),
        )

    def _answers(self) -> Any:
        return IdempotentAnswer.objects.filter(organization_id=self.organization_id, user_id=self.user_id)


def _parsed(sent: str) -> str:
    found = _KEY.fullmatch(sent.strip())
    if found is None:
        raise ParseError("An Idempotency-Key has 1 to 255 visible ASCII characters.")
    return found["key"]


def _fingerprint(request: Request) -> str:
    """Return what tells this request from another: method, path and content."""
    content = {name: _content(value) for name, value in _members(request.data)}
    told = json.dumps([request.method, request.path, content], sort_keys=True, cls=DjangoJSONEncoder)
    return hashlib.sha256(told.encode(errors="surrogatepass")).hexdigest()


def _members(data: Any) -> Any:
    if isinstance(data, Mapping):
        return data.lists() if hasattr(data, "lists") else data.items()  # type: ignore[attr-defined]
    return [("", data)]


def _content(value: Any) -> Any:
    if isinstance(value, list):
        return [_content(one) for one in value]
    if isinstance(value, UploadedFile):
        digest = hashlib.sha256()
        for chunk in value.chunks():
            digest.update(chunk)
        value.seek(0)
        return [value.name, digest.hexdigest()]
    return value
