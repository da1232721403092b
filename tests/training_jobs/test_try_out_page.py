"""/models/<id>/try/: prompts, blind votes, sessions; without a worker."""

import pytest
from django.utils import timezone

from tests.interleaving import after_first_update
from tests.training_jobs import records
from training_jobs import makings, model_work, tryouts
from training_jobs.models import CustomizedModel, Exchange, Status, TryOut

pytestmark = pytest.mark.django_db
PROMPT = {"prompt": "Who makes the kettle?", "temperature": 0, "max_tokens": 20, "seed": 7}


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture
def model(tmp_path) -> CustomizedModel:
    return CustomizedModel.objects.create(
        name="acorn", base_model_name="Acorn-135M", kind="adapter", path=str(tmp_path), size_bytes=7
    )


@pytest.fixture
def url(model) -> str:
    return f"/models/{model.pk}/try/"


@pytest.fixture
def answered(model, expert) -> Exchange:
    exchange = tryouts.ask(model, expert, prompt="Who?", seed=1)
    Exchange.objects.update(state="done", left="<b>An oak</b>", right="A birch", tuned_is_left=True)
    exchange.refresh_from_db()
    return exchange


def exchange_url(exchange: Exchange) -> str:
    return f"/models/{exchange.model_id}/try/{exchange.pk}/"


def test_a_prompt_queues_a_session(client, expert, model, url):
    page = client.post(url, PROMPT, follow=True).text

    exchange, session = Exchange.objects.get(), TryOut.objects.get()
    assert (session.state, session.queue, session.asked_by) == ("waiting", "default", expert)
    assert (exchange.prompt, exchange.seed, exchange.state) == ("Who makes the kettle?", 7, "waiting")
    assert "No worker is there." in page
    assert f'hx-get="{url}news/?seen=' in page and f'name="shown" value="{exchange.pk}:{exchange.seen}"' in page


def test_the_form_keeps_what_was_asked_with(client, url):
    page = client.post(url, PROMPT, follow=True)

    assert page.context["form"].initial == {"temperature": 0, "max_tokens": 20}
    assert 'name="max_tokens" value="20"' in page.text


def test_a_second_prompt_goes_to_the_same_session(client, url):
    client.post(url, PROMPT)
    client.post(url, PROMPT)

    assert TryOut.objects.count() == 1
    assert Exchange.objects.count() == 2


def test_too_many_prompts_at_once_are_refused_at_the_field(client, url):
    for _ in range(tryouts.MOST_WAITING):
        client.post(url, PROMPT)

    page = client.post(url, PROMPT)

    assert "5 of your prompts wait for an answer" in page.text
    assert Exchange.objects.count() == tryouts.MOST_WAITING


@pytest.mark.parametrize(
    ("field", "value"), [("prompt", ""), ("prompt", "x" * 8001), ("temperature", 3), ("max_tokens", 5000), ("seed", -1)]
)
def test_it_refuses_bad_input_at_the_field(client, url, field, value):
    page = client.post(url, PROMPT | {field: value})

    assert page.context["form"].errors.keys() == {field}
    assert not TryOut.objects.exists()


def test_it_says_that_the_folder_is_gone(client, model, url):
    CustomizedModel.objects.update(path="/nowhere")

    assert "there is nothing to try" in client.get(url).text
    assert "not on this machine any more" in client.post(url, PROMPT).text
    assert not TryOut.objects.exists()


def test_it_needs_a_login(client, url):
    client.logout()

    assert client.get(url).status_code == client.post(url, PROMPT).status_code == 302


def test_nobody_knows_which_is_which_before_the_vote(client, url, answered):
    page = client.get(url).text

    assert "&lt;b&gt;An oak&lt;/b&gt;" in page
    assert "tuned</h3>" not in page and "is-tuned" not in page and "· base model" not in page


def test_a_vote_tells_and_counts(client, model, answered):
    page = client.post(f"{exchange_url(answered)}vote/", {"vote": "left"}, headers={"HX-Request": "true"}).text

    assert "is-tuned" in page and "voted better" in page
    assert "1 blind vote: 1 for the tuned model, 0 for the base, 0 about the same." in page
    assert tryouts.votes(model) == tryouts.Votes(tuned=1, base=0, tie=0)


