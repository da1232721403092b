"""Celery's entry points. They hold no rules."""

import threading
from contextlib import ExitStack
from functools import partial
from typing import Any

from celery import current_app, shared_task, signals
from django.conf import settings

from training_jobs import broker, cards, rehearsal_run, warming
from training_jobs.dispatch import TAKE_JOBS
from training_jobs.rehearsals import REHEARSE
from training_jobs.slots import Slot
from training_jobs.sweeper import Sweeper
from training_jobs.workers import Attendance, Presence, Wishes
from training_methods.tasks import draining, worker_id
from training_methods.trainers.base import cpu_threads

# Found before the pool forks, as `worker_id` is made. Celery itself forgets the queues while the worker drains.
own_cards: list[cards.Card] = []
own_queues: list[str] = []

told_to_leave = threading.Event()
broker_in_use = ExitStack()


@shared_task(name=TAKE_JOBS, ignore_result=True)
def take_jobs() -> None:
    Slot(
        worker=worker_id,
        queues=served_queues(),
        cards=tuple(card.id for card in own_cards),
        threads=threads_of_a_slot(),
        warm_parent_at=warming.socket_for(worker_id),
        leaving=draining,
    ).work()


@shared_task(name=REHEARSE, ignore_result=True)
def rehearse(rehearsal_id: str) -> None:
    card_ids = [card.id for card in own_cards]
    rehearsal_run.run(int(rehearsal_id), draining, threads=threads_of_a_slot(), cards=card_ids, worker=worker_id)


def threads_of_a_slot() -> int:
    return cpu_threads(current_app.conf.worker_concurrency or 1)


def served_queues() -> tuple[str, ...]:
    return tuple(own_queues)


@signals.celeryd_init.connect
def use_broker(**_: Any) -> None:
    """The embedded one is there as long as this worker is, however it was started."""
    broker_in_use.enter_context(broker.running(settings.DATA_DIR))


@signals.celeryd_after_setup.connect
def know_itself(instance: Any, **_: Any) -> None:
    """However the worker was started, its pool finds here what it serves and what there is to share.

    A worker that cannot know its GPUs ends, since Celery would only log that, and it would run trains on none of them.
    """
    instance.app.conf.worker_concurrency = instance.concurrency
    try:
        own_cards.extend(cards.found())
    except cards.NoAnswer as error:
        leave_broker()
        raise SystemExit(str(error)) from error
    own_queues.extend(sorted(instance.app.amqp.queues.consume_from))


@signals.worker_ready.connect
def attend(sender: Any, **_: Any) -> None:
    """`sender` is Celery's consumer."""
    queues = served_queues()
    presence = Presence(id=worker_id, queues=queues, slots=current_app.conf.worker_concurrency, cards=own_cards)
    attendance = Attendance(presence, partial(obey, sender, queues))
    attendance.start()
    Sweeper().start()
    signals.worker_shutdown.connect(lambda **_: attendance.leave(), weak=False)
    if path := warming.socket_for(worker_id):
        warm_parent = warming.Warming(path, threads_of_a_slot())
        warm_parent.start()
        signals.worker_shutdown.connect(lambda **_: warm_parent.end(), weak=False)


def obey(consumer: Any, queues: tuple[str, ...], wishes: Wishes) -> None:
    """A draining worker hears no message, so that others do."""
    listen = consumer.cancel_task_queue if wishes.draining else consumer.add_task_queue
    for queue in queues:
        consumer.call_soon(listen, queue)
    if wishes.handing_back:
        draining.set()
    else:
        draining.clear()
        if told_to_leave.is_set():  # looked at last: it may be told at any moment
            draining.set()


@signals.worker_shutting_down.connect
def drain(**_: Any) -> None:
    told_to_leave.set()
    draining.set()


@signals.worker_shutdown.connect
def leave_broker(**_: Any) -> None:
    broker_in_use.close()
