"""Celery's entry points. They hold no rules."""

import multiprocessing
from typing import Any
from uuid import UUID

from celery import current_app, shared_task, signals

from training_jobs import execution
from training_jobs.dispatch import RUN_JOB
from training_jobs.sweeper import Sweeper
from training_methods.trainers.base import cpu_threads

draining = multiprocessing.Event()  # made before the pool forks: the worker's main process sets it, its pool sees it


@shared_task(name=RUN_JOB, ignore_result=True)
def run_job(job_id: str) -> None:
    slots = current_app.conf.worker_concurrency or 1
    execution.run(UUID(job_id), draining, threads=cpu_threads(slots))


@signals.celeryd_after_setup.connect
def count_slots(instance: Any, **_: Any) -> None:
    """However the worker was started, its pool finds here how many jobs share the machine."""
    instance.app.conf.worker_concurrency = instance.concurrency


@signals.worker_ready.connect
def sweep(**_: Any) -> None:
    Sweeper().start()


@signals.worker_shutting_down.connect
def drain(**_: Any) -> None:
    draining.set()
