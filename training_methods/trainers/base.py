"""What every trainer is made of: the `Trainer` class and the register it signs in to."""

import inspect
import os
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict

from training_methods.trainers.inputs import DatasetFile as DatasetFile
from training_methods.trainers.inputs import Inputs
from training_methods.trainers.parameters import check_defaults
from training_methods.trainers.rows import SUPERVISED as SUPERVISED
from training_methods.trainers.rows import DataFormat
from training_methods.trainers.runs import FINISH as FINISH
from training_methods.trainers.runs import Run
from training_methods.trainers.runs import RunSpec as RunSpec
from training_methods.trainers.runs import TrainingError as TrainingError

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
    version: ClassVar[str]
    """May be left out. What the catalog calls this state of the file, beside its hash: “2.1”."""

    def objections(self, given: Inputs) -> Iterator[tuple[str, str]]:
        """What cannot work with these settings and inputs: each a field at fault and a sentence.

        Plain Python, asked before anything heavy is imported; of a built-in trainer at submission already.
        """
        yield from ()

    def train(self, run: Run) -> None:
        """Train, report through `run`, and leave the result in `run.output`.

        With `run.stop_requested`, save a checkpoint and return; the output is then not looked at. With
        `run.finish_requested`, save a checkpoint and go on as if this had been the last step.
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
    check_train(trainer)
    formats = trainer.data_formats
    if not (isinstance(formats, tuple) and formats and all(isinstance(one, DataFormat) for one in formats)):
        raise TypeError(
            f"{trainer.__name__} needs data_formats: a tuple with at least one DataFormat, not {formats!r}."
        )
    check_defaults(trainer)


ONLY_BEGUN = (inspect.iscoroutinefunction, inspect.isgeneratorfunction, inspect.isasyncgenfunction)


def check_train(trainer: type[Trainer]) -> None:
    if trainer.train is Trainer.train:
        raise TypeError(f"{trainer.__name__} defines no train(run).")
    train = trainer.model_construct().train
    if any(is_so(train) for is_so in ONLY_BEGUN):
        raise TypeError(f"A call of {trainer.__name__}.train would do nothing: define it without async and yield.")
    try:
        inspect.signature(train).bind("run")
    except TypeError:
        given = inspect.signature(train)
        raise TypeError(f"{trainer.__name__} defines train{given}, and it is called with the run alone.") from None


def cpu_threads(slots: int = 1) -> int:
    """Threads a run may use so that `slots` runs at once fill the machine and no more."""
    return max(1, len(os.sched_getaffinity(0)) // slots) if hasattr(os, "sched_getaffinity") else 1
