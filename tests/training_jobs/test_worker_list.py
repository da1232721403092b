from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.training_jobs import records
from training_jobs import workers
from training_jobs.models import Status, Worker

URL = reverse("training_jobs:worker-list")
pytestmark = pytest.mark.django_db


def ask(client, worker: Worker, wish: str):
    return client.post(reverse("training_jobs:worker-ask", args=[worker.pk, wish]), follow=True)


def test_it_shows_who_is_there_and_what_each_does(client, expert):
    client.force_login(expert)
    worker = records.worker(queues="default,gpu", slots=2, cards=["NVIDIA H200"])
    records.job(Status.RUNNING, name="acorn", worker=worker)

    page = client.get(URL).text

    for shown in ("trainer-01:4711", "default, gpu", "NVIDIA H200", ">acorn<", "1 of 2", "Takes trains", "0.1.0"):
        assert shown in page
    assert "Drain" not in page


def test_it_says_how_many_of_the_same_cards_a_worker_has(client, expert):
    client.force_login(expert)
    records.worker(cards=["NVIDIA H200", "NVIDIA L4", "NVIDIA H200"])

    assert ">2 × NVIDIA H200, NVIDIA L4</td>" in client.get(URL).text


def test_a_worker_of_no_installed_version_is_said_so_in_the_readers_language(client, expert):
    client.force_login(expert)
    records.worker(version=workers.CHECKOUT)

    page = client.get(URL, headers={"Accept-Language": "de"}).text

    assert ">Checkout</td>" in page


def test_it_says_who_is_not_heard_of(client, expert):
    client.force_login(expert)
    records.worker(heartbeat_at=timezone.now() - timedelta(minutes=2))

    assert "Not heard of" in client.get(URL).text


def test_an_administrator_drains_hands_back_and_resumes(client, admin):
    client.force_login(admin)
    worker = records.worker()
    records.job(Status.RUNNING, worker=worker)

    assert "Hand its trains back" in ask(client, worker, "drain").text
    assert "Hands its trains back" in ask(client, worker, "hand-back").text
    assert "Takes trains" in ask(client, worker, "resume").text
    worker.refresh_from_db()
    assert (worker.draining_requested, worker.handing_back_requested) == (False, False)


@pytest.mark.parametrize("wish", ["hand-back", "resume"])
def test_only_a_draining_worker_hands_back_or_resumes(client, admin, wish):
    client.force_login(admin)
    worker = records.worker()

    assert "Nothing changed" in ask(client, worker, wish).text


def test_nobody_else_may_ask(client, expert):
    client.force_login(expert)
    worker = records.worker()

    answer = ask(client, worker, "drain")

    worker.refresh_from_db()
    assert (answer.status_code, worker.draining_requested) == (403, False)


def test_it_needs_a_login(client):
    assert client.get(URL).status_code == 302


def test_it_takes_five_queries(client, admin, django_assert_num_queries):
    client.force_login(admin)
    for pid in range(3):
        records.job(Status.RUNNING, worker=records.worker(pid=pid))

    with django_assert_num_queries(5):  # session, user, licence, workers with their jobs, their other work
        client.get(URL)


def test_records_of_workers_long_gone_are_removed():
    records.worker()
    records.worker(heartbeat_at=timezone.now() - timedelta(hours=2))

    assert workers.forget_silent() == 1
    assert Worker.objects.count() == 1
