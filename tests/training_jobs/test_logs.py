"""The train log: read after a cursor, its middle left out when it is long."""

import pytest

from tests.training_jobs.engine import queued_job
from training_jobs import logs
from training_jobs.reports import HEAD, PIECE, TAIL, LogPiece

pytestmark = pytest.mark.django_db


def piece(offset: int, text: str) -> LogPiece:
    return LogPiece(offset=offset, size=len(text.encode()), text=text)


def test_it_reads_after_a_cursor():
    job = queued_job()
    logs.append(job.pk, 1, [piece(0, "one\n")])
    first = logs.read(job.pk)
    logs.append(job.pk, 1, [piece(4, "two\n")])

    second = logs.read(job.pk, after=first.cursor)

    assert (first.text, second.text, second.more) == ("one\n", "two\n", False)
    assert logs.read(job.pk, after=second.cursor) == logs.LogText(cursor=second.cursor, text="", more=False)


def test_it_says_when_there_is_more():
    job = queued_job()
    logs.append(job.pk, 1, [piece(0, "a"), piece(1, "b"), piece(2, "c")])

    first = logs.read(job.pk, most=2)

    assert (first.text, first.more) == ("ab", True)
    assert logs.read(job.pk, after=first.cursor, most=2).text == "c"


def test_it_says_what_is_left_out():
    job = queued_job()
    logs.append(job.pk, 1, [piece(0, "start\n"), piece(2 * 1024 * 1024 + 6, "end\n")])

    assert logs.read(job.pk).text == "start\n\n── 2.0\xa0MB left out ──\nend\n"


def test_it_begins_a_new_attempt_with_a_line():
    job = queued_job()
    logs.append(job.pk, 1, [piece(0, "lost\n")])
    seen = logs.read(job.pk).cursor
    logs.append(job.pk, 2, [piece(0, "again\n")])

    assert logs.read(job.pk, after=seen).text == "── attempt 2 ──\nagain\n"


def test_it_keeps_the_first_and_the_last_of_a_long_log():
    job = queued_job()
    for number in range(60):
        logs.append(job.pk, 1, [LogPiece(offset=number * PIECE, size=PIECE, text=str(number % 10))])

    kept = list(job.log_chunks.values_list("offset", flat=True))

    assert [offset // PIECE for offset in kept] == [*range(HEAD // PIECE), *range(60 - TAIL // PIECE, 60)]


def test_it_stores_a_log_with_nul_bytes():
    job = queued_job()

    logs.append(job.pk, 1, [piece(0, "a\0b")])

    assert logs.read(job.pk).text == "a�b"
