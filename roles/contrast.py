"""Whether a role's colour can be read: contrast as WCAG 2.2 defines it.

static/js/role-details.js reckons the same while a colour is being chosen.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

TEXT_AT_LEAST = 4.5
GRAPHIC_AT_LEAST = 3.0
LIGHT_SURFACE = "#FFFFFF"
DARK_SURFACE = "#151619"
#: How strongly a role's mark is tinted with its own colour.
TINT = 0.15


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one use of a colour fares: its ratio and what it must reach (level AA)."""

    use: str
    label: str
    foreground: str
    background: str
    required: float

    @property
    def ratio(self) -> float:
        """The contrast ratio, 1 to 21."""
        return contrast_ratio(self.foreground, self.background)

    @property
    def is_text(self) -> bool:
        """Whether it is about letters, not about a drawing."""
        return self.required == TEXT_AT_LEAST

    @property
    def passes(self) -> bool:
        """Whether it reaches what is required."""
        return self.ratio >= self.required

    def __str__(self) -> str:
        # Cut off, not rounded: what reads 4.5 has 4.5.
        return f"{floor(self.ratio * 10) / 10:.1f} : 1, {'passes' if self.passes else 'fails'} AA"


def relative_luminance(color: str) -> float:
    """Return the relative luminance of a colour like `#3D4FD1`, 0 for black to 1 for white (WCAG 2.2, section 6).

    Raises ValueError for what is no such colour.
    """
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast_ratio(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 (the same) to 21 (black and white): WCAG 2.2, section 6.

    Raises ValueError for what is no colour.
    """
    darker, lighter = sorted((relative_luminance(one), relative_luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def tinted(color: str, surface: str, strength: float = TINT) -> str:
    """Return the colour that `surface` has under a layer of `color` of that opacity."""
    mixed = (
        round(over * strength + under * (1 - strength))
        for over, under in zip(_channels(color), _channels(surface), strict=True)
    )
    return "#{:02X}{:02X}{:02X}".format(*mixed)


def verdicts(color: str) -> tuple[Verdict, ...]:
    """Return how text on the colour and the role's mark in that colour fare, on light and on dark pages."""
    return (
        Verdict("white", "White text on it", "#FFFFFF", color, TEXT_AT_LEAST),
        Verdict("black", "Black text on it", "#000000", color, TEXT_AT_LEAST),
        Verdict("light", "Its icon, light theme", color, tinted(color, LIGHT_SURFACE), GRAPHIC_AT_LEAST),
        Verdict("dark", "Its icon, dark theme", color, tinted(color, DARK_SURFACE), GRAPHIC_AT_LEAST),
    )


def _channels(color: str) -> tuple[int, int, int]:
    if len(color) != 7 or color[0] != "#":
        raise ValueError(f"“{color}” is no colour of the form #3D4FD1.")
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _linear(channel: float) -> float:
    return float(channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4)
