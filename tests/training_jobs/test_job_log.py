import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs import logs
from training_jobs.models import Status
from training_jobs.reports import PIECE, LogPiece

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture
def job():
    return records.job(Status.RUNNING)


def write(job, text: str, *, offset: int = 0) -> None:
    logs.append(job.pk, 1, [LogPiece(offset=offset, size=len(text.encode()), text=text)])


def url_of(job) -> str:
    return reverse("training_jobs:job-log", args=[job.pk])


def test_it_gives_what_came_after_the_cursor(client, job):
    write(job, "first\n")
    first = client.get(url_of(job)).json()

    write(job, "second\n", offset=6)
    second = client.get(url_of(job), {"after": first["cursor"]}).json()

    assert (first["text"], second["text"], second["ended"]) == ("first\n", "second\n", False)


def test_it_says_where_something_is_left_out(client, job):
    write(job, "first\n")
    write(job, "last\n", offset=5006)

    assert "4.9\xa0KB left out" in client.get(url_of(job)).json()["text"]


def test_it_has_ended_only_with_the_last_piece(client):
    job = records.job(Status.SUCCEEDED)
    write(job, "x" * logs.MOST)
    write(job, "end\n", offset=logs.MOST)

    first = client.get(url_of(job)).json()
    second = client.get(url_of(job), {"after": first["cursor"]}).json()

    assert (first["more"], first["ended"]) == (True, False)
    assert (second["text"], second["ended"]) == ("end\n", True)


def test_all_that_is_stored_can_be_downloaded(client, job):
    for number in range(9):
        write(job, f"{number}\n", offset=2 * number)

    answer = client.get(url_of(job) + "?download")

    assert answer.getvalue().decode() == "0\n1\n2\n3\n4\n5\n6\n7\n8\n"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acorn.log"'


@pytest.mark.parametrize("after", ["x", "-1", "9" * 5000, "", "²"])
def test_what_is_no_cursor_starts_from_the_beginning_or_finds_nothing(client, job, after):
    assert client.get(url_of(job), {"after": after}).status_code == 200


def test_the_page_begins_with_the_end_of_a_long_log(client, job):
    for number in range(9):
        write(job, f"line {number}\n" + "x" * PIECE, offset=(7 + PIECE) * number)

    page = client.get(f"{job.get_absolute_url()}?tab=log").text
    from_start = client.get(f"{job.get_absolute_url()}?tab=log&from=start").text

    assert "line 8" in page and "line 0" not in page
    assert "line 0" in from_start and "line 8" not in from_start


def test_a_line_that_was_written_over_shows_what_was_left_standing(client, job):
    write(job, "<start>\n 10%\r 50%\r100%\nend")

    assert "&lt;start&gt;\n100%\nend</pre>" in client.get(f"{job.get_absolute_url()}?tab=log").text


def test_it_needs_a_login(client, job):
    client.logout()

    assert client.get(url_of(job)).status_code == 302
