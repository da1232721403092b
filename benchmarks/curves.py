"""Curves: a million points of a job to the thousand that are drawn, beside decoding their JSON alone."""

import json

from benchmarks.pages import page, signed_in
from benchmarks.records import a_job
from benchmarks.timing import interleaved, table
from training_jobs import metrics
from training_jobs.models import MetricChunk
from training_methods.trainers.events import Metrics

POINTS = 1_000_000


def measure() -> list[dict[str, object]]:
    job = a_job()
    for start in range(0, POINTS, 50_000):
        points = [Metrics(step=step, values={"loss": 1 / (step + 1)}) for step in range(start, start + 50_000)]
        metrics.append(job.pk, 1, points)
    client = signed_in()
    stored = [json.dumps(points) for points in MetricChunk.objects.values_list("points", flat=True)]
    last = MetricChunk.objects.order_by("-pk").values_list("pk", flat=True)[1]
    return table(
        interleaved(
            {
                "json.loads of the chunks": lambda: [json.loads(text) for text in stored],
                "the whole curve, 1000 points": lambda: metrics.read(job.pk, most=1000),
                "what came after the cursor": lambda: metrics.read(job.pk, after=last, most=1000),
                "a window of 20 000 points": lambda: metrics.read(job.pk, most=2000, between=(500_000, 520_000)),
                "the page's answer, 2000 points": lambda: page(client, f"{job.get_absolute_url()}metrics"),
            },
            rounds=3,
        )
    )
