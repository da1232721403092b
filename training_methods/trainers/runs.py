"""One execution of a trainer: what it is told, where things are, and where it reports."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from training_methods.trainers import events
from training_methods.trainers.curve_names import CurveNames
from training_methods.trainers.inputs import DatasetFile, Inputs, ModelFacts
from training_methods.trainers.rows import DataFormat, Row, read_rows

FINISH = "finish"  # a file in the run folder: the training is to end early, with its result


class TrainingError(Exception):
    """An expected failure: its message is all that the person who started the run needs to read.

    `hint` says what to do about it, `evidence` shows where it was seen, `changes` are parameters that would help with
    their values; `cause` says more than these to the console.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        evidence: str = "",
        cause: events.Cause | None = None,
        changes: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.hint = hint
        self.evidence = evidence
        self.cause = cause
        self.changes = dict(changes or {})


class RunSpec(BaseModel):
    """`run.json`: everything a child process is told. Paths are absolute."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())

    trainer: str
    trainer_file: Path | None = Field(None, description="None: a trainer of this package or of an installed one")
    rewards_file: Path | None = Field(None, description="The site's own reward functions, if it has any")
    interpreter: Path | None = Field(None, description="The Python that runs a script; None: the one that runs this")
    parameters: dict[str, Any]
    base_model: Path
    base_model_name: str = ""
    models: dict[str, Path] = Field(default_factory=dict, description="The models that parameters refer to, by name")
    dataset: DatasetFile
    output: Path
    checkpoints: Path
    resume_from: Path | None = None
    seed: int = 42
    threads: int = 1
    devices: list[str] | None = Field(None, description="Ids of its own GPUs, as CUDA takes them; None: the first one")
    name: str = Field("", description="The train name; [base]_[train]_… becomes the customized model's name")
    train_id: str = Field("", description="The job's UUID")
    model_name: str = Field("", description="The name the customized model will have")


class Run:
    """One execution of a trainer: where things are, and where to report."""

    def __init__(self, directory: Path, event_log: type[events.EventLog] = events.EventLog) -> None:
        self.directory = directory
        self.events = event_log(directory / "events.jsonl")
        self.spec = RunSpec.model_validate_json((directory / "run.json").read_bytes())
        self.stop_requested = False
        self.ends_early = False
        """The recipe has heard of `finish_requested`."""
        self.latest: dict[str, float | None] = {}
        """The last value of every metric."""
        self.curve_names = CurveNames(self.note)
        self.total_steps: int | None = None
        self._when_stopped: list[Callable[[], object]] = []

    @property
    def base_model(self) -> Path:
        return self.spec.base_model

    def model(self, name: str) -> Path:
        """The folder of the model that a parameter refers to by this name. Raises TrainingError if it is not there."""
        folder = self.spec.models.get(name, Path(name))
        if not folder.is_dir():
            raise TrainingError(f"The folder of “{name}”, {folder}, is not there.")
        return folder

    @property
    def inputs(self) -> Inputs:
        """What is known of this run before anything is read or loaded."""
        return Inputs(
            base_model=ModelFacts.of(self.base_model, self.spec.base_model_name),
            dataset=self.spec.dataset,
            models={name: ModelFacts.of(folder, name) for name, folder in self.spec.models.items()},
            rewards_file=self.spec.rewards_file,
        )

    @property
    def output(self) -> Path:
        """The folder for the result. What lies here when `train` returns becomes the customized model."""
        return self.spec.output

    @property
    def checkpoints(self) -> Path:
        return self.spec.checkpoints

    @property
    def resume_from(self) -> Path | None:
        """The checkpoint that an earlier attempt reported. None: start from the base model."""
        return self.spec.resume_from

    @property
    def seed(self) -> int:
        return self.spec.seed

    @property
    def data_format(self) -> DataFormat:
        return self.spec.dataset.data_format

    @property
    def scratch(self) -> Path:
        """A folder for what is not needed any more once the run has ended."""
        folder = self.directory / "scratch"
        folder.mkdir(exist_ok=True)
        return folder

    def rows(self) -> Iterator[Row]:
        """The dataset's rows, read as a stream, under the column names of its format."""
        dataset = self.spec.dataset
        return read_rows(dataset.path, dataset.data_format, dataset.mapping)

    def metrics(self, /, step: int, total: int | None = None, **values: float) -> None:
        """Add a point to the curve of each named metric."""
        point = {name: events.finite(value) for name, value in self.curve_names.chosen(values).items()}
        self.total_steps = total or self.total_steps
        self.events.write(events.Metrics(step=events.counted(step), total=total, values=point))
        self.latest |= point

    def progress(self, step: int, total: int | None = None, **more: float | None) -> None:
        """`tokens_per_second` and `seconds_left` may be given with it."""
        self.total_steps = total or self.total_steps
        self.events.write(events.Progress(step=events.counted(step), total=total, **more))

    def note(self, text: str) -> None:
        print(events.storable(text), flush=True)
        self.events.write(events.Note(text=text))

    def checkpoint_saved(self, step: int, path: Path | str) -> None:
        """Say that a checkpoint is complete, and on the disk. Only such a one is resumed from."""
        write_through(Path(path))
        self.events.write(events.CheckpointSaved(step=step, path=str(path)))

    def sample(self, step: int, prompt: str, answer: str) -> None:
        self.events.write(events.Sample(step=events.counted(step), prompt=prompt, answer=answer))

    @property
    def finish_requested(self) -> bool:
        """True: end the training after this step, and save the result as at its end.

        Whoever looks and is told True has heard it: the supervisor, which asked by a file, learns of it too.
        """
        if not self.ends_early and (self.directory / FINISH).exists():
            self.ends_early = True
            self.events.write(events.Finishing())
        return self.ends_early

    def when_finishing(self, tell: Callable[[], object]) -> None:
        """Call `tell` once `finish_requested` is true, from a thread, for a recipe that waits and cannot look."""

        def wait() -> None:
            while not self.finish_requested:
                time.sleep(0.5)
            tell()

        threading.Thread(target=wait, name="finishing", daemon=True).start()

    def listen_for_stop(self) -> None:
        """From now on SIGTERM asks for a stop; the recipe saves a checkpoint and returns."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop())

    def stop(self) -> None:
        self.stop_requested = True
        for tell in self._when_stopped:
            tell()

    def when_stopped(self, tell: Callable[[], object]) -> None:
        """Call `tell` from the signal handler, for a recipe that waits and cannot look at `stop_requested`; at once
        where the signal came before.
        """
        self._when_stopped.append(tell)
        if self.stop_requested:
            tell()


def write_through(folder: Path) -> None:
    """A machine that loses power keeps what is in the folder, and that it is there."""
    for path in (*folder.rglob("*"), folder, folder.parent):
        if path.is_file() or path.is_dir():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)
