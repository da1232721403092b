"""Which metrics of a run become curves: a page draws each, and its name stands in headings, files and addresses."""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from training_methods.trainers.events import storable

MOST = 300  # a run; a page with ten times as many does not open
LONGEST = 200  # characters
BREAKS = re.compile(r"[\s\x01-\x1f\x7f-\x9f]+")

T = TypeVar("T")


class CurveNames:
    """Those of one run. What is left out is told, once for each reason."""

    def __init__(self, note: Callable[[str], object]) -> None:
        self.note = note
        self.drawn: set[str] = set()
        self.told: set[str] = set()

    def chosen(self, values: Mapping[str, T]) -> dict[str, T]:
        """What is drawn of a point, each under its name in one line."""
        in_one_line = {BREAKS.sub(" ", str(storable(name))).strip(): value for name, value in values.items()}
        return {name: value for name, value in in_one_line.items() if self.is_drawn(name)}

    def is_drawn(self, name: str) -> bool:
        if name in self.drawn:
            return True
        beginning = name[:60]
        if not 0 < len(name) <= LONGEST:
            if self.is_first("length"):
                self.note(f"A metric's name has 1 to {LONGEST} characters: “{beginning}” and others are left out.")
            return False
        if len(self.drawn) >= MOST:
            if self.is_first("number"):
                self.note(f"A train has at most {MOST} different metrics: “{beginning}” and others are left out.")
            return False
        self.drawn.add(name)
        return True

    def is_first(self, reason: str) -> bool:
        """That is left out for it."""
        if reason in self.told:
            return False
        self.told.add(reason)
        return True
