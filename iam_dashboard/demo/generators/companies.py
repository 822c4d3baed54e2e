"""Companies: a name that tells the trade, a place whose codes fit it, figures that fit each other."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Final

from iam_dashboard.demo.generators.people import ascii_word
from iam_dashboard.demo.generators.records import ClientStatus, Company
from iam_dashboard.demo.generators.words import FIRST_WORDS, NAMES, PLACES, TRADES, Place, Trade

_STATUS_WEIGHTS: Final = {
    ClientStatus.ACTIVE: 66,
    ClientStatus.LEAD: 18,
    ClientStatus.PAUSED: 9,
    ClientStatus.ARCHIVED: 7,
}
# Units of a currency that a euro buys, roughly, so that revenues look right beside each other.
CURRENCY_SCALE: Final = {
    "EUR": 1,
    "GBP": 1,
    "USD": 1,
    "CHF": 1,
    "CAD": 1,
    "AUD": 2,
    "PLN": 4,
    "BRL": 6,
    "SEK": 11,
    "JPY": 160,
}


def companies(rng: Random, count: int) -> Iterator[Company]:
    """Yield that many companies, no two with the same name or website."""
    names = _names(rng)
    for _ in range(count):
        name, trade = next(names)
        yield _company(rng, name, trade, rng.choice(PLACES))


def website_domain(company: Company) -> str:
    """Return the domain of the company's website, under which its people have their addresses."""
    return company.website.removeprefix("https://www.")


def _names(rng: Random) -> Iterator[tuple[str, Trade]]:
    taken: set[str] = set()
    while True:
        trade = rng.choice(TRADES)
        name = f"{_first_part(rng)} {rng.choice(trade.words)}"
        if (key := ascii_word(name)) not in taken:
            taken.add(key)
            yield name, trade


def _first_part(rng: Random) -> str:
    if rng.random() < 0.7:
        return rng.choice(FIRST_WORDS)
    _, surnames = rng.choice(NAMES)
    if rng.random() < 0.5:
        return " & ".join(rng.sample(surnames, 2))
    return rng.choice(surnames)


def _company(rng: Random, name: str, trade: Trade, place: Place) -> Company:
    domain = f"{ascii_word(name)}.example"
    employees = int(min(5000, rng.lognormvariate(3.4, 1.1))) + 1
    revenue_a_head = rng.randint(45, 190) * 1000 * CURRENCY_SCALE[place.currency]
    return Company(
        name=name,
        status=rng.choices(list(_STATUS_WEIGHTS), list(_STATUS_WEIGHTS.values()))[0],
        industry=trade.industry,
        website=f"https://www.{domain}",
        email=f"{rng.choice(('hello', 'info', 'office', 'contact'))}@{domain}",
        phone=fill(rng, place.phone),
        street=_street(rng, place),
        city=place.city,
        region=place.region,
        postal_code=fill(rng, place.postal),
        country=place.country,
        currency=place.currency,
        employees=employees,
        annual_revenue=Decimal(employees * revenue_a_head).quantize(Decimal("0.01")),
        description=f"{name} in {place.city} {rng.choice(trade.does)}.",
    )


def _street(rng: Random, place: Place) -> str:
    street, number = rng.choice(place.streets), rng.randint(1, 140)
    return f"{number} {street}" if place.number_first else f"{street} {number}"


def fill(rng: Random, pattern: str) -> str:
    """Return the pattern with a digit for each # and a capital letter for each @."""
    return "".join(
        rng.choice("0123456789") if sign == "#" else rng.choice("ABDEFGHJLNPQRSTUWXYZ") if sign == "@" else sign
        for sign in pattern
    )
