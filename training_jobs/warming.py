"""The warm parent of a worker: kept ready as long as the worker is there, so that trainings start at once.

One for all slots, outside of Celery's processes. Whoever asks while there is none takes a fresh process.
"""

import logging
import threading
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings

from training_jobs import processes
from training_jobs.broker import private_folder
from training_jobs.children import child_environment
from training_methods import warm_parent
from training_methods.warm_parent import WarmParent

EVERY = timedelta(seconds=5)
MOST_GROWTH = 200 * 2**20  # bytes beyond what it had when it was ready, about 450 MB
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0  # seconds between two tries, when it ends instead of being ready

logger = logging.getLogger(__name__)


def socket_for(worker: UUID) -> Path | None:
    """Where the worker's warm parent listens, once it is ready. None: it has none."""
    if not (settings.WARM_PARENT and warm_parent.SUPPORTED):
        return None
    return private_folder("deepext-warm") / f"{worker}.sock"


class Warming(threading.Thread):
    """Starts a warm parent, and another whenever it has died, has grown, or was made from other code.

    The kernel ends the warm parent with the thread that started it, which is this one, and so with the worker.
    """

    def __init__(self, path: Path, threads: int, *, every: timedelta = EVERY, most_growth: int = MOST_GROWTH) -> None:
        super().__init__(name="warming", daemon=True)
        self.path = path
        self.environment = child_environment(threads)
        self.every = every.total_seconds()
        self.most_growth = most_growth
        self.parents: list[WarmParent] = []
        self.failures = 0  # in a row
        self.ending = threading.Event()

    def run(self) -> None:
        try:
            while not self.ending.is_set():
                self.failures = 0 if self.keep_one() else self.failures + 1
                self.ending.wait(min(FIRST_PAUSE * 2**self.failures, LONGEST_PAUSE))
        finally:
            for parent in self.parents:
                parent.end()
            self.path.unlink(missing_ok=True)

    def end(self) -> None:
        """Once no training is left."""
        self.ending.set()
        self.join()

    def keep_one(self) -> bool:
        """Start one and keep it until it has to be replaced. False: it never was ready."""
        try:
            parent = WarmParent(self.path, self.environment)
        except OSError as error:  # no room for a process, or a file that goes while all are listed; trainings go on
            logger.warning("No warm parent: %s Trainings start in fresh processes.", error)
            return False
        self.parents.append(parent)
        if not parent.wait_until_ready():
            logger.warning("No warm parent: it ended while it imported. Trainings start in fresh processes.")
            self.let_go_of_ended()
            return False
        most = processes.resident(parent.process.pid) + self.most_growth
        while not self.ending.wait(self.every):
            if reason := self.reason_to_replace(parent, most):
                logger.info("The warm parent is replaced: %s.", reason)
                parent.retire()
                break
            self.let_go_of_ended()
        return True

    def reason_to_replace(self, parent: WarmParent, most: int) -> str:
        """Or nothing."""
        if parent.process.poll() is not None:
            return "it has died"
        try:
            if parent.code != warm_parent.code():
                return "packages or trainers have changed"
        except OSError:  # a file was there when they were listed, and is gone
            return "packages or trainers are changing"
        return "it has grown" if processes.resident(parent.process.pid) > most else ""

    def let_go_of_ended(self) -> None:
        """Of those too that have left with their last training after they had been replaced."""
        for parent in [parent for parent in self.parents if parent.process.poll() is not None]:
            parent.end()
            self.parents.remove(parent)
