import pytest
from django.urls import reverse
from django.utils import timezone

from tests.training_jobs import records
from training_jobs.models import Status

URL = reverse("training_jobs:job-list")
pytestmark = pytest.mark.django_db


def test_it_shows_where_each_train_stands(client, expert):
    client.force_login(expert)
    records.job(Status.RUNNING, name="acorn", latest_metrics={"loss": 0.41234}, created_by=expert)

    page = client.get(URL).text

    for shown in ("acorn", "Running", "LoRA fine-tuning", "Acorn-135M", "12 of 40", "0.4123", "expert"):
        assert shown in page


def test_it_needs_a_login(client):
    assert client.get(URL).url == f"{reverse('login')}?next={URL}"


def test_it_offers_the_first_train_where_there_is_none(client, expert):
    client.force_login(expert)

    assert "No train yet" in client.get(URL).text


@pytest.mark.parametrize(
    "query", ["q=acorn", "q=lora+acorn", "status=running", "method=lora", "q=Acorn-135M&status=running"]
)
def test_it_finds_and_filters(client, expert, query):
    client.force_login(expert)
    lora = records.method()
    sft = records.method(internal_name="sft", display_name="SFT", method_type="SFT", trainer="sft")
    records.job(Status.RUNNING, name="acorn", method=lora)
    records.job(
        name="birch", method=sft, method_snapshot={"display_name": "SFT"}, base_model_snapshot={"name": "Birch-1B"}
    )

    page = client.get(f"{URL}?{query}").text

    assert ">acorn<" in page
    assert ">birch<" not in page


def test_it_says_that_nothing_matches(client, expert):
    client.force_login(expert)
    records.job()

    assert "No train matches" in client.get(f"{URL}?q=zzz").text


def test_what_it_does_not_know_narrows_nothing(client, expert):
    client.force_login(expert)
    records.job(name="acorn")

    page = client.get(f"{URL}?status=asleep&method=none&sort=colour&page=abc").text

    assert ">acorn<" in page


def test_it_sorts_both_ways(client, expert):
    client.force_login(expert)
    for name in ("birch", "acorn"):
        records.job(name=name)

    upwards, downwards = (client.get(f"{URL}?sort={sort}").text for sort in ("name", "-name"))

    assert upwards.index(">acorn<") < upwards.index(">birch<")
    assert downwards.index(">birch<") < downwards.index(">acorn<")


def test_it_shows_a_page_at_a_time_and_keeps_the_search(client, expert):
    client.force_login(expert)
    for number in range(30):
        records.job(name=f"acorn-{number:02}")

    page = client.get(f"{URL}?q=acorn&sort=name&page=2").text

    assert "26–30 of 30" in page
    assert "acorn-29" in page
    assert "?q=acorn&amp;sort=name&amp;page=1" in page


def test_a_page_beyond_the_last_is_the_last(client, expert):
    client.force_login(expert)
    records.job(name="acorn")

    assert "1–1 of 1" in client.get(f"{URL}?page=99").text


def test_its_rows_ask_for_themselves_while_one_of_them_may_change(client, expert):
    client.force_login(expert)
    records.job(Status.SUCCEEDED)
    assert "hx-trigger" not in client.get(URL).text

    records.job(Status.RUNNING, name="acorn")
    rows = client.get(URL, headers={"HX-Request": "true"}).text

    assert rows.strip().startswith('<tbody id="list-rows" hx-get="/jobs/"')
    assert "<html" not in rows


@pytest.mark.parametrize("number", [1, 30])
def test_it_takes_five_queries(client, admin, django_assert_num_queries, number):
    client.force_login(admin)
    for _ in range(number):
        records.job(Status.RUNNING, created_by=admin, method=None)

    with django_assert_num_queries(5):  # session, user, licence, methods, rows
        client.get(URL)


def test_it_says_what_those_that_wait_wait_for(client, expert):
    client.force_login(expert)
    records.worker(queues="small,default")
    records.job()
    records.job(queue="large")
    records.job(held_at=timezone.now(), held_by=expert)

    page = client.get(URL).text

    for shown in ("Waits its turn", "No worker takes it", "Held by expert"):
        assert page.count(shown) == 1
