"""Keys of rows: ordered in time, so that indexes stay compact, and telling nothing of how many rows others have."""

from datetime import datetime
from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """Return a UUIDv7 (RFC 9562, section 5.7)."""
    return uuid_utils.compat.uuid7()


def first_id_of(moment: datetime) -> UUID:
    """Return the lowest UUIDv7 of the moment's millisecond: rows made from then on have no lower id."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)
