"""Running a trainer here and now, in a child process like a job's but without database, queue or worker."""

import math
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from training_methods import child_process
from training_methods.child_process import TICK
from training_methods.trainers.base import FINISH, RunSpec
from training_methods.trainers.events import Event, EventReader, Failure, Finished


class Trial:
    """One child process. Leaving the `with` block ends it, whatever happened.

    `tick` is called all the while it is watched, and may raise to end it. `task`: what the child is to do, `rehearse`
    to say too what memory it took.
    """

    def __init__(
        self, directory: Path, spec: RunSpec, tick: Callable[[], None] = lambda: None, task: str = "run"
    ) -> None:
        self._task = task
        (directory / "run.json").write_text(spec.model_dump_json(indent=2), encoding="utf-8")
        self.log = directory / "train.log"
        self.output = spec.output
        self._tick = tick
        self._directory = directory
        self._events = EventReader(directory / "events.jsonl")
        self.ending: Finished | Failure | None = None

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._child = subprocess.Popen(
                child_process.command(self._task, self._directory),
                cwd=child_process.ROOT,
                env=child_process.environment() | {"PYTHONFAULTHANDLER": "1"},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._child.stdin
        self._child.stdin.close()  # the child's lifeline: it ends itself and all it started
        self._child.wait()

    def watch(self, seconds: float = math.inf) -> Iterator[Event]:
        """What the child reports until it has ended; `ending` then says how. None: the time was up before."""
        deadline = time.monotonic() + seconds
        while self._child.poll() is None:
            if time.monotonic() > deadline:
                return
            yield from self._read()
            self._tick()
            time.sleep(TICK)
        yield from self._read()
        if not isinstance(self.ending, Failure) and (self._child.returncode or not self.ending):
            self.ending = Failure(message=f"The trainer {meaning_of(self._child.returncode)}.")

    @property
    def pid(self) -> int:
        return self._child.pid

    def stop(self) -> None:
        """Ask the child to save a checkpoint and end."""
        self._child.send_signal(signal.SIGTERM)

    def ask_to_finish(self) -> None:
        """Ask the child to end early, with its result."""
        (self._directory / FINISH).touch()

    def end_and_say_where(self) -> None:
        """End the child, which writes the lines it was at into its log."""
        self._child.send_signal(signal.SIGABRT)
        self._child.wait()

    def _read(self) -> Iterator[Event]:
        for event in self._events.read():
            if isinstance(event, Finished | Failure):
                self.ending = event
            yield event


def meaning_of(code: int) -> str:
    if code == 0:
        return "ended without saying that it had finished"
    return f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code}"
