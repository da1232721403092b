"""Running a child process: start it, read what it reports, stop it, and say how it ended.

Knows neither Celery nor the database. The child has a session and process group of its own, holds a pipe whose
end-of-file tells it that its supervisor is gone, and reports through files, so that it never waits for its reader.
"""

import os
import signal
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from training_jobs.reports import Batch, Reports
from training_methods import child_process
from training_methods.trainers.events import Failure, Finished

TICK = 0.5  # seconds
GRACE = 60.0  # seconds a child has to save a checkpoint after SIGTERM

ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",  # with spinning waits one busy neighbour makes a step ten times slower
    "TOKENIZERS_PARALLELISM": "false",
}
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
    """One child process and its run folder. Leaving the `with` block ends the child, whatever happened."""

    def __init__(
        self, run_dir: Path, *, command: Sequence[str] | None = None, threads: int = 1, grace: float = GRACE
    ) -> None:
        self.run_dir = run_dir
        self.command = command or child_process.command("run", run_dir)
        self.threads = threads
        self.grace = grace
        self._reports = Reports(run_dir)
        self._kill_at: float | None = None
        self._killed = False
        self._group_ended = False
        self._oom_kills = deque([oom_kills()], maxlen=3)  # of late: the machine counts everybody's

    def __enter__(self) -> Self:
        with (self.run_dir / "train.log").open("ab") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.run_dir,
                env=child_environment(self.threads),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        assert self._process.stdin
        os.set_blocking(self._process.stdin.fileno(), False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        self._process.wait()
        self._end_group()
        if self._process.stdin:
            self._process.stdin.close()

    @property
    def pid(self) -> int:
        return self._process.pid

    def beat(self, stop_at: float, gone_at: float) -> None:
        """Tell the child's keeper from when on it is to save and stop, and when to be gone, by `keeper.clock`.

        A child whose supervisor is frozen, or waits for a database, ends in time all the same.
        """
        assert self._process.stdin
        with suppress(BlockingIOError, BrokenPipeError):  # frozen or gone: what it was told before still holds
            os.write(self._process.stdin.fileno(), f"{stop_at:.3f} {gone_at:.3f}\n".encode())

    def watch(self) -> Iterator[Batch]:
        """What the child reports, about every half second until it has ended and all is read."""
        while self._process.poll() is None:
            self._oom_kills.append(oom_kills())
            yield self._reports.read()
            if self._kill_at and time.monotonic() > self._kill_at:
                self.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(TICK)
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

    def ending(self) -> Finished | Failure | Interrupted:
        """How it went, once `watch` is through."""
        code = self._process.wait()
        reported = self._reports.ending
        if isinstance(reported, Failure):
            return reported
        if reported and code == 0:
            return reported if reported.outcome == "succeeded" or self._was_asked else Interrupted(TOLD_TO_STOP)
        if self._killed or (code == -signal.SIGTERM and self._was_asked):
            return Finished(outcome="stopped")
        if code == -signal.SIGTERM:
            return Interrupted(TOLD_TO_STOP)
        if code == -signal.SIGKILL:
            return self._killed_from_outside()
        return Failure(
            message=f"The training {meaning_of(code)}.",
            hint="The end of the train log may say why.",
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
        return Failure(message=message, hint=LESS_MEMORY, evidence=evidence)

    def _end_group(self) -> None:
        """End what the child had started and left behind."""
        if not self._group_ended:
            self._group_ended = True
            with suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says so by refusing
                os.killpg(self._process.pid, signal.SIGKILL)


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


def child_environment(threads: int) -> dict[str, str]:
    """The worker's own environment without its secrets, and with what training needs."""
    inherited = child_process.environment()
    return {
        **ENVIRONMENT,
        "OMP_NUM_THREADS": str(threads),
        **inherited,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(child_process.ROOT), inherited.get("PYTHONPATH", "")])),
        "PYTHONUNBUFFERED": "1",
    }
