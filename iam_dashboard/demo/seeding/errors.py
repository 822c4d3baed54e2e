"""What keeps the demo world from being made."""


class SeedingError(Exception):
    """The demo world cannot be made; the message says what to do."""
