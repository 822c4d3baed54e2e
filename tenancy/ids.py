"""Keys of rows: ordered in time, so that indexes stay compact, and telling nothing of how many rows others have."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7)."""
    return uuid_utils.compat.uuid7()
