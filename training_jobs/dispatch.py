"""Waking workers. A message says nothing but that a job waits on its queue: lost or doubled, it does no harm."""

from functools import partial

from django.db import transaction
from django.db.models import Count
from django.db.models.functions import Now

from training_jobs.leases import LEASE
from training_jobs.models import TrainingJob
from training_methods.messages import messages_in, send

TAKE_JOBS = "training_jobs.take_jobs"
UNHEARD_AFTER = LEASE / 4
MOST_MESSAGES = 16  # a sweep and queue: who hears one takes jobs until there are none


def wake(job: TrainingJob) -> None:
    """Tell a worker that the job waits, once the transaction commits.

    A broker that does not answer never fails the request: the job stays unwoken, and a worker's sweeper finds it.
    """
    transaction.on_commit(partial(wake_now, job), robust=True)


def wake_now(job: TrainingJob) -> None:
    if publish(job.queue):
        TrainingJob.objects.filter(pk=job.pk).update(woken_at=Now())


def publish(queue: str) -> bool:
    """Send one message; False if the broker does not take it. At the worst that takes the broker's time-outs."""
    return send(TAKE_JOBS, queue=queue)


def wake_unheard() -> int:
    """Wake the jobs nobody was told of, and again those that wait though their queue is empty: their message was lost.

    A queue with messages in it is left alone: every worker is busy, and who gets free takes what waits. Returns how
    many messages were sent. Raises kombu's OperationalError when the broker is away.
    """
    return sum(wake_queue(queue, min(number, MOST_MESSAGES)) for queue, number in unheard_by_queue())


def unheard_by_queue() -> list[tuple[str, int]]:
    unheard = TrainingJob.objects.unheard(UNHEARD_AFTER)
    return list(unheard.values_list("queue").annotate(number=Count("*")).order_by("queue"))


def wake_queue(queue: str, number: int) -> int:
    wanted = number if messages_in(queue) == 0 else 0
    sent = sum(publish(queue) for _ in range(wanted))
    if sent == wanted:
        TrainingJob.objects.unheard(UNHEARD_AFTER).filter(queue=queue).update(woken_at=Now())
    return sent
