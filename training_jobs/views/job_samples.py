"""Samples: what the model answered to the same prompts while it learnt, two steps side by side."""

from typing import Any

from django.http import HttpRequest

from training_jobs import samples
from training_jobs.models import TrainingJob


def context(request: HttpRequest, job: TrainingJob) -> dict[str, Any]:
    steps = samples.steps(job)
    if not steps:
        return {"samples": []}
    left = chosen(request.GET.get("left"), steps, steps[0])
    right = chosen(request.GET.get("right"), steps, steps[-1])
    return {
        "samples": samples.read(job),
        "steps": steps,
        "left": left,
        "right": right,
        "pairs": samples.side_by_side(samples.at(job, left), samples.at(job, right)),
    }


def chosen(text: str | None, steps: list[int], default: int) -> int:
    return next((step for step in steps if str(step) == text), default)
