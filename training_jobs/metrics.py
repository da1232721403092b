"""Curves: packed into chunks as they come in, read after a cursor or between two steps, thinned out for drawing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np
from django.db.models import Count, JSONField, Min, QuerySet
from django.db.models.functions import Coalesce
from tsdownsample import NaNMinMaxDownsampler, NaNMinMaxLTTBDownsampler

from training_jobs.models import MetricChunk, MetricSummary
from training_methods.trainers.events import Metrics

MOST_POINTS = 500  # a chunk
SUMMARY = 8  # points of a metric that stand for a long chunk
LONG = 4 * SUMMARY  # points from which on a chunk has a summary
DRAWN = 2000  # points of a curve; more than a screen has pixels
WHOLE = 60  # chunks that are read point by point: 30 000 points in 20 ms, where a million take 800


@dataclass(frozen=True)
class Curve:
    """The points of one metric. A value of None was not a number, such as a loss that became NaN.

    `times`: when each was reported, in seconds since the epoch.
    """

    steps: list[int] = field(default_factory=list)
    values: list[float | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list, compare=False)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Curves after a cursor; ask again with `cursor`.

    `replaced_from`: a later attempt went back to this step, so points from there on that were read before are void.
    """

    cursor: int
    replaced_from: int | None
    curves: dict[str, Curve]


def pack(points: Iterable[Metrics]) -> Iterator[dict[str, Any]]:
    """Points as chunks hold them. Those of one chunk name the same metrics, so that None always means NaN."""
    alike: dict[tuple[str, ...], list[Metrics]] = defaultdict(list)
    for point in points:
        alike[tuple(sorted(point.values))].append(point)
    for names, group in alike.items():
        for start in range(0, len(group), MOST_POINTS):
            yield columns(names, group[start : start + MOST_POINTS])


def columns(names: tuple[str, ...], points: list[Metrics]) -> dict[str, Any]:
    return {
        "step": [point.step for point in points],
        "time": [point.at for point in points],
        "values": {name: [point.values[name] for point in points] for name in names},
    }


def append(job_id: UUID, attempt: int, points: Iterable[Metrics]) -> None:
    prepared(job_id, attempt, points).store()


@dataclass(frozen=True)
class Prepared:
    """Chunks to be stored, and the summaries of the long ones, by their place."""

    chunks: list[MetricChunk]
    summaries: dict[int, dict[str, Any]]

    def store(self) -> None:
        stored = MetricChunk.objects.bulk_create(self.chunks)
        summaries = (MetricSummary(chunk=stored[place], points=points) for place, points in self.summaries.items())
        MetricSummary.objects.bulk_create(summaries)


def prepared(job_id: UUID, attempt: int, points: Iterable[Metrics]) -> Prepared:
    chunks = [
        MetricChunk(
            job_id=job_id,
            attempt=attempt,
            first_step=min(packed["step"]),
            last_step=max(packed["step"]),
            points=packed,
        )
        for packed in pack(points)
    ]
    long = {place: chunk for place, chunk in enumerate(chunks) if len(chunk.points["step"]) > LONG}
    return Prepared(chunks, {place: summary_of(chunk.points) for place, chunk in long.items()})


def summary_of(points: dict[str, Any]) -> dict[str, Any]:
    """Of each metric the lowest and the highest points of its parts, and both ends."""
    curves = {}
    for name, values in points["values"].items():
        shaping = NaNMinMaxDownsampler().downsample(as_numbers(values), n_out=SUMMARY)
        kept = sorted({0, len(values) - 1, *shaping.tolist()})
        columns = {"step": points["step"], "time": [round(at, 1) for at in points["time"]], "values": values}
        curves[name] = {column: [entries[index] for index in kept] for column, entries in columns.items()}
    return {"curves": curves}


