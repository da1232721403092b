"""Running a child process: start it, read what it reports, stop it, and say how it ended.

Knows neither Celery nor the database. The child has a session and process group of its own, holds a pipe whose
end-of-file tells it that its supervisor is gone, and reports through files, so that it never waits for its reader.
"""

import os
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from types import TracebackType
from typing import Self

from training_jobs import children
from training_jobs.cgroups import Cgroup
from training_jobs.memory import MemoryLimit
from training_jobs.reports import Batch, Reports
from training_jobs.stillness import Stillness
from training_methods.trainers import failures, keeper
from training_methods.trainers.events import Cause, Failure, Finished, Note
from training_methods.warm_parent import Forked

TICK = 0.5  # seconds
FIRST_TICKS = (0.1,) * 5  # a forked child is at its first step within a second, and somebody waits to see it
DISK_IS_FULL = 64 * 1024  # bytes free when a training ended without a word
GRACE = 60.0  # seconds a child has to save a checkpoint after SIGTERM

MEANINGS: dict[int, str] = {
    signal.SIGSEGV: "crashed (SIGSEGV): native code read memory it should not",
    signal.SIGABRT: "aborted (SIGABRT): native code found itself in a state it could not go on from",
    signal.SIGBUS: "crashed (SIGBUS): most likely shared memory or the disk is full",
}
LESS_MEMORY = "A smaller batch, a shorter maximum length or a smaller base model needs less memory."


@dataclass(frozen=True)
class Interrupted:
    """Somebody outside ended the child. The same training may well come to its end when it is tried again."""

    why: Failure


