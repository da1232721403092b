"""Celery's entry point for checks, which holds no rules; and what every task of a worker looks at."""

from typing import Any
from uuid import uuid4

from celery import current_app, shared_task, signals

from training_methods import check_run
from training_methods.checks import CHECK_METHOD
from training_methods.flags import Flag
from training_methods.trainers.base import cpu_threads

# Made before the pool forks, so that the worker's main process and its pool share them.
worker_id = uuid4()
draining = Flag()


@shared_task(name=CHECK_METHOD, ignore_result=True)
def check_method(check_id: str) -> None:
    slots = current_app.conf.worker_concurrency or 1
    check_run.run(int(check_id), draining, threads=cpu_threads(slots), worker=worker_id)


@signals.worker_shutting_down.connect
def drain(**_: Any) -> None:
    draining.set()
