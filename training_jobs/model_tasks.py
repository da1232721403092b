"""Celery's entry points for what workers do with customized models. They hold no rules."""

from celery import current_app, shared_task

from training_jobs import model_turns, tasks
from training_jobs.models import Making, TryOut, Work
from training_methods.tasks import draining, worker_id
from training_methods.trainers.base import cpu_threads


@shared_task(name=TryOut.task, ignore_result=True)
def try_out(key: str) -> None:
    perform(TryOut.objects.filter(pk=key).first())


@shared_task(name=Making.task, ignore_result=True)
def make_model(key: str) -> None:
    perform(Making.objects.filter(pk=key).first())


def perform(work: Work | None) -> None:
    """None: it has gone with its model."""
    if work:
        cards = [card.id for card in tasks.own_cards]
        threads = cpu_threads(current_app.conf.worker_concurrency or 1)
        model_turns.perform(work, worker_id, tasks.served_queues(), cards, draining, threads)
