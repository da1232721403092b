"""Running a child process: start it, read what it reports, stop it, and say how it ended.

Knows neither Celery nor the database. The child has a session and process group of its own, holds a pipe whose
end-of-file tells it that its supervisor is gone, and reports through files, so that it never waits for its reader.
"""

import codecs
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from training_methods import child_process
from training_methods.trainers.events import Event, EventReader, Failure, Finished, Note

TICK = 0.5  # seconds
GRACE = 60.0  # seconds a child has to save a checkpoint after SIGTERM
MOST_EVENTS = 5_000  # a tick
PIECE = 256 * 1024  # bytes of log
MOST_PIECES = 4  # a tick

# The first and the last of a log are kept whole; a reader that is further behind skips what lies between.
HEAD = TAIL = 2 * 1024 * 1024

ENVIRONMENT = {
    "OMP_WAIT_POLICY": "PASSIVE",  # with spinning waits one busy neighbour makes a step ten times slower
    "TOKENIZERS_PARALLELISM": "false",
}
MEANINGS: dict[int, str] = {
    signal.SIGKILL: "was killed by the system (SIGKILL): most likely the machine ran out of memory",
    signal.SIGSEGV: "crashed (SIGSEGV): native code read memory it should not",
    signal.SIGABRT: "aborted (SIGABRT): native code found itself in a state it could not go on from",
    signal.SIGBUS: "crashed (SIGBUS): most likely shared memory or the disk is full",
}
LESS_MEMORY = "A smaller batch, a shorter maximum length or a smaller base model needs less memory."


@dataclass(frozen=True, kw_only=True)
class LogPiece:
    """Text of the train log. `offset` and `size` count bytes of the file, so that a gap shows."""

    offset: int
    size: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a child reported since the last batch."""

    events: list[Event] = field(default_factory=list)
    log: list[LogPiece] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.events or self.log)


class LogReader:
    """Reads a growing log by offset: whole characters, a bounded piece at a time, skipping ahead when far behind."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._end: int | None = None

    def end_here(self) -> None:
        """The child is gone: what somebody it left behind may still write is not read."""
        self._end = self._path.stat().st_size

    def read(self) -> Iterator[LogPiece]:
        """At most `MOST_PIECES`. A character whose last bytes are missing waits for them, unless this is the end."""
        with self._path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size if self._end is None else self._end
            if self._offset >= HEAD and end - self._offset > TAIL:
                self._offset = end - TAIL
            for _ in range(MOST_PIECES):
                file.seek(self._offset)
                data = file.read(min(PIECE, end - self._offset))
                if not (piece := self._piece(data, final=self._offset + len(data) == self._end)):
                    return
                self._offset += piece.size
                yield piece

    def _piece(self, data: bytes, *, final: bool) -> LogPiece | None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        text = decoder.decode(data, final=final)
        waiting, _ = decoder.getstate()
        taken = len(data) - len(waiting)
        return LogPiece(offset=self._offset, size=taken, text=text) if taken else None

    def last_lines(self, count: int = 20) -> str:
        """The end of the log, for evidence."""
        with self._path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join(line[:300] for line in lines[-count:])


class Supervisor:
    """One child process and its run folder. Leaving the `with` block ends the child, whatever happened."""

    def __init__(
        self, run_dir: Path, *, command: Sequence[str] | None = None, threads: int = 1, grace: float = GRACE
    ) -> None:
        self.run_dir = run_dir
        self.command = command or child_process.command("run", run_dir)
        self.threads = threads
        self.grace = grace
        self._events = EventReader(run_dir / "events.jsonl")
        self._log = LogReader(run_dir / "train.log")
        self._reported_end: Finished | Failure | None = None
        self._kill_at: float | None = None
        self._killed = False
        self._group_ended = False

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

    def watch(self) -> Iterator[Batch]:
        """What the child reports, about every half second until it has ended and all is read."""
        while self._process.poll() is None:
            yield self._read()
            if self._kill_at and time.monotonic() > self._kill_at:
                self.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(TICK)
        self._end_group()
        self._log.end_here()
        while batch := self._read():
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

    def ending(self) -> Finished | Failure:
        """How it went, once `watch` is through."""
        code = self._process.wait()
        if isinstance(self._reported_end, Failure):
            return self._reported_end
        if code == 0 and self._reported_end:
            return self._reported_end
        if self._killed or code == -signal.SIGTERM:
            return Finished(outcome="stopped")
        return self._failure(code)

    def _failure(self, code: int) -> Failure:
        return Failure(
            message=f"The training {meaning_of(code)}.",
            hint=LESS_MEMORY if code == -signal.SIGKILL else "The end of the train log may say why.",
            evidence=self._log.last_lines(),
        )

    def _read(self) -> Batch:
        return Batch(events=list(self._new_events()), log=list(self._log.read()))

    def _new_events(self) -> Iterator[Event]:
        for event in islice(self._whole_lines(), MOST_EVENTS):
            if isinstance(event, Finished | Failure):
                self._reported_end = event
            yield event

    def _whole_lines(self) -> Iterator[Event]:
        while True:
            try:
                yield from self._events.read()
            except ValidationError as error:  # shown and not fatal: the reader is past that line
                yield Note(text=f"A line of events.jsonl is no event: {shown(error.errors()[0]['input'])}")
            else:
                return

    def _end_group(self) -> None:
        """End what the child had started and left behind."""
        if not self._group_ended:
            self._group_ended = True
            with suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says so by refusing
                os.killpg(self._process.pid, signal.SIGKILL)


def shown(line: object) -> str:
    text = line.decode(errors="replace").rstrip() if isinstance(line, bytes) else str(line)
    return text if len(text) <= 200 else f"{text[:200]}…"


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