class Supervisor:
    """One child process and its run folder. Leaving the `with` block ends the child, whatever happened.

    `memory_gb`: what it and all that it starts may hold. `cgroups_in`: where to make a cgroup for them.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        command: Sequence[str] | None = None,
        threads: int = 1,
        grace: float = GRACE,
        warm_parent_at: Path | None = None,
        memory_gb: float | None = None,
        cgroups_in: Path | None = None,
    ) -> None:
        self.run_dir = run_dir
        self.command = command
        self.threads = threads
        self.grace = grace
        self.warm_parent_at = warm_parent_at
        self._memory = MemoryLimit(memory_gb) if memory_gb else None
        self._cgroup = Cgroup.make(cgroups_in, run_dir, self._memory) if cgroups_in else None
        self._stillness: Stillness | None = None
        self._reports = Reports(run_dir)
        self._kill_at: float | None = None
        self._killed = False
        self._group_ended = False
        self._oom_kills = deque([oom_kills()], maxlen=3)  # of late: the machine counts everybody's

    def __enter__(self) -> Self:
        self._start(self.warm_parent_at)
        if isinstance(self._process, Forked):
            self._stillness = Stillness(self._process.pid)
        return self

    def _start(self, warm_parent_at: Path | None) -> None:
        environment = children.child_environment(self.threads)
        if self._cgroup:
            environment[keeper.CGROUP] = str(self._cgroup.path)
        self._process = children.start(
            self.run_dir, self.command, environment=environment, warm_parent_at=warm_parent_at
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._process.wait()
        self._end_group()
        self._process.close()
        if self._cgroup:
            self._cgroup.remove()

    @property
    def pid(self) -> int:
        return self._process.pid

    def beat(self, stop_at: float, gone_at: float) -> None:
        """Tell the child's keeper from when on it is to save and stop, and when to be gone, by `keeper.clock`.

        A child whose supervisor is frozen, or waits for a database, ends in time all the same.
        """
        lifeline = children.lifeline_of(self._process)
        with suppress(BlockingIOError, BrokenPipeError):  # frozen or gone: what it was told before still holds
            os.write(lifeline.fileno(), f"{stop_at:.3f} {gone_at:.3f}\n".encode())

    def watch(self) -> Iterator[Batch]:
        """What the child reports, about every half second until it has ended and all is read."""
        ticks = chain(FIRST_TICKS, repeat(TICK))
        while self._process.poll() is None:
            self._oom_kills.append(oom_kills())
            batch = self._reports.read()
            if self._stillness and self._stillness.lasts(batch):
                batch.events.append(self._start_afresh())
            yield batch
            if self._is_over_a_limit():
                self.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(next(ticks))
        self._end_group()
        self._reports.end_here()
        while batch := self._reports.read():
            yield batch

    def stop(self) -> None:
        """Ask the child to save a checkpoint and end; kill it if it has not done so after the grace."""
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self.grace
            self._process.terminate()

    def kill(self) -> None:
        """End the child and everything it started, at once."""
        if self._process.poll() is None:
            self._killed = True
            os.killpg(self._process.pid, signal.SIGKILL)
            if self._cgroup:
                self._cgroup.kill()

    def _is_over_a_limit(self) -> bool:
        """Of the time it has to save, or of its memory."""
        if self._kill_at and time.monotonic() > self._kill_at:
            return True
        return self._memory is not None and self._memory.is_exceeded_by(self.pid)

    def _start_afresh(self) -> Note:
        """In place of a forked child that hangs: a process that shares nothing with the warm parent."""
        self._stillness = None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._end_group()
        keeper.end_marked(self.run_dir)  # its keeper too, which would end the next child with the rest
        self._process.close()
        shutil.rmtree(self.run_dir / "scratch", ignore_errors=True)
        self._group_ended = False
        self._start(None)
        if self._kill_at:
            self._process.terminate()
        return Note(text=HUNG)

    def ending(self) -> Finished | Failure | Interrupted:
        """How it went, once `watch` is through."""
        code = self._process.wait()
        if self._memory and (self._memory.is_exceeded or (self._cgroup and self._cgroup.ran_out_of_memory())):
            return self._memory.failure(self._reports.last_lines())
        reported = self._reports.ending
        if isinstance(reported, Failure):
            return reported
        if reported and code == 0:
            by_us = reported.outcome == "succeeded" or reported.early or self._was_asked
            return reported if by_us else Interrupted(TOLD_TO_STOP)
        if self._killed or (code == -signal.SIGTERM and self._was_asked):
            return Finished(outcome="stopped")
        if code == -signal.SIGTERM:
            return Interrupted(TOLD_TO_STOP)
        if self._process.orphaned:
            return Interrupted(ORPHANED)
        if code == -signal.SIGKILL:
            return self._killed_from_outside()
        if code == failures.NO_ROOM or shutil.disk_usage(self.run_dir).free < DISK_IS_FULL:
            return failures.disk_full(self._reports.last_lines())
        return Failure(
            message=f"The training {meaning_of(code)}.",
            hint=failures.SEE_LOG,
            evidence=self._reports.last_lines(),
        )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def _was_asked(self) -> bool:
        return self._kill_at is not None

    def _killed_from_outside(self) -> Failure | Interrupted:
        """Only where memory ran out for sure there is no point in trying again."""
        evidence = self._reports.last_lines()
        before = self._oom_kills[0]
        if before is None:
            message = "The training was killed (SIGKILL): most likely the machine ran out of memory."
        elif before == oom_kills():
            return Interrupted(Failure(message="The training was killed from outside (SIGKILL).", evidence=evidence))
        else:
            message = "The training was killed by the system, since the machine ran out of memory."
        return Failure(cause=Cause.OUT_OF_MEMORY, message=message, hint=LESS_MEMORY, evidence=evidence)

    def _end_group(self) -> None:
        """End what the child had started and left behind."""
        if not self._group_ended:
            self._group_ended = True
            with suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says so by refusing
                os.killpg(self._process.pid, signal.SIGKILL)
            if self._cgroup:
                self._cgroup.kill()


HUNG = (
    "The training hung before its first step: it waited for a lock that nobody would open. It goes on in a fresh "
    "process, which takes a few seconds to import what the worker's warm parent has ready."
)
ORPHANED = Failure(message="The worker's warm parent was lost, and the training with it.")
TOLD_TO_STOP = Failure(
    message="Somebody outside DeepExtension ended the training process (SIGTERM).",
    hint="Its checkpoint was kept; start the job anew if this was a mistake.",
)


def oom_kills() -> int | None:
    """How many processes the kernel has killed because memory had run out. None: the system does not tell."""
    with suppress(OSError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None


def meaning_of(code: int) -> str:
    """An exit code or signal in words."""
    if code == 0:
        return "ended without saying that it had finished"
    if code > 0:
        return f"ended with exit code {code} and gave no reason"
    return MEANINGS.get(-code, f"was ended by signal {-code} ({signal.strsignal(-code)})")
