"""The ways a request ends without a decision. A denial is not among them: it is an answer, with status 200."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from tenancy.actors import Actor, Stranger
from tenancy.errors import Denial, Reason

Header = tuple[bytes, bytes]


class Refused(Exception):
    """The request is not answered: `status` of HTTP, a sentence that says why, and headers that go with it."""

    #: An attempt that the record tells of, or None where nothing was tried that anybody could be denied.
    attempt: tuple[Actor, Denial] | None = None

    def __init__(self, status: HTTPStatus, detail: str, headers: Sequence[Header] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers

    def problem(self, path: str, request_id: str) -> bytes:
        """Return the members of a problem detail (RFC 9457, section 3.1) as JSON."""
        return msgspec.json.encode(
            {
                "type": "about:blank",
                "title": self.status.phrase,
                "status": self.status,
                "detail": str(self),
                "instance": path,
                "request_id": request_id,
            }
        )


class BadRequest(Refused):
    """What was sent cannot be read, or does not have the form it must have."""

    def __init__(self, detail: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, detail)


class Unauthenticated(Refused):
    """No token was sent, or none that is valid (RFC 6750, section 3)."""

    def __init__(self, denial: Denial) -> None:
        error = ', error="invalid_token"' if denial.reason is Reason.TOKEN_REFUSED else ""
        challenge = f'Bearer realm="access"{error}'.encode()
        super().__init__(HTTPStatus.UNAUTHORIZED, str(denial), [(b"www-authenticate", challenge)])
        self.attempt = (Stranger(None, "anonymous"), denial)


class Forbidden(Refused):
    """The asker is known, and may not ask this."""

    def __init__(self, denial: Denial, actor: Actor) -> None:
        super().__init__(HTTPStatus.FORBIDDEN, str(denial))
        self.attempt = (actor, denial)


class TooManyRefusals(Refused):
    """So many from this address were refused that no other is looked at for some seconds. One of them is recorded."""

    def __init__(self, seconds: int, *, is_first: bool) -> None:
        sentence = "Too many requests from your address were refused. Wait, then try again with a token that is valid."
        super().__init__(HTTPStatus.TOO_MANY_REQUESTS, sentence, [(b"retry-after", str(seconds).encode())])
        if is_first:
            self.attempt = (Stranger(None, "anonymous"), Denial(Reason.TOKEN_REFUSED, sentence=sentence))


class Unavailable(Refused):
    """What is needed to decide cannot be read now. Nothing older is answered instead."""

    def __init__(self, detail: str = "The policy cannot be read now, so nothing is decided. Try again.") -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, detail, [(b"retry-after", b"1")])
