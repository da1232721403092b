"""The queue: a claim and a sweep among 1 000 waiting jobs, 20 running ones and 100 000 that have ended.

On SQLite, or on the database that DATABASE_URL names.
"""

import statistics
import time
from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from training_jobs import dispatch, leases
from training_jobs.models import Status, TrainingJob

ENDED, WAITING, RUNNING, PEOPLE, ROUNDS = 100_000, 1_000, 20, 10, 50
SETTINGS = {f"parameter_{number}": number / 7 for number in range(40)}


def measure() -> list[dict[str, object]]:
    fill()
    return [
        {"database": connection.vendor, "what": name, **times(way)}
        for name, way in {
            "claim the next job": claim,
            "reap, nothing lost": leases.reap,
            "reap one of the running": reap_one,
            "look for jobs nobody heard of": list_unheard,
        }.items()
    ]


def fill() -> None:
    people = get_user_model().objects.bulk_create(
        get_user_model()(username=f"person-{number}") for number in range(PEOPLE)
    )
    ended = {"status": Status.SUCCEEDED, "attempt": 1, "owner": "worker", "finished_at": timezone.now()}
    running = {"status": Status.RUNNING, "attempt": 1, "owner": "worker"}
    running["lease_until"] = timezone.now() + timedelta(days=1)
    for number, fields in ((ENDED, ended), (WAITING, {"woken_at": timezone.now()}), (RUNNING, running)):
        jobs = (a_job(people[n % PEOPLE].pk, fields) for n in range(number))
        TrainingJob.objects.bulk_create(jobs, batch_size=500)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def a_job(person: int, fields: dict[str, object]) -> TrainingJob:
    return TrainingJob(
        name="train",
        created_by_id=person,
        method_snapshot={"trainer": "lora", "display_name": "LoRA", "config": {}, "description": "d" * 500},
        base_model_snapshot={"name": "base"},
        dataset_snapshot={"name": "data"},
        parameters=SETTINGS,
        **fields,
    )


def claim() -> None:
    assert leases.claim_next("benchmark", queues=["default"])


def reap_one() -> None:
    one = TrainingJob.objects.active().values("pk")[:1]
    TrainingJob.objects.filter(pk__in=[row["pk"] for row in one]).update(lease_until=Now() - 2 * leases.MARGIN)
    assert len(leases.reap()) == 1


def list_unheard() -> None:
    dict(dispatch.unheard_by_queue())


def times(way: Callable[[], object]) -> dict[str, object]:
    """Wall-clock milliseconds of single calls."""
    taken = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        way()
        taken.append(1000 * (time.perf_counter() - start))
    taken.sort()
    median, p95 = statistics.median(taken), taken[int(0.95 * ROUNDS)]
    return {"best ms": round(taken[0], 2), "median ms": round(median, 2), "p95 ms": round(p95, 2)}
