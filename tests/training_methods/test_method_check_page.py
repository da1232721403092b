"""The test bench on a method's page."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from training_methods import catalog, checks
from training_methods.bench_results import Check
from training_methods.claims import Claim, still_at_it
from training_methods.models import PATIENCE, TrainerCheck

URL = "/methods/lora/check/"
pytestmark = pytest.mark.django_db
PASSED = Check(name="loads", outcome="passed", said="built-in")
FAILED = Check(
    name="trains 3 steps", outcome="failed", said="<b>No</b>", file="/srv/lora.py", line=16, evidence="ValueError"
)


@pytest.fixture
def claim(lora, admin) -> Claim:
    checks.ask(lora, admin)
    claim = checks.claim(TrainerCheck.objects.get().pk)
    assert claim
    return claim


def seen() -> str:
    return checks.standing(TrainerCheck.objects.get().method, catalog.trainers()).seen


def test_it_offers_a_check_to_those_who_may_edit_the_method(client, engineer, expert, lora):
    client.force_login(engineer)
    assert f'action="{URL}"' in client.get("/methods/lora/").text

    client.force_login(expert)
    assert f'action="{URL}"' not in client.get("/methods/lora/").text


def test_it_queues_a_check(client, engineer, lora):
    client.force_login(engineer)

    answer = client.post(URL)

    assert answer.url == "/methods/lora/#check"
    assert TrainerCheck.objects.get().asked_by == engineer
    page = client.get("/methods/lora/").text
    assert "Waits for a free worker on the queue “default”." in page
    assert 'hx-trigger="every 2s"' in page
    assert f'action="{URL}"' not in page


def test_it_needs_login(client, lora):
    assert client.post(URL).url == f"/accounts/login/?next={URL}"


def test_it_needs_the_permission_to_edit_the_method(client, expert, lora):
    client.force_login(expert)

    assert client.post(URL).status_code == 403
    assert not TrainerCheck.objects.exists()


def test_it_does_not_know_a_method_that_is_not_there(client, engineer):
    client.force_login(engineer)

    assert client.post("/methods/nonesuch/check/").status_code == 404


def test_it_says_that_a_check_is_running_already(client, admin, claim):
    client.force_login(admin)

    assert "This trainer is being checked already." in client.post(URL, follow=True).text


def test_it_sends_what_is_new_and_nothing_otherwise(client, admin, claim):
    client.force_login(admin)
    before = seen()
    assert client.get(URL, {"seen": before}).status_code == 204
    still_at_it(claim, results=checks.storable([PASSED]))

    news = client.get(URL, {"seen": before})

    assert "passed" in news.text
    assert f"seen={seen()}" in news.text.replace("%20", " ")
    assert 'hx-swap-oob="innerHTML">Running: 1 result' in news.text


def test_it_stops_asking_when_it_has_ended(client, admin, claim):
    client.force_login(admin)
    checks.finish(claim, [PASSED, FAILED])

    news = client.get(URL).text

    assert "hx-get" not in news
    assert "<code>/srv/lora.py</code>, line 16" in news
    assert "&lt;b&gt;No&lt;/b&gt;" in news
    assert "Check this trainer again" in news


def test_it_shows_results_only_to_those_who_may_edit_the_method(client, expert, claim):
    checks.finish(claim, [FAILED])
    client.force_login(expert)

    for url in ("/methods/lora/", URL):
        assert "Failed" in client.get(url).text
        assert "/srv/lora.py" not in client.get(url).text


def test_it_says_that_its_worker_was_lost(client, admin, claim):
    TrainerCheck.objects.update(heard_at=Now() - PATIENCE - timedelta(seconds=1))
    client.force_login(admin)

    page = client.get("/methods/lora/").text

    assert "Interrupted" in page
    assert "Its worker has not been heard of" in page
    assert "hx-trigger" not in page
    assert f'action="{URL}"' in page


def test_the_list_asks_the_database_as_often_with_checks_as_without(
    client, admin, claim, django_assert_max_num_queries
):
    client.force_login(admin)
    client.get("/methods/")

    with django_assert_max_num_queries(5):
        assert "Running" in client.get("/methods/").text
