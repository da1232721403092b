"""A job's preflight report, wherever the job is shown."""

from typing import Any

from django import template

from training_jobs import preflight
from training_jobs.models import TrainingJob

register = template.Library()


@register.inclusion_tag("training_jobs/_job_preflight.html")
def job_preflight(job: TrainingJob) -> dict[str, Any]:
    return {"preflight": preflight.read(job.preflight)}
