"""What a run reports, one JSON object a line in `events.jsonl`: written by the child, read by its supervisor."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Reported(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    at: float = Field(default_factory=time.time, description="Seconds since the epoch")


class Metrics(Reported):
    """Points of the curves. A value that is not a number (NaN loss) is None."""

    kind: Literal["metrics"] = "metrics"
    step: int
    total: int | None = None
    values: dict[str, float | None]


class Progress(Reported):
    kind: Literal["progress"] = "progress"
    step: int
    total: int | None = None
    tokens_per_second: float | None = None
    seconds_left: float | None = None


class Note(Reported):
    """A sentence for the reader of the log."""

    kind: Literal["note"] = "note"
    text: str


class CheckpointSaved(Reported):
    """Written after the last file of the checkpoint, so that a checkpoint with its event is complete."""

    kind: Literal["checkpoint"] = "checkpoint"
    step: int
    path: str


class Sample(Reported):
    """What the model answered to a fixed prompt at a step."""

    kind: Literal["sample"] = "sample"
    step: int
    prompt: str
    answer: str


class Failure(Reported):
    """Why a run ended early, in words for the person who started it."""

    kind: Literal["failure"] = "failure"
    message: str
    hint: str = ""
    evidence: str = ""
    traceback: str = ""


class Finished(Reported):
    """The run ended by itself: with its result in the output folder, or stopped after saving what it had."""

    kind: Literal["finished"] = "finished"
    outcome: Literal["succeeded", "stopped"]
    result: Literal["adapter", "complete"] | None = None
    values: dict[str, float | None] = Field(default_factory=dict, description="Final metrics")


Event = Annotated[
    Metrics | Progress | Note | CheckpointSaved | Sample | Failure | Finished, Field(discriminator="kind")
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)


class EventLog:
    """Appends events to a file, each flushed as a whole line."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def write(self, event: Event) -> None:
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
