"""Train Overview: everything that was frozen when the job was submitted, and what happened since."""

from typing import Any

from django.http import HttpRequest

from training_jobs import lineage, timeline
from training_jobs.models import JobEvent, TrainingJob
from training_methods.models import METHOD_TYPES


def context(request: HttpRequest, job: TrainingJob) -> dict[str, Any]:
    method_type = job.method_snapshot["method_type"]
    events = list(job.events.exclude(kind=JobEvent.SAMPLE))
    return {
        "method_type": dict(METHOD_TYPES).get(method_type, method_type),
        "changed": lineage.changed(job),
        "same": lineage.unchanged(job),
        "differences": lineage.differences(job, job.copied_from) if job.copied_from else [],
        "references": list(lineage.references_of(job)),
        "conditions": lineage.conditions(job.method_snapshot.get("config") or {}, job.queue, job.gpus),
        "attempts": lineage.attempts(events),
        "lines": list(timeline.lines(events)),
    }
