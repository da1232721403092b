"""What the home page counts: how trains ended day by day, and which base models the customized ones come from."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count
from django.db.models.functions import TruncDate
from django.utils import timezone

from training_jobs.models import ENDED, CustomizedModel, Status, TrainingJob

DAYS = 14
HEIGHT, WIDTH, GAP = 72, 24, 4  # of the chart and of a day in it, in the drawing's own units
MOST_BASES = 6


@dataclass(frozen=True)
class Bar:
    """So many trains of a day that ended alike, as a rectangle of the chart."""

    status: Status
    number: int
    y: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Day:
    date: date
    x: int
    counts: dict[Status, int]
    bars: list[Bar]

    @property
    def total(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True)
class Chart:
    """Today is its last day. Drawn from the bottom up: succeeded, failed, cancelled."""

    days: list[Day]
    most: int
    height: int = HEIGHT
    width: int = DAYS * (WIDTH + GAP) - GAP
    bar_width: int = WIDTH

    @property
    def total(self) -> int:
        return sum(day.total for day in self.days)


def trains_a_day() -> Chart:
    """One query, over the index of statuses; days are those of the reader's zone."""
    today = timezone.localdate()
    dates = [today - timedelta(days=before) for before in reversed(range(DAYS))]
    since = timezone.now() - timedelta(days=DAYS)
    ended = TrainingJob.objects.ended().filter(finished_at__gt=since).order_by()
    found = ended.values_list(TruncDate("finished_at"), "status").annotate(number=Count("*"))
    counts = {(day, status): number for day, status, number in found}
    return chart(dates, counts)


def chart(dates: list[date], counts: dict[tuple[date, str], int]) -> Chart:
    by_day = [{status: counts.get((day, status), 0) for status in ENDED} for day in dates]
    most = max(1, *(sum(one.values()) for one in by_day))
    columns = enumerate(zip(dates, by_day, strict=True))
    return Chart(
        days=[
            Day(date=day, x=place * (WIDTH + GAP), counts=one, bars=stacked(one, most)) for place, (day, one) in columns
        ],
        most=most,
    )


def stacked(counts: dict[Status, int], most: int) -> list[Bar]:
    """At least two units high, so that one failure among a thousand shows."""
    bars, top = [], HEIGHT
    for status, number in counts.items():
        if number:
            height = max(2, round(HEIGHT * number / most))
            top = max(0, top - height)
            bars.append(Bar(status, number, top, height))
    return bars


def models_by_base() -> list[dict[str, Any]]:
    """The base models that most customized models come from: `name`, `number`, and how that is to the first's."""
    found = CustomizedModel.objects.order_by().values_list("base_model_name").annotate(number=Count("*"))
    first = Counter(dict(found)).most_common(MOST_BASES)
    most = first[0][1] if first else 1
    return [{"name": name, "number": number, "percent": round(100 * number / most)} for name, number in first]
