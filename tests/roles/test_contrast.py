from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roles.contrast import contrast_ratio, relative_luminance, tinted, verdicts
from roles.forms.appearance import DEFAULT_COLOR, SWATCHES

pytestmark = pytest.mark.requirement("ROLE-1")
colors = st.from_regex(r"#[0-9A-F]{6}", fullmatch=True)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#FFFFFF", 21.0),
        ("#FFFFFF", "#FFFFFF", 1.0),
        ("#767676", "#FFFFFF", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#0000FF", "#FFFFFF", 8.59),
        ("#FF0000", "#FFFFFF", 4.0),
    ],
)
def test_contrast_is_what_wcag_says(one: str, other: str, ratio: float) -> None:
    assert contrast_ratio(one, other) == pytest.approx(ratio, abs=0.005)


@given(colors, colors)
def test_contrast_lies_between_1_and_21_whichever_comes_first(one: str, other: str) -> None:
    assert 1 <= contrast_ratio(one, other) == contrast_ratio(other, one) <= 21


def test_luminance_runs_from_black_to_white() -> None:
    assert (relative_luminance("#000000"), relative_luminance("#FFFFFF")) == (0, pytest.approx(1))


@pytest.mark.parametrize("nonsense", ["", "red", "#12345", "#12345G", "123456#"])
def test_what_is_no_colour_is_refused(nonsense: str) -> None:
    with pytest.raises(ValueError):
        contrast_ratio(nonsense, "#FFFFFF")


def test_a_tint_lies_between_the_surface_and_the_colour() -> None:
    assert tinted("#000000", "#FFFFFF", 0.5) == "#808080"
    assert tinted("#3B82F6", "#FFFFFF", 0) == "#FFFFFF"


def test_a_verdict_never_rounds_a_failure_up() -> None:
    white, *_ = verdicts("#777777")
    assert str(white) == "4.4 : 1, fails AA"


@pytest.mark.parametrize("color", [DEFAULT_COLOR, *(color for color, _ in SWATCHES)])
def test_the_mark_of_a_suggested_colour_passes_on_light_and_dark_pages(color: str) -> None:
    _, _, light, dark = verdicts(color)
    assert light.passes
    assert dark.passes
