"""A run folder and the child process that works in it, as a supervisor would start it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from training_methods.trainers.events import Event, EventReader, Failure, Finished, Metrics

ROOT = Path(__file__).parent.parent.parent
SOON = 400  # seconds, on a machine that is busy with other things
E = TypeVar("E", bound=Event)


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

    def losses(self) -> list[float | None]:
        return [event.values["loss"] for event in self.events(Metrics) if "loss" in event.values]

    def ending(self) -> Finished | Failure:
        return self.events(Finished | Failure)[-1]  # type: ignore[arg-type]

    @contextmanager
    def started(self) -> Iterator[subprocess.Popen[bytes]]:
        with (
            (self.path / "train.log").open("ab") as log,
            subprocess.Popen(
                [sys.executable, "-m", "training_methods.trainers", "run", str(self.path)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as child,
        ):
            yield child
            child.stdin.close()  # type: ignore[union-attr]

    def perform(self) -> int:
        """Run to the end. Returns the exit code."""
        with self.started() as child:
            return child.wait(SOON)

    def perform_and_stop(self) -> int:
        """Ask for a stop as soon as there is a first point."""
        with self.started() as child:
            wait_for(lambda: self.events(Metrics) or child.poll() is not None)
            child.send_signal(signal.SIGTERM)
            return child.wait(SOON)


# Loads the training stack once and forks a child for each run folder.
WARM = """
import os, sys
import datasets, peft, torch, transformers
from pathlib import Path
from trl import DPOTrainer, KTOTrainer, RewardTrainer
from trl.experimental.cpo import CPOTrainer
from trl.experimental.orpo import ORPOTrainer
from training_methods.trainers import stage
for folder in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        log = os.open(f"{folder}/train.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1), os.dup2(log, 2)
        code = stage.perform(Path(folder))
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)
    os.waitpid(child, 0)
"""


def perform_all(runs: Iterable[RunFolder]) -> None:
    """Run them to the end, one after the other, in half a second more than the training of each takes."""
    command = [sys.executable, "-c", WARM, *(str(run.path) for run in runs)]
    one_thread = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, env=os.environ | one_thread) as child:
        assert child.wait(SOON * 3) == 0


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "It did not come about in time."
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().split()[2] == "Z"


def write_rows(path: Path, rows: list[dict[str, Any]]) -> dict[str, str]:
    """A dataset file of question and answer, as run.json names it."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"path": str(path), "data_format": "question-answer"}
