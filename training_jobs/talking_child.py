"""A child process of the trainers that one talks with: lines to its standard input, lines from its standard output.

It dies with us: on Linux the kernel sees to it, and everywhere the end of its standard input tells it.
"""

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from types import TracebackType
from typing import Self

from training_jobs.children import child_environment
from training_jobs.supervisor import meaning_of
from training_methods import child_process

EVIDENCE = 2000  # bytes of what it complained of last


class TalkingChild:
    """Leaving the `with` block ends it and all it started. `devices` are ids of its GPUs; None: there are none."""

    def __init__(self, command: list[str], folder: Path, *, threads: int, devices: Sequence[str] | None) -> None:
        self.command = command
        self.log = folder / "complaints"
        self.environment = child_environment(threads)
        if devices is not None:
            self.environment["CUDA_VISIBLE_DEVICES"] = ",".join(devices)
        self._said: SimpleQueue[str] = SimpleQueue()

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command,
                cwd=child_process.ROOT,
                env=self.environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                text=True,
                encoding="utf-8",
                errors="replace",
            )
        self._listener = Thread(target=self._listen, name="child's words", daemon=True)
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says so by refusing
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._listener.join()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()

    def tell(self, line: str) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):  # it has ended, which `has_ended` tells
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()

    def lines(self, seconds: float) -> list[str]:
        """What it has said; waits so long for a first line."""
        said = []
        with suppress(Empty):
            said.append(self._said.get(timeout=seconds))
            while True:
                said.append(self._said.get_nowait())
        return said

    @property
    def has_ended(self) -> bool:
        """And everything that it said was handed on."""
        return self._process.poll() is not None and not self._listener.is_alive() and self._said.empty()

    def complaint(self) -> str:
        """How it ended, and its last words."""
        with self.log.open("rb") as log:
            log.seek(max(0, self.log.stat().st_size - EVIDENCE))
            last = log.read().decode(errors="replace").strip().splitlines()
        code = self._process.returncode
        killed = (
            "was killed: most likely the machine ran out of memory" if code == -signal.SIGKILL else meaning_of(code)
        )
        return f"The process {killed}. {last[-1] if last else ''}".strip()

    def _listen(self) -> None:
        assert self._process.stdout
        for line in self._process.stdout:
            self._said.put(line.rstrip("\n"))
