"""The train log in the database: the first and the last of it, so that no child fills it up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.template.defaultfilters import filesizeformat

from training_jobs.models import LogChunk
from training_jobs.reports import HEAD, TAIL, LogPiece
from training_methods.trainers.events import storable

MOST = 1024 * 1024  # bytes in one answer


@dataclass(frozen=True, kw_only=True)
class LogText:
    """Text after a cursor. Ask again with `cursor`; there is more at once if `more`."""

    cursor: int
    text: str
    more: bool


def append(job_id: UUID, attempt: int, pieces: Iterable[LogPiece]) -> None:
    if not (chunks := chunks_of(job_id, attempt, pieces)):
        return
    line = line_of(chunks[0])
    for chunk in chunks:
        chunk.first_line, chunk.newlines = line, chunk.text.count("\n")
        line += chunk.newlines
    LogChunk.objects.bulk_create(chunks)
    if (end := chunks[-1].offset + chunks[-1].size) > HEAD + TAIL:
        LogChunk.objects.filter(job_id=job_id, attempt=attempt, offset__gte=HEAD, offset__lt=end - TAIL).delete()


def chunks_of(job_id: UUID, attempt: int, pieces: Iterable[LogPiece]) -> list[LogChunk]:
    return [
        LogChunk(job_id=job_id, attempt=attempt, offset=piece.offset, size=piece.size, text=storable(piece.text))
        for piece in pieces
    ]


def line_of(chunk: LogChunk) -> int:
    """The number of the line in which a new chunk begins: the one that is open, unless they do not belong together."""
    last = LogChunk.objects.filter(job_id=chunk.job_id).order_by("-pk").first()
    if last is None:
        return 1
    goes_on = (last.attempt, last.offset + last.size) == (chunk.attempt, chunk.offset)
    return last.first_line + last.newlines + (not goes_on and not last.text.endswith("\n"))


def stored_until(job_id: UUID, attempt: int) -> int:
    """The offset in the attempt's file up to which its log is stored."""
    last = LogChunk.objects.filter(job_id=job_id, attempt=attempt).order_by("-pk").first()
    return last.offset + last.size if last else 0


def read(job_id: UUID, *, after: int = 0, most: int = MOST) -> LogText:
    """What came after a chunk: chunks until they make `most` bytes. Gaps and new attempts are said in a line."""
    before = LogChunk.objects.filter(job_id=job_id, pk__lte=after).order_by("pk").last() if after else None
    shown: list[LogChunk] = []
    size, more = 0, False
    for chunk in LogChunk.objects.filter(job_id=job_id, pk__gt=after).order_by("pk").iterator(chunk_size=16):
        if more := size >= most:
            break
        shown.append(chunk)
        size += chunk.size
    return LogText(cursor=shown[-1].pk if shown else after, text="".join(with_gaps(before, shown)), more=more)


def with_gaps(before: LogChunk | None, chunks: list[LogChunk]) -> Iterator[str]:
    for chunk in chunks:
        if before is None or before.attempt != chunk.attempt:
            if chunk.attempt > 1:
                yield f"── attempt {chunk.attempt} ──\n"
            end = 0
        else:
            end = before.offset + before.size
        if chunk.offset > end:
            yield f"\n── {filesizeformat(chunk.offset - end)} left out ──\n"
        yield chunk.text
        before = chunk
