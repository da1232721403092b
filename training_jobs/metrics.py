"""Curves: packed into chunks as they come in, read after a cursor, thinned out for drawing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from uuid import UUID

import numpy as np
from django.db.models import Min
from tsdownsample import NaNMinMaxLTTBDownsampler

from training_jobs.models import MetricChunk
from training_methods.trainers.events import Metrics

MOST_POINTS = 500  # a chunk; a million points are read in 16 ms so, and in 600 ms one a row


@dataclass(frozen=True)
class Curve:
    """The points of one metric. A value of None was not a number, such as a loss that became NaN."""

    steps: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Curves after a cursor; ask again with `cursor`.

    `replaced_from`: a later attempt went back to this step, so points from there on that were read before are void.
    """

    cursor: int
    replaced_from: int | None
    curves: dict[str, Curve]


def pack(points: Iterable[Metrics]) -> Iterator[dict]:
    """Points as chunks hold them. Those of one chunk name the same metrics, so that None always means NaN."""
    alike: dict[tuple[str, ...], list[Metrics]] = defaultdict(list)
    for point in points:
        alike[tuple(sorted(point.values))].append(point)
    for names, group in alike.items():
        for start in range(0, len(group), MOST_POINTS):
            yield columns(names, group[start : start + MOST_POINTS])


def columns(names: tuple[str, ...], points: list[Metrics]) -> dict:
    return {
        "step": [point.step for point in points],
        "time": [point.at for point in points],
        "values": {name: [point.values[name] for point in points] for name in names},
    }


def append(job_id: UUID, attempt: int, points: Iterable[Metrics]) -> None:
    MetricChunk.objects.bulk_create(
        MetricChunk(
            job_id=job_id,
            attempt=attempt,
            first_step=min(packed["step"]),
            last_step=max(packed["step"]),
            points=packed,
        )
        for packed in pack(points)
    )


def read(job_id: UUID, *, after: int = 0, most: int | None = None) -> Reading:
    """Every metric's points that came after a chunk, at most `most` of each, those that shape the curve.

    Steps that a resumed attempt repeated count once: the later attempt's, from its first step on.
    """
    attempts = first_steps(job_id)
    curves: dict[str, Curve] = defaultdict(Curve)
    cursor = after
    for chunk in MetricChunk.objects.filter(job_id=job_id, pk__gt=after).order_by("pk"):
        extend(curves, chunk.points, before=min((step for a, step, _ in attempts if a > chunk.attempt), default=None))
        cursor = chunk.pk
    restarted = [step for attempt, step, first_chunk in attempts[1:] if first_chunk > after]
    return Reading(
        cursor=cursor,
        replaced_from=min(restarted, default=None) if after else None,
        curves={name: thin(curve, most) if most else curve for name, curve in curves.items()},
    )


def first_steps(job_id: UUID) -> list[tuple[int, int, int]]:
    """(attempt, its first step, its first chunk) of every attempt that reported a metric."""
    chunks = MetricChunk.objects.filter(job_id=job_id).order_by("attempt").values("attempt")
    return list(chunks.annotate(Min("first_step"), Min("pk")).values_list("attempt", "first_step__min", "pk__min"))


def extend(curves: dict[str, Curve], points: dict, *, before: int | None) -> None:
    """Add a chunk's points; those from step `before` on were done again later."""
    kept = [index for index, step in enumerate(points["step"]) if before is None or step < before]
    for name, values in points["values"].items():
        curves[name].steps.extend(points["step"][index] for index in kept)
        curves[name].values.extend(values[index] for index in kept)


def thin(curve: Curve, most: int) -> Curve:
    """At most `most` points that keep the curve's peaks and its gaps (MinMaxLTTB)."""
    if len(curve.steps) <= most:
        return curve
    values = np.array([np.nan if value is None else value for value in curve.values], dtype=np.float64)
    kept = NaNMinMaxLTTBDownsampler().downsample(np.array(curve.steps, dtype=np.float64), values, n_out=most)
    return replace(curve, steps=[curve.steps[i] for i in kept], values=[curve.values[i] for i in kept])
