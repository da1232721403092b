"""A slot of a worker does one thing with a customized model: when a message says so, or between two trains."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from training_jobs import dispatch, making_run, model_work, tryout_run
from training_jobs.cards import choosing
from training_jobs.models import Making, Work
from training_methods.flags import Flag


def run_oldest(worker: UUID, queues: Sequence[str], cards: Sequence[str], leaving: Flag, threads: int) -> None:
    """What has waited the longest, if anything does. So nobody waits for more than the train that runs."""
    if work := model_work.oldest_waiting(queues):
        perform(work, worker, queues, cards, leaving, threads)


def perform(work: Work, worker: UUID, queues: Sequence[str], cards: Sequence[str], leaving: Flag, threads: int) -> None:
    if isinstance(work, Making):
        making_run.run(work.pk, leaving, threads=threads, worker=worker)
        return
    with a_card(cards, queues) as devices:
        if devices != []:  # else all are in use: it is asked for again after the next train, or by a sweep
            tryout_run.run(work.pk, leaving, threads=threads, queues=queues, devices=devices, worker=worker)


@contextmanager
def a_card(cards: Sequence[str], queues: Sequence[str]) -> Iterator[list[str] | None]:
    """The id of a GPU that is ours while this lasts. None: the machine has none. Empty: all are in use."""
    if not cards:
        yield None
        return
    with choosing(cards) as free:
        held = free.keep(1)
    with held:
        yield list(held)
    if held:  # other slots may have waited for it
        dispatch.publish(queues[0])
