import os
import socket
import warnings
from argparse import ArgumentParser
from typing import Any

from billiard import pool
from celery import current_app
from celery.platforms import SecurityWarning
from django.conf import settings
from django.core.management import BaseCommand, CommandError
from django.db import connection, connections

from training_jobs import broker, tasks

LAST_WORDS = 20
"""Tenths of a second that a process of the pool, told to leave, waits until its last result is heard of.

If that came as the worker stopped listening, nobody hears of it, and none is needed: what became of a job is in its
row. Celery would wait 30 seconds, which is all that many a host gives a service to end.
"""


class Command(BaseCommand):
    help = "Runs a worker, and the embedded broker with it unless REDIS_URL is set. Ctrl-C hands its jobs back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--concurrency", type=int, default=1, help="how many jobs may run here at once (1)")
        parser.add_argument("--queues", default="default", help="which queues it serves, with commas between (default)")

    def handle(self, *, concurrency: int, queues: str, **options: Any) -> None:
        if concurrency < 1:
            raise CommandError(f"A worker runs at least one job at once, not {concurrency}.")
        try:
            with broker.running(settings.DATA_DIR):
                what = f"{concurrency} at once from {queues}"
                self.stdout.write(f"Worker for {what}: {broker.describe()}, {database()}. Ctrl-C stops it.")
                self.stdout.flush()
                self.work(concurrency, queues)
        except broker.BrokerError as error:
            raise CommandError(str(error)) from error

    def work(self, concurrency: int, queues: str) -> None:
        """Until it is told to stop."""
        connections.close_all()  # what is open now would be shared with every process of the pool
        pool.GUARANTEE_MESSAGE_CONSUMPTION_RETRY_LIMIT = LAST_WORDS
        warnings.simplefilter("ignore", SecurityWarning)  # it warns root of pickled messages; ours are JSON
        worker = current_app.Worker(
            hostname=f"{os.getpid()}@{socket.gethostname()}",
            concurrency=concurrency,
            queues=queues,
            loglevel="INFO",
            quiet=True,
            without_gossip=True,
            without_mingle=True,
        )
        worker.start()
        if worker.exitcode and not tasks.draining.is_set():  # to leave when told to is no failure
            raise SystemExit(worker.exitcode)


def database() -> str:
    """Which one, without its password."""
    facts = connection.settings_dict
    return f"{connection.display_name} at {facts['HOST'] or facts['NAME']}"
