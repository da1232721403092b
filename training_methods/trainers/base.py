"""What every trainer is made of: the `Trainer` class, its `Run`, and the register it signs in to."""

import math
import os
import re
import signal
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from training_methods.trainers import events
from training_methods.trainers.inputs import DatasetFile as DatasetFile
from training_methods.trainers.inputs import Inputs, ModelFacts
from training_methods.trainers.parameters import parameters_of
from training_methods.trainers.rows import SUPERVISED as SUPERVISED
from training_methods.trainers.rows import DataFormat, Row, read_rows

SLUG = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")

# Headings for a trainer's fields, to be given as `json_schema_extra`. BASICS are shown at once, the rest on demand.
BASICS: dict[str, Any] = {"group": "Basics", "basic": True}
DATA: dict[str, Any] = {"group": "Data"}
OBJECTIVE: dict[str, Any] = {"group": "Objective"}
EVALUATION: dict[str, Any] = {"group": "Evaluation"}
OPTIMIZER: dict[str, Any] = {"group": "Optimizer"}
ADAPTER: dict[str, Any] = {"group": "Adapter"}
LORA: dict[str, Any] = {"group": "LoRA"}
MEMORY: dict[str, Any] = {"group": "Speed and memory"}
SAMPLING: dict[str, Any] = {"group": "Sampling"}
CHECKPOINTS: dict[str, Any] = {"group": "Logging and checkpoints"}


class MethodType(StrEnum):
    """How a method learns."""

    SFT = "SFT"
    PEFT = "PEFT"
    DPO = "DPO"
    PPO = "PPO"
    GRPO = "GRPO"
    RLOO = "RLOO"
    KTO = "KTO"
    ORPO = "ORPO"
    CPO = "CPO"
    DISTILLATION = "DISTILLATION"
    REWARD = "REWARD"
    CUSTOM = "CUSTOM"

    @property
    def label(self) -> str:
        return {"DISTILLATION": "Distillation", "REWARD": "Reward model", "CUSTOM": "Custom"}.get(
            self.value, self.value
        )


class TrainingError(Exception):
    """An expected failure: its message is all that the person who started the run needs to read.

    `hint` says what to do about it, `evidence` shows where it was seen.
    """

    def __init__(self, message: str, hint: str = "", *, evidence: str = "") -> None:
        super().__init__(message)
        self.hint = hint
        self.evidence = evidence


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

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.events = events.EventLog(directory / "events.jsonl")
        self.spec = RunSpec.model_validate_json((directory / "run.json").read_bytes())
        self.stop_requested = False
        self.latest: dict[str, float | None] = {}
        """The last value of every metric."""
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

    def metrics(self, step: int, total: int | None = None, **values: float) -> None:
        """Add a point to the curve of each named metric."""
        finite = {name: float(value) if math.isfinite(value) else None for name, value in values.items()}
        self.latest |= finite
        self.events.write(events.Metrics(step=step, total=total, values=finite))

    def progress(self, step: int, total: int | None = None, **more: float | None) -> None:
        """`tokens_per_second` and `seconds_left` may be given with it."""
        self.events.write(events.Progress(step=step, total=total, **more))

    def note(self, text: str) -> None:
        print(text, flush=True)
        self.events.write(events.Note(text=text))

    def checkpoint_saved(self, step: int, path: Path) -> None:
        """Say that a checkpoint is complete, and on the disk. Only such a one is resumed from."""
        write_through(path)
        self.events.write(events.CheckpointSaved(step=step, path=str(path)))

    def sample(self, step: int, prompt: str, answer: str) -> None:
        """NUL characters, which an untrained model may well say and no database keeps, are replaced."""
        words = answer.replace("\0", "\ufffd")
        self.events.write(events.Sample(step=step, prompt=prompt, answer=words))

    def listen_for_stop(self) -> None:
        """From now on SIGTERM asks for a stop; the recipe saves a checkpoint and returns."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop())

    def stop(self) -> None:
        self.stop_requested = True
        for tell in self._when_stopped:
            tell()

    def when_stopped(self, tell: Callable[[], object]) -> None:
        """Call `tell` from the signal handler, for a recipe that waits and cannot look at `stop_requested`."""
        self._when_stopped.append(tell)


def write_through(folder: Path) -> None:
    """A machine that loses power keeps what is in the folder."""
    for path in (*folder.rglob("*"), folder):
        if path.is_file() or path.is_dir():
            descriptor = os.open(path, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)


class Trainer(BaseModel):
    """A recipe and its hyperparameters. The fields are the form, the API and the command line; `train` is the work.

    Trainers do not inherit from one another. Heavy imports stand inside `train`.
    """

    model_config = ConfigDict(
        extra="forbid", validate_default=True, allow_inf_nan=False, frozen=True, protected_namespaces=()
    )

    slug: ClassVar[str]
    label: ClassVar[str]
    method_type: ClassVar[MethodType]
    data_formats: ClassVar[tuple[DataFormat, ...]]

    def objections(self, given: Inputs) -> Iterator[tuple[str, str]]:
        """What cannot work with these settings and inputs: each a field at fault and a sentence.

        Plain Python, asked before anything heavy is imported; of a built-in trainer at submission already.
        """
        yield from ()

    def train(self, run: Run) -> None:
        """Train, report through `run`, and leave the result in `run.output`.

        With `run.stop_requested`, save a checkpoint and return; the output is then not looked at.
        """
        raise TypeError(f"{type(self).__name__} defines no train(run).")


REGISTERED: list[type[Trainer]] = []
TrainerClass = TypeVar("TrainerClass", bound=type[Trainer])


def register(trainer: TrainerClass) -> TrainerClass:
    """Class decorator: offers a trainer under its slug.

    Raises TypeError or ValueError, whose message says what the class lacks.
    """
    check_declaration(trainer)
    if any((other.slug, other.__module__) == (trainer.slug, trainer.__module__) for other in REGISTERED):
        raise ValueError(f"The slug “{trainer.slug}” is registered twice.")
    REGISTERED.append(trainer)
    return trainer


def check_declaration(trainer: type[Trainer]) -> None:
    if not (isinstance(trainer, type) and issubclass(trainer, Trainer)):
        raise TypeError(f"{getattr(trainer, '__name__', trainer)} is no subclass of Trainer.")
    missing = [name for name in ("slug", "label", "method_type", "data_formats") if not hasattr(trainer, name)]
    if missing:
        raise TypeError(f"{trainer.__name__} does not say its {', '.join(missing)}.")
    if not SLUG.fullmatch(trainer.slug):
        raise ValueError(
            f"“{trainer.slug}” is no slug: use lower-case letters and digits, and hyphens or underscores between them."
        )
    if trainer.train is Trainer.train:
        raise TypeError(f"{trainer.__name__} defines no train(run).")
    formats = trainer.data_formats
    if not (isinstance(formats, tuple) and formats and all(isinstance(one, DataFormat) for one in formats)):
        raise TypeError(
            f"{trainer.__name__} needs data_formats: a tuple with at least one DataFormat, not {formats!r}."
        )
    parameters_of(trainer)


def cpu_threads(slots: int = 1) -> int:
    """Threads a run may use so that `slots` runs at once fill the machine and no more."""
    return max(1, len(os.sched_getaffinity(0)) // slots) if hasattr(os, "sched_getaffinity") else 1