def read(job_id: UUID, *, after: int = 0, most: int | None = None, between: tuple[int, int] | None = None) -> Reading:
    """Every metric's points that came after a chunk, at most `most` of each, those that shape the curve: its last, its
    lowest and its highest are among them.

    `between`: of these steps alone, both included. Steps that a resumed attempt repeated count once: the later
    attempt's, from its first step on.
    """
    attempts = first_steps(job_id)
    chunks = MetricChunk.objects.filter(job_id=job_id, pk__gt=after).order_by("pk")
    if between:
        chunks = chunks.filter(first_step__lte=between[1], last_step__gte=between[0])
    curves: dict[str, Curve] = defaultdict(Curve)
    cursor = after
    number = chunks.count() if after or between else sum(one for *_, one in attempts)
    for key, attempt, points in rows_of(chunks, summed_up=most is not None and number > WHOLE):
        extend(curves, points, before=min((step for other, step, *_ in attempts if other > attempt), default=None))
        cursor = key
    if between:
        curves = {name: part for name, curve in curves.items() if (part := cut(curve, *between)).steps}
    restarted = [step for _, step, first_chunk, _ in attempts[1:] if first_chunk > after]
    return Reading(
        cursor=cursor,
        replaced_from=min(restarted, default=None) if after else None,
        curves={name: thin(curve, most) if most else curve for name, curve in curves.items()},
    )


def reports(job_id: UUID) -> Iterator[tuple[int, float, dict[str, float | None]]]:
    """Step, time and values of every report that counts, one after the other, however many there are."""
    attempts = first_steps(job_id)
    chunks = MetricChunk.objects.filter(job_id=job_id).order_by("pk")
    for _, attempt, points in rows_of(chunks, summed_up=False):
        before = min((step for other, step, *_ in attempts if other > attempt), default=None)
        names, columns = list(points["values"]), points["values"].values()
        for step, at, *values in zip(points["step"], points["time"], *columns, strict=True):
            if before is None or step < before:
                yield step, at, dict(zip(names, values, strict=True))


def rows_of(chunks: QuerySet[MetricChunk], *, summed_up: bool) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """Key, attempt and points; of long chunks, if so asked, their summary."""
    shown = Coalesce("summary__points", "points", output_field=JSONField())
    rows = chunks.annotate(shown=shown) if summed_up else chunks
    return rows.values_list("pk", "attempt", "shown" if summed_up else "points").iterator(chunk_size=200)


def first_steps(job_id: UUID) -> list[tuple[int, int, int, int]]:
    """(attempt, its first step, its first chunk, how many chunks) of every attempt that reported a metric."""
    chunks = MetricChunk.objects.filter(job_id=job_id).order_by("attempt").values("attempt")
    found = chunks.annotate(step=Min("first_step"), chunk=Min("pk"), number=Count("pk"))
    return list(found.values_list("attempt", "step", "chunk", "number"))


def extend(curves: dict[str, Curve], points: dict[str, Any], *, before: int | None) -> None:
    """Add a chunk's points, or its summary's; those from step `before` on were done again later."""
    for name, part in curves_in(points):
        if before is not None:
            part = chosen(part, [index for index, step in enumerate(part.steps) if step < before])
        curves[name].steps.extend(part.steps)
        curves[name].values.extend(part.values)
        curves[name].times.extend(part.times)


def curves_in(points: dict[str, Any]) -> Iterator[tuple[str, Curve]]:
    if "curves" in points:
        for name, part in points["curves"].items():
            yield name, Curve(part["step"], part["values"], part["time"])
    else:
        for name, values in points["values"].items():
            yield name, Curve(points["step"], values, points["time"])


def cut(curve: Curve, first: int, last: int) -> Curve:
    return chosen(curve, [index for index, step in enumerate(curve.steps) if first <= step <= last])


def chosen(curve: Curve, kept: list[int]) -> Curve:
    return Curve(
        [curve.steps[index] for index in kept],
        [curve.values[index] for index in kept],
        [curve.times[index] for index in kept],
    )


def thin(curve: Curve, most: int) -> Curve:
    """At most `most` points that keep the curve's peaks and its gaps (MinMaxLTTB), and its lowest and highest point.

    Alone it lets go of the very lowest of a noisy curve now and then, and pages say which that is.
    """
    if len(curve.steps) <= most:
        return curve
    steps, values = np.array(curve.steps, dtype=np.float64), as_numbers(curve.values)
    shaping = NaNMinMaxLTTBDownsampler().downsample(steps, values, n_out=most - 2)
    return chosen(curve, sorted({*shaping.tolist(), *extremes(values)}))


def extremes(values: np.ndarray) -> list[int]:
    """Where the lowest and the highest are. Nowhere, if none is a number."""
    return [] if np.isnan(values).all() else [int(np.nanargmin(values)), int(np.nanargmax(values))]


def as_numbers(values: list[float | None]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
