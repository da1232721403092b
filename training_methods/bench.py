"""The test bench: whether a trainer does all that a job asks of it, tried on a tiny model without database or queue."""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_noop

from training_methods import bench_inputs, catalog, child_process
from training_methods.bench_results import Check, described, end_of, line_in, loads, not_asked, passed
from training_methods.catalog import TrainerInfo
from training_methods.child_process import ChildFailed
from training_methods.trainers import tiny
from training_methods.trainers.base import RunSpec, cpu_threads
from training_methods.trainers.events import CheckpointSaved, Event, Failure, Finishing, Metrics, Progress
from training_methods.trial import Trial

STEPS = 3  # as TRAINS says
ROWS, MANY_ROWS = 24, 4_800
LOOKS = 50  # steps in which a trainer that looks at `run.finish_requested` has done so
SHORT = {"max_steps": STEPS}
ENDLESS = {"max_steps": 100_000, "epochs": 1_000}
# What is tried. The page of a method says it in its reader's language.
TRAINS = gettext_noop("trains 3 steps")
EMITS = gettext_noop("emits metrics")
OUTPUT_LOADS = gettext_noop("output loads")
STOPS = gettext_noop("stops on request")
CHECKPOINT = gettext_noop("writes a checkpoint")
RESUMES = gettext_noop("resumes")
EARLY = gettext_noop("ends early with its result")
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
            yield from self.not_asked_to_train("Nobody gave a value for " + ", ".join(unknown) + ".", TRAINS)
            return
        self.child(tiny.command(bench_inputs.models_for(self.info, self.folder)), what="making a tiny model")
        if (yield from self.trains()):
            yield from self.stops_and_resumes()
            yield self.ends_early()
        else:
            yield from self.not_asked_to_train(gettext_noop("It does not train."))

    def not_asked_to_train(self, why: str, *more: str) -> Iterator[Check]:
        yield from (not_asked(name, why) for name in (*more, STOPS, RESUMES, EARLY))

    def trains(self) -> Generator[Check, None, bool]:
        """Returns whether there is any use in trying more."""
        seen, name = Seen(), TRAINS
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
            return not_asked(name, gettext_noop("It ended well, and printed no [log_data] line with a step."))
        if max(seen.steps, default=0) < STEPS:
            return self.failed(name, None, f"It reported {max(seen.steps, default=0)} steps of {ROWS} rows.")
        return passed(name, f"{max(seen.steps)} steps of {ROWS} rows")

    def measured(self, seen: Seen) -> Check:
        """Curves come from `run.metrics`; one that is no number from the first to the last says nothing."""
        if not seen.curves and self.info.is_script:
            return not_asked(
                EMITS, gettext_noop("It printed no [log_data] line with numbers; its job will have no curves.")
            )
        if not seen.curves:
            return self.failed(
                EMITS, None, gettext_noop("It never called run.metrics, so its job will have no curves.")
            )
        if bad := [name for name, value in seen.curves.items() if value is None]:
            return self.failed(EMITS, None, f"The last value of {', '.join(bad)} is not a number.")
        return passed(EMITS, ", ".join(seen.curves))

    def loaded(self, trial: Trial) -> Check:
        base_model = bench_inputs.base_model(self.folder)
        command = child_process.command("load", trial.output, "--base-model", base_model)
        try:
            return passed(OUTPUT_LOADS, self.child(command, what="loading the output"))
        except ChildFailed as error:
            return self.failed(OUTPUT_LOADS, None, str(error))

    def child(self, command: list[str], *, what: str) -> str:
        """What a child says, which is not the trainer's. Raises ChildFailed."""
        try:
            return child_process.answer(command, self.tick, seconds=PATIENCE).strip()
        except ChildFailed as failed:
            raise ChildFailed(str(failed) or f"It gave no reason: {what} failed.") from None
        except TimeoutError:
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
            yield not_asked(CHECKPOINT, gettext_noop("A script keeps none that the console knows of."))
            yield not_asked(RESUMES, gettext_noop("A script that was interrupted begins again."))
            return
        yield self.kept(seen)
        if saved := seen.checkpoints:
            yield self.resumed(saved[-1])

    def not_stopped(self, trial: Trial) -> Check:
        """Why nobody could ask it to stop in the midst of its training."""
        if isinstance(trial.ending, Failure):
            why = f"With {MANY_ROWS} rows it fails before it reports a step: {trial.ending.message}"
            return self.failed(STOPS, trial, why)
        return not_asked(STOPS, gettext_noop("It ended, or took too long, before it reported a step."))

    def stopped(self, trial: Trial, took: float) -> Check:
        name = STOPS
        if not trial.ending:
            return self.hangs(name, trial, f"It was still running {self.stop_limit:g} s after it was asked to stop.")
        if isinstance(trial.ending, Failure):
            return self.failed(name, trial, trial.ending.message)
        if trial.ending.outcome != "stopped":
            return self.failed(
                name, None, gettext_noop("It trained to its end instead of looking at run.stop_requested.")
            )
        return passed(name, f"after {took:.1f} s")

    def kept(self, seen: Seen) -> Check:
        name = CHECKPOINT
        if not seen.checkpoints:
            return self.failed(
                name, None, gettext_noop("It was stopped and reported no checkpoint with run.checkpoint_saved.")
            )
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
            why = (
                trial.ending.message if isinstance(trial.ending, Failure) else gettext_noop("It made no further step.")
            )
            return self.failed(RESUMES, trial, why)
        if seen.steps[0] < saved.step:
            why = f"It began again at step {seen.steps[0]}, and not after step {saved.step} (run.resume_from)."
            return self.failed(RESUMES, None, why)
        return passed(RESUMES, f"after step {saved.step}")

    def ends_early(self) -> Check:
        """What *Stop and save* asks. A trainer that never looks at it works all the same, without that button."""
        if self.info.is_script:
            return not_asked(
                EARLY, gettext_noop("A script hears of it as of a stop, and leaves what it has written by then.")
            )
        with self.trial("finish", MANY_ROWS, ENDLESS) as trial:
            if not self.reaches_a_step(trial, Seen()):
                return not_asked(EARLY, gettext_noop("It ended, or took too long, before it reported a step."))
            asked = time.time()
            trial.ask_to_finish()
            if not self.hears(trial, asked):
                why = gettext_noop(
                    "It never looks at run.finish_requested: “Stop and save” ends its jobs without a result."
                )
                return not_asked(EARLY, why)
            return self.ended_early(trial, time.time() - asked)

    def hears(self, trial: Trial, asked: float) -> bool:
        """Watches it to its end if it hears of it, else for as many steps as are enough to have looked."""
        heard, steps = False, 0
        for event in trial.watch(self.stop_limit):
            heard = heard or isinstance(event, Finishing)
            steps += isinstance(event, Metrics) and event.at > asked
            if not heard and steps > LOOKS:
                return False
        return heard

    def ended_early(self, trial: Trial, took: float) -> Check:
        if not trial.ending:
            return self.hangs(EARLY, trial, f"It heard of it, and was still running after {self.stop_limit:g} s.")
        if isinstance(trial.ending, Failure):
            return self.failed(EARLY, trial, f"It heard of it and failed: {trial.ending.message}")
        if trial.ending.outcome != "succeeded":
            return self.failed(
                EARLY, None, gettext_noop("It looked at run.finish_requested and left no result in run.output.")
            )
        return passed(EARLY, f"after {took:.1f} s")

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
