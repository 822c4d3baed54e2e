"""Decisions for outside services: the tokens by which they ask (PDP-3)."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db import connection
from rest_framework.exceptions import AuthenticationFailed

from accounts.authentication import authenticate_token
from accounts.token_use import note_use
from roles.actors import resolve
from roles.authzen.app import Application
from roles.authzen.askers import Asker
from roles.engine.loading import read_version
from tenancy.errors import Denial, Reason

_PLATFORM = Denial(Reason.UNKNOWN_ORGANIZATION, sentence="This token is for the platform: ask with an organization's.")


def decision_point() -> Application:
    """Return the ASGI application that answers outside services with the organizations' tokens."""
    return Application(authenticate, note_use, base_url=settings.BASE_URL, hosts=settings.INSTALLATION_HOSTS)


def authenticate(authorization: str) -> Asker | Denial:
    """Return who asks by an Authorization header, as of a version read in between, or why nobody does."""
    try:
        _, credential = authenticate_token(authorization)
        places = _places(credential.digest)
        if None in places:
            return _PLATFORM
        if not places:
            return Denial(Reason.TOKEN_REFUSED)
        [organization_id] = places
        version = read_version(organization_id)
        # What the asker rests on is read again, so that none of it is older than the version.
        user, credential = authenticate_token(authorization)
    except AuthenticationFailed:
        return Denial(Reason.TOKEN_REFUSED)
    actor = resolve(user.pk, organization_id=organization_id, credential=credential.digest)
    if isinstance(actor, Denial):
        return actor
    expires_at = credential.expiry.timestamp() if credential.expiry else None
    return Asker(actor, organization_id, version, expires_at)


def _places(digest: str) -> list[UUID | None]:
    """Return the organization of a credential, None for the platform; nothing for an unknown one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT organization_id FROM iam_credential_place(%s)", (digest,))
        return [organization_id for (organization_id,) in cursor.fetchall()]
