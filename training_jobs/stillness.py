"""Tells a forked child that hangs before its first step from one that only waits.

A fork takes along the locks of the process that it comes from, and not the threads that would open them: where the warm
parent's libraries had threads after all, the child waits in a lock for good, without a word and without using the
processor. What it then looks like is the criterion, over `PATIENCE` seconds:

- it has reported no step, neither `Metrics` nor `Progress`;
- it and all it has started used less than a hundredth of a processor;
- every thread waits for a lock inside its process (a futex). One that waits for the disk, the network, another
  process or a clock is not hanging, however long that takes.

Where the kernel does not tell what a thread waits in, that it sleeps has to do, and a recipe that sleeps through the
whole time before its first step is started once more for nothing.
"""

from collections.abc import Iterable

from training_jobs import processes
from training_jobs.processes import Waiting
from training_jobs.reports import Batch
from training_methods.trainers import keeper
from training_methods.trainers.events import Metrics, Progress

PATIENCE = 30.0  # seconds
LOOKS = 10  # in that time
IDLE = 0.01  # of one processor


class Stillness:
    """Of one child, from its start to its first step."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.patience = PATIENCE
        self.has_stepped = False
        self.next_look = keeper.clock()
        self.since, self.used = keeper.clock(), 0.0

    def lasts(self, batch: Batch) -> bool:
        """Whether the child hangs, given what it reported since the last time."""
        self.has_stepped = self.has_stepped or any(isinstance(event, Metrics | Progress) for event in batch.events)
        now = keeper.clock()
        if self.has_stepped or now < self.next_look:
            return False
        self.next_look = now + self.patience / LOOKS
        pids = self.training()
        used = sum(map(processes.cpu_seconds, pids))
        if used - self.used > IDLE * self.patience or not all_wait_for_locks(pids):
            self.since, self.used = now, used
        return now - self.since >= self.patience

    def training(self) -> list[int]:
        """The child and what it has started, without its keeper."""
        keeping = keeper.__file__
        return [pid for pid in processes.tree_of(self.pid) if keeping not in processes.command_of(pid)]


def all_wait_for_locks(pids: Iterable[int]) -> bool:
    return are_locks([thread for pid in pids for thread in processes.waiting(pid) if thread.state != "Z"])


def are_locks(threads: list[Waiting]) -> bool:
    """All but one: the child's lifeline reads a pipe on which nothing comes."""
    if not all(thread.state == "S" for thread in threads):
        return False
    elsewhere = [thread.where for thread in threads if thread.where and "futex" not in thread.where]
    return not elsewhere or (len(elsewhere) == 1 and "pipe_read" in elsewhere[0])
