"""A run folder and the child process that works in it, as a supervisor would start it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from training_methods.trainers.events import Event, EventReader, Failure, Finished, Metrics
from training_methods.trainers.keeper import seen_of
from training_methods.trainers.warm import Request
from training_methods.warm_parent import Forked, WarmParent, fork

ROOT = Path(__file__).parent.parent.parent
SOON = 400  # seconds, on a machine that is busy with other things
AT_FIRST = dict(os.environ)
"""Before any test put something of its own there, a PYTHONPATH for instance."""
E = TypeVar("E", bound=Event)


@cache
def warm_parent() -> WarmParent:
    """This test process's own, started when it is first asked for."""
    return END.enter_context(a_warm_parent(environment=AT_FIRST))


@contextmanager
def a_warm_parent(threads: int = 1, environment: Mapping[str, str] = os.environ) -> Iterator[WarmParent]:
    with TemporaryDirectory(prefix="deepext-warm-") as folder:
        parent = WarmParent(Path(folder) / "socket", {**environment, "OMP_NUM_THREADS": str(threads)})
        try:
            assert parent.wait_until_ready()
            yield parent
        finally:
            parent.end()


END = ExitStack()
"""What ends with the tests."""


class RunFolder:
    def __init__(self, folder: Path, **spec: Any) -> None:
        folder.mkdir(parents=True)
        self.path = folder
        self.output, self.checkpoints = folder / "output", folder / "checkpoints"
        given = {"output": self.output, "checkpoints": self.checkpoints, "train_id": "a-train-id", **spec}
        (folder / "run.json").write_text(json.dumps(given, default=str))

    @property
    def log(self) -> str:
        return (self.path / "train.log").read_text(errors="replace")

    def events(self, kind: type[E]) -> list[E]:
        return [event for event in EventReader(self.path / "events.jsonl").read() if isinstance(event, kind)]

    def points(self) -> list[tuple[int, dict[str, float | None]]]:
        return [(event.step, event.values) for event in self.events(Metrics)]

    def losses(self) -> list[float | None]:
        return [event.values["loss"] for event in self.events(Metrics) if "loss" in event.values]

    def ending(self) -> Finished | Failure:
        return self.events(Finished | Failure)[-1]  # type: ignore[arg-type]

    @contextmanager
    def forked(self, parent: WarmParent | None = None) -> Iterator[Forked]:
        """A child of the warm parent: what most tests train with, since it has everything imported."""
        parent = parent or warm_parent()
        request = Request(directory=self.path, working_directory=ROOT, environment=dict(os.environ), code=parent.code)
        with (self.path / "train.log").open("ab") as log:
            child = fork(parent.path, request, log)
        with closing(child):
            yield child

    @contextmanager
    def started(self) -> Iterator[subprocess.Popen[bytes]]:
        """A process of its own, as it starts where there is no warm parent."""
        with (
            (self.path / "train.log").open("ab") as log,
            subprocess.Popen(
                [sys.executable, "-m", "training_methods.trainers", "run", str(self.path)],
                cwd=ROOT,
                env=dict(os.environ),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as child,
        ):
            yield child
            child.stdin.close()  # type: ignore[union-attr]

    def perform(self, *, afresh: bool = False) -> int:
        """Run to the end. Returns the exit code."""
        with self.started() if afresh else self.forked() as child:
            return child.wait(SOON)

    def perform_and_stop(self, *, afresh: bool = False) -> int:
        """Ask for a stop as soon as there is a first point."""
        with self.started() if afresh else self.forked() as child:
            wait_for(lambda: self.events(Metrics) or child.poll() is not None)
            child.send_signal(signal.SIGTERM)
            return child.wait(SOON)


def perform_all(runs: Iterable[RunFolder]) -> None:
    """Run them to the end, one after the other."""
    for run in runs:
        run.perform()


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "It did not come about in time."
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    state = seen_of(pid, "stat").split()[2:3]  # before the signal, which tells of whoever ends in between
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return state == [b"Z"]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> dict[str, str]:
    """A dataset file of question and answer, as run.json names it."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"path": str(path), "data_format": "question-answer"}
