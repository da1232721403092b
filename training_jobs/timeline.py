"""What happened to a job, as lines to be read: checkpoints saved one after another are one line."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from training_jobs.models import JobEvent

FEW = 3  # checkpoints in a row that may have a line each


@dataclass(frozen=True)
class Line:
    """An event; if it stands for several of its kind, it is the last of them."""

    event: JobEvent
    count: int = 1


def lines(events: Iterable[JobEvent]) -> Iterator[Line]:
    for kind, group in groupby(events, lambda event: event.kind):
        alike = list(group)
        if kind == JobEvent.CHECKPOINT and len(alike) > FEW:
            yield Line(alike[-1], len(alike))
        else:
            yield from map(Line, alike)
