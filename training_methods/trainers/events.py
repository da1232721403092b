"""What a run reports, one JSON object a line in `events.jsonl`: written by the child, read by its supervisor."""

import math
import time
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter

LAST_STEP = 2**31 - 1
Step = Annotated[int, Field(ge=0, le=LAST_STEP, description="As far as the console's database counts")]


def storable(text: Any) -> Any:
    """Text without NUL and halves of characters, which a database does not keep."""
    return text.replace("\0", "\ufffd").encode(errors="replace").decode() if isinstance(text, str) else text


Text = Annotated[str, BeforeValidator(storable)]


def counted(step: int) -> int:
    """Raises ValueError for what is no step."""
    if not 0 <= step <= LAST_STEP:
        raise ValueError(f"A step is a whole number from 0 to {LAST_STEP:,}, not {step}.")
    return step


def finite(value: float) -> float | None:
    """None for NaN and infinity, and for a whole number too large for a float."""
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


class Reported(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float = Field(default_factory=time.time, description="Seconds since the epoch")


class Metrics(Reported):
    """Points of the curves. A value that is not a number (NaN loss) is None."""

    kind: Literal["metrics"] = "metrics"
    step: Step
    total: Step | None = None
    values: dict[Text, float | None]


class Progress(Reported):
    kind: Literal["progress"] = "progress"
    step: Step
    total: Step | None = None
    tokens_per_second: float | None = None
    seconds_left: float | None = None


class Note(Reported):
    """A sentence for the reader of the log."""

    kind: Literal["note"] = "note"
    text: Text


class CheckpointSaved(Reported):
    """Written after the last file of the checkpoint, so that a checkpoint with its event is complete."""

    kind: Literal["checkpoint"] = "checkpoint"
    step: Step
    path: Text


class Finishing(Reported):
    """The run heard that it is to end here, with its result."""

    kind: Literal["finishing"] = "finishing"


class Sample(Reported):
    """What the model answered to a fixed prompt at a step."""

    kind: Literal["sample"] = "sample"
    step: Step
    prompt: Text
    answer: Text


class Cause(StrEnum):
    """What kind of failure it is, where more follows from that than a sentence."""

    OUT_OF_MEMORY = "out-of-memory"
    OUT_OF_GPU_MEMORY = "out-of-gpu-memory"
    NOT_A_NUMBER = "not-a-number"
    DISK_FULL = "disk-full"
    TIME_LIMIT = "time-limit"
    BASE_MODEL = "base-model"
    DATASET = "dataset"
    CODE = "code"


class Failure(Reported):
    """Why a run ended early, in words for the person who started it.

    `changes` are values of parameters with which it would have got further, as far as the trainer knows some.
    """

    kind: Literal["failure"] = "failure"
    cause: Cause | None = None
    message: Text
    hint: Text = ""
    evidence: Text = ""
    traceback: Text = ""
    changes: dict[str, Any] = Field(default_factory=dict)


class Finished(Reported):
    """The run ended by itself: with its result in the output folder, or stopped after saving what it had."""

    kind: Literal["finished"] = "finished"
    outcome: Literal["succeeded", "stopped"]
    result: Literal["adapter", "complete"] | None = None
    early: bool = Field(False, description="Asked for, as `Finishing` said; “stopped”: it left no result")
    values: dict[Text, float | None] = Field(default_factory=dict, description="Final metrics")


Event = Annotated[
    Metrics | Progress | Note | CheckpointSaved | Finishing | Sample | Failure | Finished, Field(discriminator="kind")
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class EventLog:
    """Appends events to a file, each flushed as a whole line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._writing = Lock()  # the thread that waits for an early end writes too

    def write(self, event: Event) -> None:
        with self._writing:
            self._file.write(event.model_dump_json() + "\n")
            self._file.flush()

    def close(self) -> None:
        self._file.close()


class EventReader:
    """Reads what was added since the last read. A half-written last line waits for its end."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._path = path
        self.offset = offset
        """Bytes of the file that have been read."""

    def read(self) -> Iterator[Event]:
        """Raises pydantic.ValidationError for a whole line that is no event."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self.offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self.offset += len(line)
                yield EVENT.validate_json(line)
