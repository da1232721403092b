"""What a run reports through the files of its folder, read in batches while they grow."""

import codecs
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from training_methods.trainers import keeper
from training_methods.trainers.events import EVENT, Event, EventReader, Failure, Finished, Note

MOST_EVENTS = 5_000  # a batch
FORGET_FROM = 16 * 1024 * 1024  # bytes of events
LONGEST_ENDING = 256 * 1024  # bytes
PIECE = 256 * 1024  # bytes of log
MOST_PIECES = 4  # a batch

# The first and the last of a log are kept whole; a reader that is further behind skips what lies between.
HEAD = TAIL = 2 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class LogPiece:
    """Text of the train log. `offset` and `size` count bytes of the file, so that a gap shows."""

    offset: int
    size: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What a child reported since the last batch."""

    events: list[Event] = field(default_factory=list)
    log: list[LogPiece] = field(default_factory=list)
    events_end: int = 0
    """Bytes of events.jsonl up to here."""

    def __bool__(self) -> bool:
        return bool(self.events or self.log)


class LogReader:
    """Reads a growing log by offset: whole characters, a bounded piece at a time, skipping ahead when far behind."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self._path = path
        self._offset = offset
        self._end: int | None = None

    def end_here(self) -> None:
        self._end = self._path.stat().st_size if self._path.exists() else 0

    def read(self) -> Iterator[LogPiece]:
        """At most `MOST_PIECES`. A character whose last bytes are missing waits for them, unless this is the end."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            end = os.fstat(file.fileno()).st_size if self._end is None else self._end
            if self._offset >= HEAD and end - self._offset > TAIL:
                self._offset = end - TAIL
            for _ in range(MOST_PIECES):
                file.seek(self._offset)
                data = file.read(min(PIECE, end - self._offset))
                if not (piece := self._piece(data, final=self._offset + len(data) == self._end)):
                    return
                self._offset += piece.size
                yield piece

    def _piece(self, data: bytes, *, final: bool) -> LogPiece | None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        text = decoder.decode(data, final=final)
        waiting, _ = decoder.getstate()
        taken = len(data) - len(waiting)
        return LogPiece(offset=self._offset, size=taken, text=text) if taken else None

    def last_lines(self, count: int = 20) -> str:
        with self._path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
        return "\n".join(line[:300] for line in lines[-count:])


class Reports:
    """A run folder's events and log, from where an earlier reader left off."""

    def __init__(self, run_dir: Path, *, events_from: int = 0, log_from: int = 0) -> None:
        self._events = EventReader(run_dir / "events.jsonl", events_from)
        self._log = LogReader(run_dir / "train.log", log_from)
        self.ending: Finished | Failure | None = None
        """How the run said that it ended, once that was read."""

    def read(self) -> Batch:
        """What came since the last batch; nothing, and false, when all is read."""
        events = list(self._new_events())
        return Batch(events=events, log=list(self._log.read()), events_end=self._events.offset)

    def end_here(self) -> None:
        """The child is gone: what somebody it left behind may still write is not read."""
        self._log.end_here()

    def last_lines(self) -> str:
        """The end of the log, for evidence."""
        return self._log.last_lines()

    def _new_events(self) -> Iterator[Event]:
        for event in islice(self._whole_lines(), MOST_EVENTS):
            if isinstance(event, Finished | Failure):
                self.ending = event
            yield event

    def _whole_lines(self) -> Iterator[Event]:
        while True:
            try:
                yield from self._events.read()
            except ValidationError as error:  # shown and not fatal: the reader is past that line
                yield Note(text=f"A line of events.jsonl is no event: {shown(error.errors()[0]['input'])}")
            else:
                return


def forget(run_dir: Path, until: int) -> None:
    """Give back the room of events that are stored, once they are many. The offsets of the others stay."""
    if until < FORGET_FROM:
        return
    with (run_dir / "events.jsonl").open("r+b") as file:
        if os.fstat(file.fileno()).st_blocks * 512 > FORGET_FROM:
            keeper.punch_hole(file.fileno(), 0, until)


def ending_of(run_dir: Path) -> Finished | Failure | None:
    """How a run that is over said that it ended. None: it said nothing."""
    file = run_dir / "events.jsonl"
    if not file.exists():
        return None
    with file.open("rb") as lines:
        lines.seek(max(0, os.fstat(lines.fileno()).st_size - LONGEST_ENDING))
        *_, last = [b"", *lines]
    try:
        event = EVENT.validate_json(last)
    except ValidationError:
        return None
    return event if isinstance(event, Finished | Failure) else None


def in_words(event: Event) -> dict[str, Any]:
    """What an event says, without NUL, which PostgreSQL does not store."""
    return json.loads(event.model_dump_json(exclude={"at", "kind"}).replace("\\u0000", "\\ufffd"))


def shown(line: object) -> str:
    text = line.decode(errors="replace").rstrip() if isinstance(line, bytes) else str(line)
    return text if len(text) <= 200 else f"{text[:200]}…"
