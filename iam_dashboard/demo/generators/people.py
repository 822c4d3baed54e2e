"""People: names from many languages, e-mail addresses at invented domains."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Final, TypeVar

from iam_dashboard.demo.generators.records import Person, PlatformPerson, PlatformRole, TenantRole
from iam_dashboard.demo.generators.words import NAMES

PLATFORM_DOMAIN: Final = "iam.example"
_VIEWER_NEVER_SIGNED_IN: Final = 0.3
_SELDOM: Final = 0.15
Someone = TypeVar("Someone", Person, PlatformPerson)
_WITHOUT_DECOMPOSITION: Final = str.maketrans({"ø": "o", "ł": "l", "ß": "ss", "æ": "ae", "đ": "d", "ı": "i", "œ": "oe"})


def ascii_word(text: str) -> str:
    """Return the text in small ASCII letters and digits, fit for an address: "Łukasz O'Neil" gives "lukaszoneil"."""
    decomposed = unicodedata.normalize("NFKD", text.lower().translate(_WITHOUT_DECOMPOSITION))
    return "".join(sign for sign in decomposed if sign.isascii() and sign.isalnum())


def full_names(rng: Random) -> Iterator[tuple[str, str]]:
    """Yield every pair of a first and a last name of one language once, in an order of the seed."""
    pairs = [(first, last) for firsts, lasts in NAMES for first in firsts for last in lasts]
    rng.shuffle(pairs)
    yield from pairs


def address(first_name: str, last_name: str, domain: str) -> str:
    """Return the e-mail address of a person at a domain."""
    return f"{ascii_word(first_name)}.{ascii_word(last_name)}@{domain}"


def staff(rng: Random, domain: str, counts: dict[TenantRole, int]) -> tuple[Person, ...]:
    """Return the people of an agency in the order of `counts`, no two with the same name."""
    names = full_names(rng)
    roles = [role for role, count in counts.items() for _ in range(count)]
    return tuple(
        Person(first, last, address(first, last, domain), role)
        for role, (first, last) in zip(roles, names, strict=False)
    )


def platform_staff(rng: Random) -> tuple[PlatformPerson, ...]:
    """Return one person of each platform role."""
    return tuple(
        PlatformPerson(first, last, address(first, last, PLATFORM_DOMAIN), role)
        for role, (first, last) in zip(PlatformRole, full_names(rng), strict=False)
    )


def signed_in(rng: Random, people: Sequence[Someone], anchor: date) -> tuple[Someone, ...]:
    """Return the people with their last sign-ins, at work before the day `anchor`: most lately, some viewers never."""
    return tuple(replace(person, last_sign_in=_last_sign_in(rng, person, anchor)) for person in people)


def _last_sign_in(rng: Random, person: Person | PlatformPerson, anchor: date) -> datetime | None:
    if person.role is TenantRole.VIEWER and rng.random() < _VIEWER_NEVER_SIGNED_IN:
        return None
    days = rng.randint(7, 40) if rng.random() < _SELDOM else rng.randint(1, 4)
    return datetime.combine(anchor - timedelta(days=days), time(rng.randint(7, 17), rng.randint(0, 59)), UTC)
