"""The limit that a method's configuration sets to the memory of one training (`resources.memory_gb`).

A limit of the system for each process does not do: RLIMIT_AS and RLIMIT_DATA count what is reserved, and torch and CUDA
reserve several times what they use (measured: 1.5 GB of data for 0.37 GB in use). So the supervisor adds up, twice a
second, what the training and all it started really hold, without the pages of files. A cgroup, where the
site has given one, holds the limit to the byte as well.
"""

from training_jobs import processes
from training_methods.trainers.events import Cause, Failure

GIGABYTE = 10**9


def held_by(pid: int) -> int:
    """Bytes that this process and all that descend from it hold, as the limit counts them. Linux alone tells."""
    return sum(map(processes.own_memory, processes.tree_of(pid)))


class MemoryLimit:
    def __init__(self, gigabytes: float) -> None:
        self.gigabytes = gigabytes
        self.taken = 0
        self.is_exceeded = False

    @property
    def size(self) -> int:
        return int(self.gigabytes * GIGABYTE)

    def is_exceeded_by(self, pid: int) -> bool:
        """Whether this process and all that descend from it hold more, or once held. Linux alone tells.

        What is being killed for it holds less by the moment, and is asked about until it is gone.
        """
        if not self.is_exceeded:
            self.taken = held_by(pid)
            self.is_exceeded = self.taken > self.size
        return self.is_exceeded

    def failure(self, evidence: str) -> Failure:
        had = f"; it held {self.taken / GIGABYTE:.2f} GB" if self.taken > self.size else ""
        return Failure(
            cause=Cause.OUT_OF_MEMORY,
            message=f"The training took more memory than its limit of {self.gigabytes:g} GB allows{had}.",
            hint="A smaller batch, a shorter maximum length or a smaller base model needs less memory; the method's "
            "configuration sets the limit (resources.memory_gb).",
            evidence=evidence,
        )
