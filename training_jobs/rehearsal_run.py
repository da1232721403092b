"""One micro-run in a worker: five steps on the longest rows, or of a site's own code as it is; keep what that took."""

import json
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from shutil import rmtree
from typing import Any
from uuid import UUID

from django.conf import settings

from training_jobs import memory, rehearsals
from training_jobs.cards import choosing
from training_jobs.models import Rehearsal
from training_jobs.rehearsals import State
from training_methods import child_process
from training_methods.claims import Claim, Leaving, NotOurs, still_at_it
from training_methods.flags import Flag
from training_methods.trainers import peaks
from training_methods.trainers.base import RunSpec
from training_methods.trainers.events import Event, Failure, Metrics, Progress
from training_methods.trainers.inputs import DatasetFile
from training_methods.trainers.preview import Preview
from training_methods.trainers.scripts import deepext_witness
from training_methods.trial import Trial

STEPS = 5
MOST_ROWS = 2000
TIME_LIMIT = 10 * 60.0  # seconds for all of it: a worker's slot is not held for ever
ENDING = 10.0  # seconds of them that are left to say what was seen
REPORTS = "A trainer reports steps by run.metrics, a script by lines that begin with [log_data]."
HEARD_EVERY = 3.0  # seconds
READ_SECONDS = 60
SHORT = {"max_steps": STEPS, "epochs": 1, "max_samples": None, "logging_steps": 1, "save_steps": 10**6}
LEFT_OUT = {"evaluation_fraction": 0.0, "keep_best": False, "patience": None, "sample_prompts": "", "sample_steps": 0}

logger = logging.getLogger(__name__)


class Cancelled(Exception):
    """Somebody does not want it any more."""


class Failed(Exception):
    """Why it could not be measured. `hint` says what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


def run(
    rehearsal_id: int, draining: Flag, *, threads: int = 1, cards: Sequence[str] = (), worker: UUID | None = None
) -> None:
    """Run it if it is there to be taken. `draining` is set when this worker has to leave."""
    claim = rehearsals.claim(rehearsal_id, worker)
    if claim is None:
        return
    folder = Path(tempfile.mkdtemp(prefix="rehearsal-", dir=settings.DATA_DIR))
    try:
        with devices(claim, cards) as free:
            if free is None:
                rehearsals.hand_back(claim)  # the sweeper tells of it again
            else:
                Attempt(claim, draining, folder, threads, free if cards else None).run()
    finally:
        rmtree(folder, ignore_errors=True)


@contextmanager
def devices(claim: Claim, cards: Sequence[str]) -> Iterator[list[str] | None]:
    """As many of this machine's GPUs as the train would take, ours meanwhile. None: they are busy."""
    if not cards:
        yield []
        return
    gpus = claim.held().values_list("gpus", flat=True).first()
    needed = 1 if gpus is None else gpus
    with choosing(cards) as free:
        kept = free.keep(needed)
    with kept:
        yield list(kept) if len(kept) == needed else None


