import re

import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs import logs
from training_jobs.models import Status
from training_jobs.reports import LogPiece

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


def test_it_gives_lines_from_a_number_on(client, job):
    write(job, "first\nsec")
    first = client.get(url_of(job)).json()

    write(job, "ond\nthird\n", offset=9)
    second = client.get(url_of(job), {"line": first["last"]}).json()

    assert first == {"lines": [[1, "first", ""], [2, "sec", ""]], "last": 2, "ended": False}
    assert second == {"lines": [[2, "second", ""], [3, "third", ""]], "last": 3, "ended": False}


def test_it_finds_lines_that_are_not_shown(client, job):
    write(job, "".join(f"step {number}\n" for number in range(2000)))

    assert client.get(url_of(job), {"search": "STEP 77"}).json()["lines"][0] == 78


def test_it_says_where_something_is_left_out(client, job):
    write(job, "first\n")
    write(job, "last\n", offset=5006)

    assert client.get(url_of(job)).json()["lines"] == [[1, "first", ""], [2, "last", "4.9\xa0KB left out"]]


def test_all_that_is_stored_can_be_downloaded(client, job):
    for number in range(9):
        write(job, f"{number}\n", offset=2 * number)

    answer = client.get(url_of(job) + "?download")

    assert answer.getvalue().decode() == "0\n1\n2\n3\n4\n5\n6\n7\n8\n"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="acorn.log"'


@pytest.mark.parametrize("line", ["x", "-1", "9" * 5000, "", "²"])
def test_what_is_no_cursor_starts_from_the_beginning_or_finds_nothing(client, job, line):
    assert client.get(url_of(job), {"line": line}).status_code == 200


def test_the_page_begins_with_the_end_of_a_long_log(client, job):
    for number in range(1, 1001):
        write(job, f"line {number}\n", offset=number * 100)

    page = client.get(f"{job.get_absolute_url()}?tab=log").text
    from_start = client.get(f"{job.get_absolute_url()}?tab=log&line=1").text

    assert "line 801<" in page and "line 1000<" in page and "line 800<" not in page
    assert "line 1<" in from_start and "line 1000<" not in from_start


def test_a_line_that_was_written_over_shows_what_was_left_standing(client, job):
    write(job, "<start>\n 10%\r 50%\r100%\nend")

    page = client.get(f"{job.get_absolute_url()}?tab=log").text

    assert re.findall(r"<code>(.*?)</code>", page) == ["&lt;start&gt;", "100%", "end"]


def test_without_javascript_colours_are_left_out(client, job):
    write(job, "\x1b[31mred\x1b[0m\n")

    assert "<code>red</code>" in client.get(f"{job.get_absolute_url()}?tab=log").text


def test_it_needs_a_login(client, job):
    client.logout()

    assert client.get(url_of(job)).status_code == 302
