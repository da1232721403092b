"""Waking workers. A message carries a job's id and nothing else: lost or doubled, it does no harm."""

import logging
from functools import partial
from uuid import UUID

from celery import current_app
from django.db import transaction
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from training_jobs.leases import LEASE
from training_jobs.models import TrainingJob

RUN_JOB = "training_jobs.run_job"
UNHEARD_AFTER = LEASE / 4

logger = logging.getLogger(__name__)


def wake(job: TrainingJob) -> None:
    """Tell a worker that the job waits, once the transaction commits.

    A broker that does not answer never fails the request: the job stays unwoken, and a worker's sweeper finds it.
    """
    transaction.on_commit(partial(publish, job.pk, job.queue), robust=True)


def publish(job_id: UUID, queue: str) -> bool:
    try:
        current_app.send_task(RUN_JOB, [str(job_id)], queue=queue, retry=False, retry_policy={"max_retries": 0})
    except OperationalError as error:
        logger.warning("Job %s waits for the next sweep: the broker does not answer (%s).", job_id, error)
        return False
    TrainingJob.objects.filter(pk=job_id).update(woken_at=Now())
    return True


def wake_unheard() -> int:
    """Wake the jobs nobody was told of, and again those that wait though their queue is empty: their message was lost.

    Looking at the queue keeps messages from piling up while every worker is busy.
    """
    waiting = list(TrainingJob.objects.unheard(UNHEARD_AFTER).order_by("-priority", "created_at"))
    empty = {queue for queue in {job.queue for job in waiting if job.woken_at} if messages_in(queue) == 0}
    return sum(publish(job.pk, job.queue) for job in waiting if job.woken_at is None or job.queue in empty)


def messages_in(queue: str) -> int:
    with current_app.connection_for_write() as broker:
        return broker.default_channel.queue_declare(queue).message_count