class Attempt:
    """A rehearsal while it is ours."""

    def __init__(self, claim: Claim, draining: Flag, folder: Path, threads: int, devices: list[str] | None) -> None:
        self.claim, self.draining, self.folder = claim, draining, folder
        self.threads, self.devices = threads, devices
        self.started = self.heard = time.monotonic()
        self.step = self.held_memory = 0
        self.trial: Trial | None = None

    def run(self) -> None:
        try:
            rehearsal = Rehearsal.objects.get(pk=self.claim.pk)
            asked = RunSpec.model_validate(rehearsal.spec).model_copy(update=self.here())
            said = self.until_five_steps(asked) if rehearsal.is_own else self.measure(self.rehearsed(asked))
        except NotOurs:
            logger.warning("Rehearsal %s is no longer ours.", self.claim.pk)
        except Leaving:
            rehearsals.hand_back(self.claim)
        except Cancelled:
            rehearsals.finish(self.claim, State.CANCELLED)
        except Failed as failure:
            self.fail(str(failure), failure.hint)
        except Exception as error:
            self.fail(f"The micro-run itself failed: {type(error).__name__}: {error}")
            raise
        else:
            rehearsals.finish(self.claim, State.DONE, step=self.step, **said)

    def fail(self, message: str, hint: str = "") -> None:
        rehearsals.finish(self.claim, State.FAILED, failure={"message": message, "hint": hint})

    def here(self) -> dict[str, Any]:
        folders = {"output": self.folder / "output", "checkpoints": self.folder / "checkpoints"}
        return {**folders, "threads": self.threads, "devices": self.devices}

    def rehearsed(self, asked: RunSpec) -> RunSpec:
        """The same run, short, on the longest rows."""
        rows = self.longest_rows(asked, count_of(asked.parameters))
        known = SHORT | LEFT_OUT
        parameters = asked.parameters | {name: known[name] for name in asked.parameters if name in known}
        dataset = DatasetFile(path=rows, data_format=asked.dataset.data_format)
        return asked.model_copy(update={"parameters": parameters, "dataset": dataset})

    def longest_rows(self, asked: RunSpec, count: int) -> Path:
        """A file of so many rows, the longest first, over and over where there are fewer."""
        looked_at, file = self.folder / "look", self.folder / "rows.jsonl"
        looked_at.mkdir()
        (looked_at / "run.json").write_text(asked.model_dump_json(), encoding="utf-8")
        flags = ["--whole", "--seconds", READ_SECONDS, "--longest", count, "--to", file]
        seen = Preview.model_validate_json(self.child(child_process.command("preview", looked_at, *flags)))
        if seen.problem:
            raise Failed(seen.problem, seen.hint)
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        file.write_text("".join(islice(cycle(lines), count)), encoding="utf-8")
        return file

    def child(self, command: list[str]) -> str:
        """What it says."""
        try:
            return child_process.answer(command, self.tick)
        except child_process.ChildFailed as failed:
            raise Failed(str(failed) or "The rows could not be read.") from None

    def measure(self, spec: RunSpec) -> dict[str, Any]:
        """Memory at the peak, and seconds a step without the first, which warms up."""
        at: dict[int, float] = {}
        with self.watched(spec) as trial:
            for step, when in steps_in(trial.watch(TIME_LIMIT)):
                self.step = max(self.step, step)
                at.setdefault(step, when)
            if trial.ending is None:
                raise Failed("The micro-run took too long.")
        return self.found(trial, at)

    @contextmanager
    def watched(self, spec: RunSpec) -> Iterator[Trial]:
        """Its memory is looked at with every tick, as a limit's is in a train."""
        with Trial(self.folder, spec, self.tick, task="rehearse") as self.trial:
            yield self.trial
        self.trial = None

    def until_five_steps(self, spec: RunSpec) -> dict[str, Any]:
        """The same of code that knows nothing of a micro-run: it is killed once it has reported them, or in time."""
        at: dict[int, float] = {}
        left = TIME_LIMIT - (time.monotonic() - self.started) - ENDING
        with self.watched(spec) as trial:
            for step, when in steps_in(trial.watch(left)):
                self.step = max(self.step, step)
                at.setdefault(step, when)
                if len(at) == STEPS:
                    break
        if len(at) < 2 and not isinstance(trial.ending, Failure):
            raise Failed(
                f"The steps that it reported were {len(at)}, and of fewer than two nothing can be said.", REPORTS
            )
        return self.found(trial, at) | {"seen": self.seen()}

    def seen(self) -> dict[str, Any] | None:
        """What the model was given. Whatever keeps it from being told, what was measured counts."""
        if not (self.folder / deepext_witness.FILE).exists():
            return None
        try:
            return json.loads(self.child(child_process.command("seen", self.folder)))
        except Failed as failed:
            logger.warning("What the model was given could not be told: %s", failed)
            return None

    def found(self, trial: Trial, at: dict[int, float]) -> dict[str, Any]:
        if isinstance(trial.ending, Failure):
            raise Failed(trial.ending.message, trial.ending.hint)
        measured = {"held_memory": self.held_memory or None, "seconds_a_step": seconds_a_step(at)}
        return peaks.read(self.folder).model_dump() | measured

    def tick(self) -> None:
        """Called several times a second; raises where it has to end."""
        now = time.monotonic()
        if self.trial:
            self.held_memory = max(self.held_memory, memory.held_by(self.trial.pid))
        if self.draining.is_set():
            raise Leaving
        if now - self.started > TIME_LIMIT:
            raise Failed(f"The micro-run was ended after {TIME_LIMIT / 60:g} minutes.")
        if now - self.heard > HEARD_EVERY:
            self.heard = now
            cancelled = rehearsals.is_cancelled(self.claim)
            if cancelled is None or not still_at_it(self.claim, step=self.step):
                raise NotOurs
            if cancelled:
                raise Cancelled


def steps_in(events: Iterator[Event]) -> Iterator[tuple[int, float]]:
    """Each step that is reported, and when."""
    for event in events:
        if isinstance(event, Metrics | Progress) and event.step:
            yield event.step, event.at


def seconds_a_step(at: dict[int, float]) -> float | None:
    if len(at) < 2:
        return None
    first, last = min(at), max(at)
    return (at[last] - at[first]) / (last - first)


def count_of(parameters: dict[str, Any]) -> int:
    """Rows for five whole steps."""
    batch = parameters.get("batch_size", 1)
    if "mini_batch_size" not in parameters:
        batch *= parameters.get("gradient_accumulation_steps", 1)
    return min(max(batch // parameters.get("num_generations", 1), 1) * STEPS, MOST_ROWS)