def test_only_the_first_vote_counts(client, model, answered):
    client.post(f"{exchange_url(answered)}vote/", {"vote": "right"})
    page = client.post(f"{exchange_url(answered)}vote/", {"vote": "left"}, follow=True).text

    assert "There was nothing to vote on" in page
    assert tryouts.votes(model) == tryouts.Votes(tuned=0, base=1, tie=0)


def test_to_be_shown_is_no_vote(client, model, url, answered):
    client.post(f"{exchange_url(answered)}vote/", {"vote": "none"})

    assert tryouts.votes(model).all == 0
    assert "is-tuned" in client.get(url).text


def test_what_is_no_vote_is_refused(client, answered):
    assert client.post(f"{exchange_url(answered)}vote/", {"vote": "both"}).status_code == 400


def test_an_answer_that_is_not_there_yet_takes_no_vote(client, model, expert):
    exchange = tryouts.ask(model, expert, prompt="Who?")

    client.post(f"{exchange_url(exchange)}vote/", {"vote": "left"})

    exchange.refresh_from_db()
    assert exchange.vote == ""


def shown(*exchanges: Exchange) -> list[str]:
    return [f"{exchange.pk}:{exchange.seen}" for exchange in exchanges]


def test_it_sends_what_is_new_and_nothing_otherwise(client, model, expert, url):
    asked = [tryouts.ask(model, expert, prompt=f"Who {number}?") for number in range(2)]
    seen = {"seen": client.get(url).context["seen"], "shown": shown(*asked)}
    assert client.get(f"{url}news/", seen).status_code == 204

    Exchange.objects.filter(pk=asked[0].pk).update(state="answering", left="An oa")

    news = client.get(f"{url}news/", seen).text
    assert "An oa" in news and "every 2000ms" in news
    assert "Who 1?" not in news and 'id="session"' not in news


def test_answers_that_are_being_written_are_asked_for_more_often(client, model, expert, url):
    tryouts.ask(model, expert, prompt="Who?")
    TryOut.objects.update(state="running", heard_at=timezone.now(), ready_at=timezone.now())
    assert 'data-pace="500"' in client.get(url).text

    Exchange.objects.update(state="done")

    assert 'data-pace="2000"' in client.get(url).text


def test_one_answer_tells_of_the_session_and_of_prompts(client, model, expert, url):
    exchange = tryouts.ask(model, expert, prompt="Who?")
    seen = {"seen": client.get(url).context["seen"], "shown": shown(exchange)}

    claim = model_work.claim(TryOut, TryOut.objects.get().pk)
    Exchange.objects.update(state="done", left="An oak", right="A kettle")
    model_work.finish(claim, ending=TryOut.Ending.IDLE)

    news = client.get(f"{url}news/", seen).text
    assert "Nobody asked anything for two minutes" in news and "A is better" in news
    assert "hx-get" not in news


@pytest.mark.parametrize("key", ["9" * 30, "9" * 5000, "٣", "0007", "", "x"])
def test_it_passes_over_what_can_be_no_prompt_s_number(client, model, expert, url, key):
    tryouts.ask(model, expert, prompt="Who?")

    assert client.get(f"{url}news/", {"shown": f"{key}:waiting"}).status_code == 200
    assert client.get(url, {"again": key}).status_code == 200


def test_an_answer_asks_nothing(client, url, answered):
    assert 'name="shown"' not in client.get(url).text


def test_a_prompt_is_asked_again_with_its_settings(client, url, answered):
    page = client.get(url, {"again": answered.pk}).text

    assert ">\nWho?</textarea>" in page
    assert 'name="seed" value="1"' in page


def test_it_ends_at_once_while_it_waits(client, model, expert, url):
    tryouts.ask(model, expert, prompt="Who?")

    page = client.post(f"{url}end/", follow=True).text

    assert "It was ended." in page
    assert Exchange.objects.get().state == "failed"
    assert "The session has ended already." in client.post(f"{url}end/", follow=True).text


