"""/jobs/queue/ and what can be changed there."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from tests.training_jobs import records
from training_jobs.models import Priority, Status, TrainingJob

URL = "/jobs/queue/"
pytestmark = pytest.mark.django_db


def ask(client, job, change: str, **more):
    return client.post(f"{job.get_absolute_url()}turn/", {"change": change} | more)


def names(page) -> list[str]:
    return re.findall(r'<a href="[^"]*" id="open-[^"]*">(.*?)</a>', page.text)


def place_of_first(page) -> int:
    return int(re.search(r'<td class="num">.*?(\d+)</td>', page.text)[1])


def test_it_shows_who_waits_in_turn_and_for_what(client, expert):
    client.force_login(expert)
    worker = records.worker()
    records.job(Status.RUNNING, worker=worker, seconds_left=600)
    for name, priority in (("low", Priority.LOW), ("usual", Priority.NORMAL), ("high", Priority.HIGH)):
        records.job(name=name, priority=priority)

    page = client.get(URL)

    assert names(page) == ["high", "usual", "low"]
    assert "No train is before it" in page.text and "It starts in about 10 min." in page.text


def test_it_offers_a_train_where_none_waits(client, expert):
    client.force_login(expert)

    assert "No train waits" in client.get(URL).text


def test_it_says_why_a_later_train_of_somebody_else_goes_first(client, admin, expert):
    client.force_login(expert)
    records.job(Status.RUNNING, worker=records.worker(), created_by=expert)
    records.job(name="early", created_by=expert)
    records.job(name="late", created_by=admin)

    page = client.get(URL)

    assert names(page) == ["late", "early"]
    assert "“late” goes first though it came later: admin has 0 trains running, expert has 1." in page.text


def test_fair_share_explains_nothing_that_somebody_arranged(client, admin, expert):
    client.force_login(admin)
    records.worker()
    records.job(name="early", created_by=expert)
    late = records.job(name="late", created_by=admin)

    ask(client, late, "first")

    page = client.get(URL)
    assert names(page) == ["late", "early"]
    assert "though it came later" not in page.text


def test_administrators_move_trains(client, admin):
    client.force_login(admin)
    first, second = records.job(name="first"), records.job(name="second")

    answer = ask(client, second, "up")
    assert answer.url == URL
    assert names(client.get(URL)) == ["second", "first"]

    ask(client, second, "after", beside=first.pk)
    assert names(client.get(URL)) == ["first", "second"]


def test_htmx_gets_the_queue_and_what_came_of_the_change(client, admin):
    client.force_login(admin)
    records.job(name="first")
    job = records.job(name="second")

    page = client.post(f"{job.get_absolute_url()}turn/", {"change": "first"}, headers={"HX-Request": "true"})

    assert "<html" not in page.text
    assert "“second” has place 1 of its priority now." in page.text
    assert names(page) == ["second", "first"]
    assert 'hx-get="/jobs/queue/?page=1"' in page.text  # not where the change was sent


def test_those_who_started_a_train_hold_and_lower_it(client, expert):
    client.force_login(expert)
    job = records.job(created_by=expert)

    for change in ("hold", "low"):
        ask(client, job, change)

    job.refresh_from_db()
    assert job.held_by == expert and job.priority == Priority.LOW
    assert "Held by expert" in client.get(URL).text

    ask(client, job, "release")
    assert TrainingJob.objects.claimable().exists()


@pytest.mark.parametrize("change", ["first", "up", "down", "hold", "low", "high", "before"])
def test_others_are_refused(client, expert, change):
    client.force_login(expert)
    job, other = records.job(), records.job()

    assert ask(client, job, change, beside=other.pk).status_code == 403
    job.refresh_from_db()
    assert (job.place, job.held_at, job.priority) == (None, None, Priority.NORMAL)


def test_a_name_is_no_html(client, admin):
    client.force_login(admin)
    records.job(name="<b>bold</b>", created_by=admin)

    assert "<b>bold" not in client.get(URL).text


def test_they_see_no_buttons_for_it(client, expert):
    client.force_login(expert)
    records.job()

    assert 'name="change"' not in client.get(URL).text


def test_it_tells_that_a_train_has_started_meanwhile(client, admin):
    client.force_login(admin)
    job = records.job(Status.RUNNING)

    for change in ("first", "hold", "release", "high"):
        page = client.post(f"{job.get_absolute_url()}turn/", {"change": change}, headers={"HX-Request": "true"})
        assert 'id="queue-said"' in page.text
        assert "not wait" in page.text or "not held" in page.text


@pytest.mark.parametrize(
    "asked", [{"change": "sideways"}, {}, {"change": "before"}, {"change": "after", "beside": "x"}]
)
def test_what_cannot_be_understood_is_not_found(client, admin, asked):
    client.force_login(admin)

    assert client.post(f"{records.job().get_absolute_url()}turn/", asked).status_code == 404


def test_changes_are_posts_and_need_a_login(client, admin):
    url = f"{records.job().get_absolute_url()}turn/"
    assert client.post(url, {"change": "first"}).url == f"/accounts/login/?next={url}"

    client.force_login(admin)
    assert client.get(url).status_code == 405


def test_it_pages_and_keeps_counting(client, admin):
    client.force_login(admin)
    now = timezone.now()
    for number in range(260):
        job = records.job(name=f"job-{number:03}")
        TrainingJob.objects.filter(pk=job.pk).update(created_at=now + timedelta(seconds=number))
    records.job(Status.RUNNING, worker=records.worker())

    second, last = client.get(f"{URL}?page=2"), client.get(f"{URL}?page=11")

    assert (names(second)[0], place_of_first(second)) == ("job-025", 26)
    assert "25 trains are before it" in second.text
    assert names(last) == [f"job-{number}" for number in range(250, 260)]
    assert "At least 250 trains are before it" in last.text


@pytest.mark.parametrize("who", ["admin", "expert"])
@pytest.mark.parametrize("number", [1, 30])
def test_it_takes_few_queries(client, request, who, number, django_assert_max_num_queries):
    client.force_login(request.getfixturevalue(who))
    worker = records.worker()
    for place in range(number):
        records.job(Status.RUNNING, worker=worker, created_by=request.getfixturevalue("expert"))
        records.job(name=f"job-{place}", created_by=request.getfixturevalue("admin"))

    with django_assert_max_num_queries(
        6
    ):  # session, user, licence for an administrator, workers, their other work, trains
        client.get(URL)


def test_the_job_page_offers_to_hold_and_release(client, expert):
    client.force_login(expert)
    job = records.job(created_by=expert)
    assert ">Hold" in client.get(job.get_absolute_url()).text.replace("</svg> ", ">")

    assert ask(client, job, "hold", back="job").url == job.get_absolute_url()

    page = client.get(job.get_absolute_url()).text
    assert "Held by expert" in page and 'value="release"' in page
