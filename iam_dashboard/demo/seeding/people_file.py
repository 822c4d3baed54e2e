"""The list of demo people with their password and tokens, in a file that only its owner can read."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from iam_dashboard.demo.seeding.errors import SeedingError
from iam_dashboard.servers.embedded import write_secret

_CONSONANTS: Final = "bdfgklmnprstvz"
_VOWELS: Final = "aeiou"
_PASSWORD_WORDS: Final = 4
_SYLLABLES: Final = 2


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """How one person signs in: by password on the pages, by token on the API. No organization: the platform."""

    email: str
    password: str
    role: str
    organization: str | None
    token: str


@dataclass(frozen=True, slots=True)
class KeptAccess:
    """What an earlier list told, so that the same password and tokens go on to work."""

    password: str | None = None
    tokens: Mapping[tuple[str, str | None], str] = field(default_factory=dict)


def read_people_file(path: Path) -> KeptAccess:
    """Return the password and the tokens of a list written before, nothing when there is no file yet.

    Raises SeedingError when the file is something else, which writing would destroy.
    """
    if not path.exists():
        return KeptAccess()
    try:
        people = [DemoPerson(**fields) for fields in json.loads(path.read_text(encoding="utf-8"))["people"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise SeedingError(f"{path} is not a list of demo people: name another file, or delete this one.") from error
    return KeptAccess(
        password=people[0].password if people else None,
        tokens={(person.email, person.organization): person.token for person in people},
    )


def write_people_file(path: Path, people: Sequence[DemoPerson]) -> None:
    """Write the list with mode 600. It appears whole or not at all."""
    listed = {"people": [asdict(person) for person in people]}
    write_secret(path, json.dumps(listed, indent=2, ensure_ascii=False) + "\n")


def new_password() -> str:
    """Return a random password that can be read out, with 49 bits of chance: "tila-moke-bazu-nori"."""
    return "-".join(
        "".join(secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(_SYLLABLES))
        for _ in range(_PASSWORD_WORDS)
    )
