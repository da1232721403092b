"""Messages to workers. One carries a key at most: lost or doubled, it does no harm."""

import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Protocol, TypeVar

from celery import current_app
from kombu.exceptions import OperationalError

PAUSE = 5.0  # seconds in which a broker that did not answer is not asked again: one request may have much to say

UNHEARD_AFTER = timedelta(seconds=30)  # in which a worker that has a free slot has taken what it was told of

logger = logging.getLogger(__name__)
silent_until = 0.0


class Announced(Protocol):
    """What a worker is told of."""

    queue: Any
    woken_at: Any


Waits = TypeVar("Waits", bound=Announced)


def prepare() -> None:
    """Import what sending takes, so that the first who starts a train does not wait for it. Connects to nothing."""
    assert current_app.producer_pool
    assert current_app.connection_for_write().transport


def send(task: str, *key: str, queue: str) -> bool:
    """Tell a worker. False: the broker does not answer, which is found out soon and fails nobody's request."""
    global silent_until
    if time.monotonic() < silent_until:
        return False
    try:
        current_app.send_task(task, key, queue=queue, retry=False, retry_policy={"max_retries": 0})
    except OperationalError as error:
        silent_until = time.monotonic() + PAUSE
        logger.warning("%s on queue %s waits for the next sweep: the broker is away (%s).", task, queue, error)
        return False
    return True


def to_announce(waiting: Iterable[Waits]) -> list[Waits]:
    """Of what waits and was not taken soon: what nobody was told of, and what waits though its queue is empty, since
    its message was lost. Raises kombu's OperationalError when the broker is away.
    """
    waiting = list(waiting)
    empty = {queue for queue in {one.queue for one in waiting if one.woken_at} if messages_in(queue) == 0}
    return [one for one in waiting if one.woken_at is None or one.queue in empty]


def messages_in(queue: str) -> int:
    global silent_until
    with current_app.connection_for_write() as broker:
        found = broker.default_channel.queue_declare(queue).message_count
    silent_until = 0.0
    return found
