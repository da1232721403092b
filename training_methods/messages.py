"""Messages to workers. One carries a key at most: lost or doubled, it does no harm."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)


def send(task: str, *key: str, queue: str) -> bool:
    """Tell a worker. False: the broker does not answer, which is found out soon and fails nobody's request."""
    try:
        current_app.send_task(task, key, queue=queue, retry=False, retry_policy={"max_retries": 0})
    except OperationalError as error:
        logger.warning("%s on queue %s waits for the next sweep: the broker is away (%s).", task, queue, error)
        return False
    return True


def messages_in(queue: str) -> int:
    with current_app.connection_for_write() as broker:
        return broker.default_channel.queue_declare(queue).message_count