def test_a_page_that_is_closed_leaves_and_one_that_asks_is_back(client, model, expert, url):
    tryouts.ask(model, expert, prompt="Who?")
    client.post(f"{url}leave/")
    assert TryOut.objects.get().left_at

    client.get(f"{url}news/")

    assert TryOut.objects.get().left_at is None


def test_the_session_says_what_is_new_and_stops_asking(client, model, expert, url):
    tryouts.ask(model, expert, prompt="Who?")
    page = client.get(url)
    assert client.get(f"{url}news/", {"seen": page.context["seen"]}).status_code == 204

    claim = model_work.claim(TryOut, TryOut.objects.get().pk)
    model_work.finish(claim, ending=TryOut.Ending.IDLE)

    news = client.get(f"{url}news/", {"seen": page.context["seen"]}).text
    assert "Nobody asked anything for two minutes" in news and "hx-get" not in news


def test_it_says_that_the_worker_is_busy_and_for_how_long(client, model, expert, url):
    worker = records.worker()
    records.job(Status.RUNNING, worker=worker, seconds_left=200)
    tryouts.ask(model, expert, prompt="Who?")

    page = client.get(url).text

    assert "1 train runs there, and it is next when that ends. It starts in about 4 min." in page


def test_a_session_is_of_one_person(client, admin, model, url):
    tryouts.ask(model, admin, prompt="Who?")

    page = client.get(url).text

    assert "Your first prompt takes a worker" in page and "Who?" in page


def test_a_reward_model_scores(client, model, url):
    CustomizedModel.objects.update(kind="reward")
    assert "A reward model writes no answers." in client.get(url).text

    client.post(url, {"prompt": "Who?", "rated": "An oak."})

    exchange = Exchange.objects.get()
    assert (exchange.rated, exchange.has_both) == ("An oak.", False)
    Exchange.objects.update(state="done", left="0.8123")
    assert "0.8123" in client.get(url).text


def test_it_takes_few_queries(client, model, expert, url, django_assert_max_num_queries):
    for _ in range(3):
        tryouts.ask(model, expert, prompt="Who?")

    with django_assert_max_num_queries(9):
        client.get(url)


def test_what_a_lost_worker_had_taken_has_failed(client, model, expert, url):
    tryouts.ask(model, expert, prompt="Who?")
    model_work.claim(TryOut, TryOut.objects.get().pk)
    TryOut.objects.update(heard_at="2026-01-01T00:00Z")
    assert "Its worker was lost. Ask again to start anew." in client.get(url).text

    client.post(url, PROMPT)

    assert sorted(TryOut.objects.values_list("state", flat=True)) == ["failed", "waiting"]
    assert "Its worker was lost. Ask it again." in client.get(url).text


def test_a_prompt_of_a_lost_session_has_failed_whoever_notices_the_loss(client, model, admin, url, monkeypatch):
    monkeypatch.setattr(makings, "reason_against", lambda *_: "")
    client.post(url, PROMPT)
    model_work.claim(TryOut, TryOut.objects.get().pk)
    TryOut.objects.update(heard_at="2026-01-01T00:00Z")

    makings.ask(model, makings.What.MERGE, admin)

    assert "Its worker was lost. Ask it again." in client.get(url).text


@pytest.mark.parametrize("state", ["done", "failed"])
def test_a_worker_that_is_lost_as_its_session_ends_leaves_no_prompt_waiting(client, url, state):
    client.post(url, PROMPT)
    model_work.finish(model_work.claim(TryOut, TryOut.objects.get().pk), state)

    tryouts.give_up_lost()

    assert "Its worker was lost. Ask it again." in client.get(url).text


def test_a_session_ends_whose_worker_leaves_at_that_moment(client, url):
    client.post(url, PROMPT)
    claim = model_work.claim(TryOut, TryOut.objects.get().pk)

    with after_first_update(lambda: model_work.hand_back(claim)):
        assert tryouts.end(TryOut.objects.get())

    assert (TryOut.objects.get().ending, Exchange.objects.get().state) == ("asked", "failed")
