"""The train log by lines: numbered, found, and told where some are left out."""

import pytest

from tests.training_jobs.engine import queued_job
from training_jobs import log_lines, logs
from training_jobs.reports import HEAD, PIECE, TAIL, LogPiece

pytestmark = pytest.mark.django_db


@pytest.fixture
def job():
    return queued_job()


def write(job, *texts: str, attempt: int = 1, offset: int = 0) -> None:
    for text in texts:
        logs.append(job.pk, attempt, [LogPiece(offset=offset, size=len(text.encode()), text=text)])
        offset += len(text.encode())


def shown(page: log_lines.Page) -> list[tuple[int, str]]:
    return [(line.number, line.text) for line in page.lines]


def test_lines_are_numbered_through_pieces_that_cut_them(job):
    write(job, "one\ntw", "o\nthr", "ee\nfour")

    assert shown(log_lines.page(job.pk, 1)) == [(1, "one"), (2, "two"), (3, "three"), (4, "four")]
    assert log_lines.page(job.pk, 1).last == 4


@pytest.mark.parametrize("first", range(1, 7))
def test_it_begins_with_the_line_that_is_asked_for(job, first):
    write(job, "1\n2", "\n", "3\n4\n", "5", "\n6\n")

    assert shown(log_lines.page(job.pk, first))[0] == (first, str(first))


def test_an_answer_has_no_more_lines_than_fit(job):
    write(job, "".join(f"{n}\n" for n in range(1, 1001)))

    assert len(log_lines.page(job.pk, 1).lines) == log_lines.MOST_LINES
    assert shown(log_lines.tail(job.pk, 2)) == [(999, "999"), (1000, "1000")]


def test_a_new_attempt_begins_a_line_of_its_own_and_says_so(job):
    write(job, "lost")
    write(job, "again\n", attempt=2)

    assert shown(log_lines.page(job.pk, 1)) == [(1, "lost"), (2, "again")]
    assert log_lines.page(job.pk, 2).lines[0].before == "Attempt 2"


def test_what_is_left_out_is_said_and_numbers_stay(job):
    lines = "".join(f"{n}\n" for n in range(10)) + "x" * (PIECE - 21) + "\n"
    for number in range(60):
        logs.append(job.pk, 1, [LogPiece(offset=number * PIECE, size=PIECE, text=lines)])

    first_after = 11 * (60 - TAIL // PIECE) + 1
    line = log_lines.page(job.pk, 11 * (HEAD // PIECE) + 1).lines[0]

    assert (line.number, line.text, line.before) == (first_after, "0", "11.0\xa0MB left out")
    assert log_lines.last_line(job.pk) == 660


def test_only_what_was_left_standing_is_shown(job):
    write(job, " 10%\r 50%", "\r100%\nend")

    assert shown(log_lines.page(job.pk, 1)) == [(1, "100%"), (2, "end")]


def test_a_line_without_end_does_not_grow_for_ever(job):
    write(job, *["x" * 100_000] * 5)

    (line,) = log_lines.page(job.pk, 1).lines

    assert len(line.text) == log_lines.LONGEST + 1


def test_it_finds_lines_whatever_the_case_the_colours_and_the_pieces(job):
    write(job, "an Error\nfine\nan er", "ror and an error\n\x1b[31mERR\x1b[0mOR\nthe last err", "or")

    assert log_lines.search(job.pk, "error") == log_lines.Hits(lines=[1, 3, 4, 5], are_all=True)
    assert log_lines.search(job.pk, "nothing of the kind").lines == []


def test_it_finds_the_same_number_that_it_shows(job):
    write(job, "".join(f"line {n} of many\n" for n in range(5000)), attempt=1)
    write(job, "start\nline x", attempt=2)

    (number,) = log_lines.search(job.pk, "line 4321 of").lines

    assert log_lines.page(job.pk, number).lines[0].text == "line 4321 of many"
    assert log_lines.search(job.pk, "line x").lines == [5002]


def test_nothing_printed_is_no_line(job):
    assert log_lines.tail(job.pk) == log_lines.Page(lines=[], last=0)
    assert log_lines.search(job.pk, "x").lines == []
