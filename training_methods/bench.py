"""The test bench: whether a trainer does all that a job asks of it, tried on a tiny model without database or queue."""

import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training_methods import bench_inputs, catalog, child_process
from training_methods.bench_results import Check, described, end_of, line_in, loads, not_asked, passed
from training_methods.catalog import TrainerInfo
from training_methods.trainers import tiny
from training_methods.trainers.base import RunSpec, cpu_threads
from training_methods.trainers.events import CheckpointSaved, Event, Failure, Metrics, Progress
from training_methods.trial import TICK, Trial

STEPS = 3
ROWS, MANY_ROWS = 24, 4_800
SHORT = {"max_steps": STEPS}
ENDLESS = {"max_steps": 100_000, "epochs": 1_000}
PATIENCE = 300  # seconds, with a child of the bench's own


@dataclass
class Seen:
    """What one run did, as far as the bench looks at it."""

    steps: list[int] = field(default_factory=list)
    curves: dict[str, float | None] = field(default_factory=dict)
    checkpoints: list[CheckpointSaved] = field(default_factory=list)

    def take(self, event: Event) -> None:
        match event:
            case Metrics() | Progress():
                self.steps += [event.step] if event.step else []
                self.curves |= event.values if isinstance(event, Metrics) else {}
            case CheckpointSaved():
                self.checkpoints.append(event)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Tries one trainer. `chosen` are parameters that stay as they are; times are seconds. A script's `interpreter` is
    the Python that runs it, or None.

    `tick` is called several times a second while something runs, and may raise to end it.
    """

    info: TrainerInfo
    folder: Path
    chosen: dict[str, Any]
    interpreter: Path | None = None
    time_limit: float = 300
    stop_limit: float = 60
    threads: int = field(default_factory=cpu_threads)
    tick: Callable[[], None] = lambda: None

    def checks(self) -> Iterator[Check]:
        """Each check as soon as its result is known."""
        yield loads(self.info, self.interpreter)
        yield described(self.info)
        if unknown := bench_inputs.without_value(self.info, self.folder, self.chosen):
            yield from self.not_asked_to_train(
                "Nobody gave a value for " + ", ".join(unknown) + ".", f"trains {STEPS} steps"
            )
            return
        self.child(tiny.command(bench_inputs.models_for(self.info, self.folder)), what="making a tiny model")
        if (yield from self.trains()):
            yield from self.stops_and_resumes()
        else:
            yield from self.not_asked_to_train("It does not train.")

    def not_asked_to_train(self, why: str, *more: str) -> Iterator[Check]:
        yield from (not_asked(name, why) for name in (*more, "stops on request", "resumes"))

    def trains(self) -> Generator[Check, None, bool]:
        """Returns whether there is any use in trying more."""
        seen, name = Seen(), f"trains {STEPS} steps"
        with self.trial("train", ROWS, SHORT) as trial:
            for event in trial.watch(self.time_limit):
                seen.take(event)
            if not trial.ending:
                yield self.hangs(name, trial, f"It had not ended after {self.time_limit:g} s.")
                return False
        if isinstance(trial.ending, Failure):
            yield self.failed(name, trial, f"{trial.ending.message} {trial.ending.hint}".strip())
            return False
        yield self.stepped(name, seen)
        yield self.measured(seen)
        yield self.loaded(trial)
        return True

    def stepped(self, name: str, seen: Seen) -> Check:
        if not seen.steps and self.info.is_script:
            return not_asked(name, "It ended well, and printed no [log_data] line with a step.")
        if max(seen.steps, default=0) < STEPS:
            return self.failed(name, None, f"It reported {max(seen.steps, default=0)} steps of {ROWS} rows.")
        return passed(name, f"{max(seen.steps)} steps of {ROWS} rows")

    def measured(self, seen: Seen) -> Check:
        """Curves come from `run.metrics`; one that is no number from the first to the last says nothing."""
        if not seen.curves and self.info.is_script:
            return not_asked(
                "emits metrics", "It printed no [log_data] line with numbers; its job will have no curves."
            )
        if not seen.curves:
            return self.failed("emits metrics", None, "It never called run.metrics, so its job will have no curves.")
        if bad := [name for name, value in seen.curves.items() if value is None]:
            return self.failed("emits metrics", None, f"The last value of {', '.join(bad)} is not a number.")
        return passed("emits metrics", ", ".join(seen.curves))

    def loaded(self, trial: Trial) -> Check:
        base_model = bench_inputs.base_model(self.folder)
        command = child_process.command("load", trial.output, "--base-model", base_model)
        try:
            return passed("output loads", self.child(command, what="loading the output"))
        except ChildFailed as error:
            return self.failed("output loads", None, str(error))

    def child(self, command: list[str], *, what: str) -> str:
        """What a child says, which is not the trainer's. Raises ChildFailed."""
        with subprocess.Popen(
            command,
            cwd=child_process.ROOT,
            env=child_process.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        ) as child:
            try:
                said, complained = self.waited_for(child, what)
            finally:
                child.kill()
        if child.returncode:
            raise ChildFailed((complained.strip().splitlines() or [f"It gave no reason: {what} failed."])[-1])
        return said.strip()

    def waited_for(self, child: subprocess.Popen[str], what: str) -> tuple[str, str]:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return child.communicate(timeout=TICK)
            except subprocess.TimeoutExpired:
                self.tick()
                if time.monotonic() > deadline:
                    raise ChildFailed(f"It had not ended after {PATIENCE:g} s: {what}.") from None

    def stops_and_resumes(self) -> Iterator[Check]:
        seen = Seen()
        with self.trial("stop", MANY_ROWS, ENDLESS) as trial:
            if not self.reaches_a_step(trial, seen):
                yield self.not_stopped(trial)
                return
            asked = time.monotonic()
            trial.stop()
            for event in trial.watch(self.stop_limit):
                seen.take(event)
            took = time.monotonic() - asked
            yield self.stopped(trial, took)
        if self.info.is_script:
            yield not_asked("writes a checkpoint", "A script keeps none that the console knows of.")
            yield not_asked("resumes", "A script that was interrupted begins again.")
            return
        yield self.kept(seen)
        if saved := seen.checkpoints:
            yield self.resumed(saved[-1])

    def not_stopped(self, trial: Trial) -> Check:
        """Why nobody could ask it to stop in the midst of its training."""
        if isinstance(trial.ending, Failure):
            why = f"With {MANY_ROWS} rows it fails before it reports a step: {trial.ending.message}"
            return self.failed("stops on request", trial, why)
        return not_asked("stops on request", "It ended, or took too long, before it reported a step.")

    def stopped(self, trial: Trial, took: float) -> Check:
        name = "stops on request"
        if not trial.ending:
            return self.hangs(name, trial, f"It was still running {self.stop_limit:g} s after it was asked to stop.")
        if isinstance(trial.ending, Failure):
            return self.failed(name, trial, trial.ending.message)
        if trial.ending.outcome != "stopped":
            return self.failed(name, None, "It trained to its end instead of looking at run.stop_requested.")
        return passed(name, f"after {took:.1f} s")

    def kept(self, seen: Seen) -> Check:
        name = "writes a checkpoint"
        if not seen.checkpoints:
            return self.failed(name, None, "It was stopped and reported no checkpoint with run.checkpoint_saved.")
        last = seen.checkpoints[-1]
        if not Path(last.path).is_dir() or not any(Path(last.path).iterdir()):
            return self.failed(name, None, f"It reported {last.path}, and there is nothing in it.")
        return passed(name, f"at step {last.step}")

    def resumed(self, saved: CheckpointSaved) -> Check:
        """The same run once more, from the checkpoint: it is ended as soon as it has made a step."""
        seen = Seen()
        with self.trial("resume", MANY_ROWS, ENDLESS, resume_from=Path(saved.path)) as trial:
            went_on = self.reaches_a_step(trial, seen, after=saved.step)
        if not went_on:
            why = trial.ending.message if isinstance(trial.ending, Failure) else "It made no further step."
            return self.failed("resumes", trial, why)
        if seen.steps[0] < saved.step:
            why = f"It began again at step {seen.steps[0]}, and not after step {saved.step} (run.resume_from)."
            return self.failed("resumes", None, why)
        return passed("resumes", f"after step {saved.step}")

    def reaches_a_step(self, trial: Trial, seen: Seen, *, after: int = 0) -> bool:
        for event in trial.watch(self.time_limit):
            seen.take(event)
            if isinstance(event, Metrics) and event.step != after:
                return True
        return False

    def trial(self, name: str, count: int, wanted: dict[str, int], *, resume_from: Path | None = None) -> Trial:
        folder = self.folder / name
        folder.mkdir()
        spec = RunSpec(
            trainer=self.info.slug,
            trainer_file=self.info.file,
            rewards_file=catalog.rewards_file(),
            parameters=bench_inputs.values(self.info, self.folder, wanted) | self.chosen,
            base_model=bench_inputs.base_model(self.folder),
            base_model_name="tiny",
            dataset=bench_inputs.dataset(self.info, self.folder, count),
            output=folder / "output",
            checkpoints=folder / "checkpoints",
            resume_from=resume_from,
            interpreter=self.interpreter,
            threads=self.threads,
            train_id=name,
        )
        return Trial(folder, spec, self.tick)

    def hangs(self, name: str, trial: Trial, said: str) -> Check:
        """Like `failed`, with the line that the child is busy at."""
        trial.end_and_say_where()
        return self.failed(name, trial, said)

    def failed(self, name: str, trial: Trial | None, said: str) -> Check:
        check = Check(name=name, outcome="failed", said=said)
        if trial is None:
            return check
        line = line_in(trial.log, self.info.origin)
        place = {"file": self.info.origin, "line": line} if line else {}
        return check.model_copy(update={**place, "evidence": end_of(trial.log)})


class ChildFailed(Exception):
    """A child of the bench's own did not do its work; the message is its last line."""
