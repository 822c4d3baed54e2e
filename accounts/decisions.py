"""Decisions for outside services: the tokens by which they ask (PDP-3)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from rest_framework.exceptions import AuthenticationFailed

from accounts.authentication import authenticate_token
from accounts.token_use import note_use
from roles.actors import resolve
from roles.authzen.app import Application
from roles.authzen.askers import Asker
from roles.authzen.errors import Forbidden, Unauthenticated
from roles.engine.loading import read_version
from tenancy.actors import Stranger
from tenancy.errors import Denial, Reason

_PLATFORM = Denial(Reason.UNKNOWN_ORGANIZATION, sentence="This token is for the platform: ask with an organization's.")
_UNKNOWN = Denial(Reason.TOKEN_REFUSED)


def decision_point() -> Application:
    """Return the ASGI application that answers outside services with the organizations' tokens."""
    return Application(authenticate, note_use, base_url=settings.BASE_URL, hosts=settings.INSTALLATION_HOSTS)


def authenticate(authorization: str) -> Asker:
    """Return who asks by an Authorization header, as of the version that is told with them.

    Raises Unauthenticated for a token that is not valid, Forbidden when its holder does not act in an organization.
    """
    user, credential = _holder(authorization)
    organization_id = _place(user, credential.digest)
    version = read_version(organization_id)
    # Read again, so that nothing the asker rests on is older than the version.
    user, credential = _holder(authorization)
    actor = resolve(user.pk, organization_id=organization_id, credential=credential.digest)
    if isinstance(actor, Denial):
        raise Unauthenticated(actor) if actor.reason is Reason.TOKEN_REFUSED else Forbidden(actor, _stranger(user))
    expires_at = credential.expiry.timestamp() if credential.expiry else None
    return Asker(actor, organization_id, version, expires_at)


def _holder(authorization: str) -> tuple[Any, Any]:
    try:
        return authenticate_token(authorization)
    except AuthenticationFailed as failed:
        raise Unauthenticated(_UNKNOWN) from failed


def _place(user: Any, digest: str) -> UUID:
    """Return the organization of a credential. Raises Unauthenticated without a token, Forbidden for the platform's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id FROM iam_credential_place(%s)", (digest,))
        places = cursor.fetchall()
    if not places:
        raise Unauthenticated(_UNKNOWN)
    [(organization_id,)] = places
    if organization_id is None:
        raise Forbidden(_PLATFORM, _stranger(user))
    return organization_id  # type: ignore[no-any-return]


def _stranger(user: Any) -> Stranger:
    return Stranger(user.pk, user.email)
