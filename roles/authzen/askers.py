"""Who asks: the holder of a token, who acts in the one organization that the token names."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from time import monotonic, time
from uuid import UUID

from roles.actors import RoleActor
from roles.authzen.errors import Forbidden, Unauthenticated
from roles.authzen.limits import RefusalLimit, Scope, address_of
from roles.authzen.threads import Shared, in_thread
from roles.authzen.versions import Versions
from roles.engine.snapshot import Version
from tenancy.errors import Denial, Reason

MOST_KEPT = 10_000
#: Strangers leave some of the threads to whoever is known.
MOST_STRANGERS_AT_ONCE = 2
SECONDS_BETWEEN_NOTES = 60.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asker:
    """An actor in an organization, as of a version, until a token expires: in seconds since 1970, None is never."""

    actor: RoleActor
    organization_id: UUID
    version: Version
    expires_at: float | None

    @property
    def is_expired(self) -> bool:
        """Whether the token's time is over."""
        return self.expires_at is not None and self.expires_at <= time()


#: From the value of an Authorization header to the asker as of now. It may block, and raises Refused for nobody.
Authenticate = Callable[[str], Asker]


class Askers:
    """The askers of this process, each as new as the version read for its request. It belongs to one event loop."""

    def __init__(
        self,
        authenticate: Authenticate,
        note_use: Callable[[RoleActor], None],
        versions: Versions,
        threads: Executor,
        refusals: RefusalLimit,
    ) -> None:
        self._authenticate = Shared(authenticate, threads)
        self._note_use = note_use
        self._versions = versions
        self._threads = threads
        self._refusals = refusals
        self._turns = asyncio.Semaphore(MOST_STRANGERS_AT_ONCE)
        #: By a digest of the header: no secret is kept.
        self._kept: dict[bytes, Asker] = {}
        self._noted_at: dict[bytes, float] = {}
        self._noting: set[asyncio.Task[None]] = set()

    async def find(self, authorization: str, scope: Scope) -> tuple[Asker, Version]:
        """Return who asks by an Authorization header, empty without one, in a request of this scope, and the version of
        their organization, read after this was called.

        Raises Unauthenticated for a token that is not valid, TooManyRefusals for one that is not known when its address
        is closed, and whatever else `authenticate` does.
        """
        digest = hashlib.sha256(authorization.encode()).digest()
        asker = self._kept.get(digest) or await self._introduced(digest, authorization, scope)
        version = await self._versions.read(asker.organization_id)
        while not asker.version.covers(version):
            before, asker = asker, await self._resolve(digest, authorization)
            if asker.organization_id != before.organization_id:
                version = await self._versions.read(asker.organization_id)
        if asker.is_expired:
            self._forget(digest)
            raise Unauthenticated(Denial(Reason.TOKEN_REFUSED))
        self._note(digest, asker)
        return asker, version

    async def _introduced(self, digest: bytes, authorization: str, scope: Scope) -> Asker:
        """Return who asks with a token that is not known. It is asked again at its turn whether the address is open, so
        that of a crowd no more are looked up than are counted."""
        address = address_of(scope)
        self._refusals.require_open(address)
        if not authorization:
            raise Unauthenticated(Denial(Reason.NOT_SIGNED_IN, sentence="Send a token as “Authorization: Bearer …”."))
        async with self._turns:
            self._refusals.require_open(address)
            return self._kept.get(digest) or await self._resolve(digest, authorization)

    async def _resolve(self, digest: bytes, authorization: str) -> Asker:
        # It stays known until it is refused, so that its holder is never taken for a stranger meanwhile. That what is
        # kept is older than it should be is seen by its version.
        try:
            found = await self._authenticate(authorization)
        except (Unauthenticated, Forbidden):
            self._forget(digest)
            raise
        if len(self._kept) >= MOST_KEPT and digest not in self._kept:
            self._kept.clear()
            self._noted_at.clear()
        self._kept[digest] = found
        return found

    def _forget(self, digest: bytes) -> None:
        self._kept.pop(digest, None)
        self._noted_at.pop(digest, None)

    def _note(self, digest: bytes, asker: Asker) -> None:
        now = monotonic()
        if now - self._noted_at.get(digest, -math.inf) >= SECONDS_BETWEEN_NOTES:
            self._noted_at[digest] = now
            noting = asyncio.ensure_future(self._use_noted(asker.actor))
            self._noting.add(noting)
            noting.add_done_callback(self._noting.discard)

    async def _use_noted(self, actor: RoleActor) -> None:
        try:
            await in_thread(self._threads, self._note_use, actor)
        except Exception:
            logger.warning("The use of a token was not noted.", exc_info=True)
