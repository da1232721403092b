"""The train log by lines, as its page shows it: some from a number on, the last ones, and those that hold a text."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from training_jobs.models import LogChunk

MOST_LINES = 400  # in one answer
LONGEST = 4000  # characters shown of a line
MOST_HITS = 5000
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)|[@-Z\\-_])")


@dataclass(frozen=True)
class Line:
    """`before`: what a reader has to know in front of it, such as that lines are left out."""

    number: int
    text: str
    before: str = ""

    @property
    def plain(self) -> str:
        """Without the codes that colour it on a terminal."""
        return ESCAPES.sub("", self.text)


@dataclass(frozen=True, kw_only=True)
class Page:
    """Lines one after the other. `last` is the number of the log's last line by then; 0: nothing is printed."""

    lines: list[Line]
    last: int


@dataclass(frozen=True, kw_only=True)
class Hits:
    lines: list[int]
    are_all: bool


def page(job_id: UUID, first: int) -> Page:
    """At most `MOST_LINES` lines from a number on."""
    shown: list[Line] = []
    for line in lines_of(chunks_from(job_id, first)):
        if len(shown) == MOST_LINES:
            break
        if line.number >= first:
            shown.append(line)
    return Page(lines=shown, last=last_line(job_id))


def tail(job_id: UUID, count: int = MOST_LINES) -> Page:
    """The last lines."""
    return page(job_id, max(1, last_line(job_id) - count + 1))


def last_line(job_id: UUID) -> int:
    """The one that ends the log, or that is being written."""
    last = LogChunk.objects.filter(job_id=job_id).order_by("-pk").first()
    return last.first_line + last.newlines - last.text.endswith("\n") if last else 0


def chunks_from(job_id: UUID, line: int) -> Iterator[LogChunk]:
    """Those that hold the line or a later one, and the one before, which tells whether something is left out."""
    chunks = LogChunk.objects.filter(job_id=job_id)
    begins = chunks.filter(first_line__gte=line - F("newlines")).order_by("pk").values_list("pk", flat=True).first()
    if begins is None:
        return iter(())
    before = chunks.filter(pk__lt=begins).order_by("-pk").values_list("pk", flat=True).first()
    return chunks.filter(pk__gte=before or begins).order_by("pk").iterator(chunk_size=2)


def lines_of(chunks: Iterable[LogChunk]) -> Iterator[Line]:
    earlier: LogChunk | None = None
    unfinished, before = "", ""
    for chunk in chunks:
        if earlier and (words := between(earlier, chunk)):
            if unfinished:
                yield Line(earlier.first_line + earlier.newlines, on_a_terminal(unfinished), before)
            unfinished, before = "", words
        *whole, unfinished = (unfinished + chunk.text).split("\n")
        for number, text in enumerate(whole, chunk.first_line):
            yield Line(number, on_a_terminal(text), before)
            before = ""
        unfinished = unfinished[-LONGEST * 4 :] if "\r" in unfinished else unfinished[: LONGEST * 4]
        earlier = chunk
    if earlier and unfinished:
        yield Line(earlier.first_line + earlier.newlines, on_a_terminal(unfinished), before)


def between(earlier: LogChunk, chunk: LogChunk) -> str:
    """What a reader has to know between two chunks."""
    if earlier.attempt != chunk.attempt:
        return _("Attempt %(attempt)s") % {"attempt": chunk.attempt}
    left_out = chunk.offset - earlier.offset - earlier.size
    return _("%(size)s left out") % {"size": filesizeformat(left_out)} if left_out > 0 else ""


def on_a_terminal(line: str) -> str:
    """Of a line that was written over, as progress bars do by a carriage return, what was left standing."""
    text = line.rstrip("\r").rpartition("\r")[2]
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def search(job_id: UUID, words: str) -> Hits:
    """The numbers of the lines that hold the text, whatever its case."""
    found: list[int] = []
    for first, text in texts_of(LogChunk.objects.filter(job_id=job_id).order_by("pk").iterator(chunk_size=2)):
        for number in hits_in(ESCAPES.sub("", text).lower(), words.lower(), first):
            if len(found) == MOST_HITS:
                return Hits(lines=found, are_all=False)
            found.append(number)
    return Hits(lines=found, are_all=True)


def texts_of(chunks: Iterable[LogChunk]) -> Iterator[tuple[int, str]]:
    """Whole lines together, with the number of the first."""
    unfinished, line = "", 1
    for chunk in chunks:
        if chunk.first_line != line and unfinished:
            yield line, unfinished
            unfinished = ""
        whole, newline, rest = chunk.text.rpartition("\n")
        if newline:
            yield chunk.first_line, unfinished + whole
        unfinished, line = rest if newline else unfinished + rest, chunk.first_line + chunk.newlines
    yield line, unfinished


def hits_in(text: str, words: str, first: int) -> Iterator[int]:
    """A line that holds the words twice is one hit."""
    line, counted, place = first, 0, text.find(words)
    while place >= 0:
        line += text.count("\n", counted, place)
        yield line
        counted = place
        end = text.find("\n", place)
        place = text.find(words, end) if end >= 0 else -1
