"""Colours of curves and of the log: read on the ground where they stand, light and dark (WCAG 2.2)."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).parents[2] / "static" / "css"


def variables(file: str, theme: str) -> dict[str, str]:
    rule = re.search(rf'\[data-bs-theme="{theme}"\] \{{(.*?)\}}', (CSS / file).read_text(), re.DOTALL)[1]
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", rule))


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_log_can_be_read_in_all_sixteen_colours(theme):
    ground, colours = variables("deepext.css", theme)["surface-sunken"], variables("log.css", theme)

    assert len(colours) == 16
    assert {name: contrast(colour, ground) for name, colour in colours.items() if contrast(colour, ground) < 4.5} == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_curve_is_seen(theme):
    ground, colours = variables("deepext.css", theme)["bs-body-bg"], variables("curves.css", theme)

    assert len(colours) == 6
    assert {name: contrast(colour, ground) for name, colour in colours.items() if contrast(colour, ground) < 3} == {}
