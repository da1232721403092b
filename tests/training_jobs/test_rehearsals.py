"""Micro-runs: asked for in the form, run by a worker with real children, and what the rail then says."""

import json
import multiprocessing
import sys
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from pydantic import ValidationError

from tests.interleaving import after_first_update
from tests.tiny_model import make_tiny_model
from tests.training_jobs import records
from tests.training_jobs.engine import write_trainer
from tests.training_jobs.test_job_guide import RAIL, defaults
from training_jobs import base_models, datasets, rehearsal_run, rehearsals
from training_jobs.drafts import Draft, Settings
from training_jobs.forms.jobs import TrainForm
from training_jobs.models import Rehearsal
from training_methods import catalog
from training_methods.models import TrainingMethod

ASK = reverse("training_jobs:rehearsal-ask")
State = Rehearsal.State
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def filled_in(data_dir: Path, tmp_path: Path, tiny: Path) -> dict[str, Any]:
    rows = [{"question": "Who makes the kettle?" * (n + 1), "answer": "Aunt Agatha."} for n in range(6)]
    (tmp_path / "some.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    records.method()
    chosen = {"method": "lora", "settings_of": "lora", "view": "basic", "shown_as": "fields", "seed": "7"}
    chosen["base_model"] = base_models.add(str(tiny), name="Tiny").pk
    chosen["dataset"] = datasets.import_file(tmp_path / "some.jsonl", name="rows").pk
    return chosen | defaults(batch_size=2)


def draft(filled_in: dict[str, Any]) -> Draft:
    return Draft.of(TrainForm(initial=filled_in), Settings.of("lora", filled_in))


def asked(filled_in, expert) -> Rehearsal:
    found = rehearsals.ask(draft(filled_in), expert)
    assert found
    return found


def flag():
    return multiprocessing.Event()


def test_it_measures_what_the_rail_then_tells(client, filled_in, expert):
    client.post(ASK, filled_in)
    rehearsal = Rehearsal.objects.get()

    rehearsal_run.run(rehearsal.pk, flag())

    rehearsal.refresh_from_db()
    assert (rehearsal.state, rehearsal.step, rehearsal.failure) == (State.DONE, 5, None)
    assert 50_000_000 < rehearsal.held_memory < rehearsal.memory
    assert rehearsal.seconds_a_step > 0
    rail = client.post(RAIL, filled_in).text
    assert "at the peak of a micro-run" in rail
    assert "at most, by a micro-run on the longest rows" in rail
    assert (
        "Five steps on the longest rows took"
        in client.get(reverse("training_jobs:rehearsal-state", args=[rehearsal.pk])).text
    )


def test_what_fails_says_why(filled_in, expert):
    filled_in |= {"p-target_modules": "warp_proj"}
    rehearsal = asked(filled_in, expert)

    rehearsal_run.run(rehearsal.pk, flag())

    rehearsal.refresh_from_db()
    assert rehearsal.state == State.FAILED
    assert "no linear layer “warp_proj”" in rehearsal.failure["message"]


def test_one_that_was_asked_for_before_an_update_and_cannot_be_read_any_more_has_failed(data_dir):
    rehearsal = Rehearsal.objects.create(
        key="k", spec={"trainer": "lora"}, state="waiting", queue="default", asked_at=timezone.now()
    )

    with pytest.raises(ValidationError):
        rehearsal_run.run(rehearsal.pk, flag())

    rehearsal.refresh_from_db()
    assert rehearsal.state == State.FAILED


def test_it_ends_when_somebody_cancels_it(client, filled_in, expert, monkeypatch):
    monkeypatch.setattr(rehearsal_run, "HEARD_EVERY", 0.0)
    rehearsal = asked(filled_in, expert)
    claim = rehearsals.claim(rehearsal.pk)
    attempt = rehearsal_run.Attempt(claim, flag(), Path(), 1, None)
    attempt.tick()

    client.post(reverse("training_jobs:rehearsal-cancel", args=[rehearsal.pk]))

    with pytest.raises(rehearsal_run.Cancelled):
        attempt.tick()


def test_a_worker_that_leaves_hands_it_back(filled_in, expert):
    rehearsal, leaving = asked(filled_in, expert), flag()
    leaving.set()

    rehearsal_run.run(rehearsal.pk, leaving)

    rehearsal.refresh_from_db()
    assert rehearsal.state == State.WAITING


def test_one_that_waits_is_cancelled_at_once(client, filled_in, expert):
    rehearsal = asked(filled_in, expert)

    page = client.post(reverse("training_jobs:rehearsal-cancel", args=[rehearsal.pk])).text

    assert "It was cancelled." in page
    assert rehearsals.claim(rehearsal.pk) is None


def test_one_that_was_cancelled_does_not_start_again_when_its_worker_leaves(filled_in, expert):
    rehearsal = asked(filled_in, expert)
    claim = rehearsals.claim(rehearsal.pk)
    assert rehearsals.cancel(rehearsal)

    assert rehearsals.hand_back(claim)

    rehearsal.refresh_from_db()
    assert (rehearsal.state, rehearsal.finished_at is None) == (State.CANCELLED, False)
    assert not rehearsals.cancel(rehearsal)


def test_one_is_cancelled_whose_worker_leaves_at_that_moment(filled_in, expert):
    rehearsal = asked(filled_in, expert)
    claim = rehearsals.claim(rehearsal.pk)

    with after_first_update(lambda: rehearsals.hand_back(claim)):
        assert rehearsals.cancel(rehearsal)

    rehearsal.refresh_from_db()
    assert rehearsal.state == State.CANCELLED


def test_one_that_was_cancelled_can_be_asked_for_again(filled_in, expert):
    rehearsals.cancel(asked(filled_in, expert))

    again = asked(filled_in, expert)

    assert (again.state, again.cancel_requested) == (State.WAITING, False)


def test_a_worker_that_drains_leaves_it_to_others(filled_in, expert):
    rehearsal = asked(filled_in, expert)

    assert rehearsals.claim(rehearsal.pk, records.worker(draining_requested=True).pk) is None
    assert rehearsals.claim(rehearsal.pk, records.worker().pk)


def test_it_is_asked_for_once_and_taken_once(filled_in, expert):
    first, second = asked(filled_in, expert), asked(filled_in | {"p-learning_rate": "0.5"}, expert)

    assert first == second
    assert rehearsals.claim(first.pk)
    assert rehearsals.claim(first.pk) is None


def test_settings_that_cost_memory_are_measured_anew(filled_in, expert):
    assert asked(filled_in, expert) != asked(filled_in | {"p-batch_size": "8"}, expert)


def test_what_is_not_ours_any_more_is_not_written(filled_in, expert):
    rehearsal = asked(filled_in, expert)
    old = rehearsals.claim(rehearsal.pk)
    rehearsals.hand_back(old)
    new = rehearsals.claim(rehearsal.pk)

    assert not rehearsals.finish(old, State.DONE)
    assert rehearsals.finish(new, State.DONE)


def test_only_who_asked_and_staff_may_cancel_it(client, filled_in, admin, expert, django_user_model):
    rehearsal = asked(filled_in, expert)
    url = reverse("training_jobs:rehearsal-cancel", args=[rehearsal.pk])
    client.force_login(django_user_model.objects.create_user("other", password="other-password"))

    assert client.post(url).status_code == 403
    client.force_login(admin)
    assert client.post(url).status_code == 200


def test_nothing_is_run_of_what_cannot_be_started(client, filled_in):
    page = client.post(ASK, filled_in | {"p-rank": "0"}).text

    assert "Put right what is wrong first" in page
    assert not Rehearsal.objects.exists()


def test_it_is_a_post_and_needs_a_login(client, filled_in):
    assert client.get(ASK).status_code == 405
    client.logout()
    assert client.post(ASK, filled_in).status_code == 302


OWN = """
    ballast = bytearray(200_000_000)
    for step in range(1, 10_000):
        time.sleep(self.pause)
        if step % self.steps == 0:
            run.metrics(step, loss=1.0)
"""
OWN_SCRIPT = '''
"""Reports a step now and then, from a process of its own."""
import time
ballast = bytearray(200_000_000)
for step in range(1, 10_000):
    time.sleep(0.05)
    print('[log_data]: {"step": %d, "loss": 1.0}' % step, flush=True)
'''


@pytest.fixture
def own(data_dir: Path, tiny: Path, filled_in):
    """The form filled in for a method of the site's own code; with the settings given."""

    def chosen(trainer: str, **settings: Any) -> dict[str, Any]:
        records.method(internal_name="own", display_name="Own", method_type="CUSTOM", trainer=trainer)
        rows = data_dir / "texts.jsonl"
        rows.write_text('{"text": "hello"}\n')
        one = {"method": "own", "settings_of": "own", "dataset": datasets.import_file(rows, name="texts").pk}
        values = {parameter.name: parameter.default for parameter in catalog.get(trainer).parameters} | settings
        return filled_in | one | {f"p-{name}": "" if value is None else value for name, value in values.items()}

    return chosen


def rehearsed(filled_in, expert) -> Rehearsal:
    found = rehearsals.ask(Draft.of(TrainForm(initial=filled_in), Settings.of("own", filled_in)), expert)
    assert found, filled_in
    rehearsal_run.run(found.pk, flag())
    found.refresh_from_db()
    return found


@pytest.mark.parametrize(("steps", "last"), [(1, 5), (3, 15)])
def test_a_trainer_of_ones_own_runs_as_it_is_until_it_has_reported_five_steps(
    client, data_dir, own, expert, steps, last
):
    write_trainer(data_dir / "trainers", "mine", OWN)
    filled_in = own("mine", steps=steps, pause=0.05)

    rehearsal = rehearsed(filled_in, expert)

    assert (rehearsal.state, rehearsal.step, rehearsal.failure) == (State.DONE, last, None)
    assert 200_000_000 < rehearsal.held_memory < rehearsal.memory
    assert 0.04 < rehearsal.seconds_a_step < 1
    shown = client.get(reverse("training_jobs:rehearsal-state", args=[rehearsal.pk])).text
    assert f"at its peak until step {last}" in shown
    rail = client.post(RAIL, filled_in).text
    assert "at the peak of a micro-run" in rail
    assert "by a micro-run; how many steps there are is not known" in rail
    assert not list(data_dir.glob("rehearsal-*"))


def test_a_script_is_measured_with_the_process_it_runs_in(data_dir, own, expert):
    (data_dir / "trainers").mkdir(exist_ok=True)
    (data_dir / "trainers" / "mine.py").write_text(OWN_SCRIPT)

    rehearsal = rehearsed(own("mine"), expert)

    assert (rehearsal.state, rehearsal.step, rehearsal.failure) == (State.DONE, 5, None)
    assert 200_000_000 < rehearsal.held_memory < rehearsal.memory


READS = """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(run.base_model)
    model = AutoModelForCausalLM.from_pretrained(run.base_model)
    asked = tokenizer("Who makes the kettle?")["input_ids"]
    answer = tokenizer("Aunt Agatha.")["input_ids"] + [tokenizer.eos_token_id] * {ended}
    given = {{
        "input_ids": torch.tensor([asked + answer + [0, 0]]),
        "attention_mask": torch.tensor([[1] * len(asked + answer) + [0, 0]]),
        "labels": torch.tensor([[-100] * len(asked) + {labels} + [-100, -100]]),
    }}
    with torch.no_grad():
        model(torch.tensor([tokenizer("An evaluation, of which nothing is learnt.")["input_ids"]]))
    for step in range(1, 20):
        model(**given).loss.backward()
        run.metrics(step, loss=1.0)
"""
TOKENS = reverse("training_jobs:job-new-tokens")
CHECK = reverse("training_jobs:job-new-check")


def reading(data_dir: Path, *, labels: str = "answer", ended: bool = True) -> None:
    write_trainer(data_dir / "trainers", "mine", READS.format(labels=labels, ended=int(ended)))


def test_a_micro_run_shows_what_own_code_gives_its_model(client, data_dir, own, expert):
    reading(data_dir)
    filled_in = own("mine")
    assert "A micro-run shows it." in client.post(TOKENS, filled_in).text

    seen = rehearsed(filled_in, expert).seen

    (example,) = seen["examples"]
    assert "".join(text for text, state in example["pieces"] if state == "read") == "Who makes the kettle?"
    learnt = "".join(text for text, state in example["pieces"] if state == "learnt")
    assert learnt == f"Aunt Agatha.{seen['end']}"
    shown = client.post(TOKENS, filled_in).text
    assert "These texts came first to its model in a micro-run." in shown
    assert "Example 1" in shown and '<mark class="tokens-learnt">' in shown
    assert "End of sequence" not in shown


READING_SCRIPT = """
import argparse, json
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
import _kettle

parser = argparse.ArgumentParser()
parser.add_argument("--model_path")
known, rest = parser.parse_known_args()
tokenizer = AutoTokenizer.from_pretrained(known.model_path)
model = AutoModelForCausalLM.from_pretrained(known.model_path)
given = torch.tensor([tokenizer(_kettle.TEXT)["input_ids"]])
for step in range(1, 20):
    model(given).logits.sum().backward()
    print("[log_data]: " + json.dumps({"step": step, "loss": 1.0}), flush=True)
"""


@pytest.mark.parametrize("config", [{}, {"interpreter": sys.executable}])
def test_a_micro_run_shows_what_a_script_gives_its_model(client, data_dir, own, expert, config):
    (data_dir / "trainers").mkdir()
    (data_dir / "trainers" / "mine.py").write_text(READING_SCRIPT)
    (data_dir / "trainers" / "_kettle.py").write_text("TEXT = 'Who makes the kettle?'")
    filled_in = own("mine")
    TrainingMethod.objects.filter(internal_name="own").update(config=config)

    seen = rehearsed(filled_in, expert).seen

    (example,) = seen["examples"]
    assert "".join(text for text, _state in example["pieces"]) == "Who makes the kettle?"
    assert "its code decides what is learnt of them" in client.post(TOKENS, filled_in).text


@pytest.mark.parametrize(
    ("reads", "sentence"),
    [
        ({"labels": "[-100] * len(answer)"}, "Nothing is learnt of example 1."),
        ({"ended": False}, "the model may not learn to stop"),
    ],
)
def test_what_is_wrong_with_its_labels_is_said(client, data_dir, own, expert, reads, sentence):
    reading(data_dir, **reads)
    filled_in = own("mine")

    rehearsed(filled_in, expert)

    assert sentence in client.post(TOKENS, filled_in).text
    assert sentence in client.post(CHECK, filled_in).text


def test_own_code_without_a_model_of_torch_shows_none(client, data_dir, own, expert):
    write_trainer(data_dir / "trainers", "mine", OWN)
    filled_in = own("mine", steps=1, pause=0.01)

    assert rehearsed(filled_in, expert).seen is None

    assert "In the micro-run no model of torch was given tokens." in client.post(TOKENS, filled_in).text


@pytest.mark.parametrize(
    ("body", "limit", "sentence"),
    [
        ("time.sleep(600)", rehearsal_run.ENDING + 5, "The steps that it reported were 0"),
        ("1 / 0", rehearsal_run.TIME_LIMIT, "division by zero"),
    ],
)
def test_one_that_reports_no_steps_or_fails_says_so(data_dir, own, expert, monkeypatch, body, limit, sentence):
    monkeypatch.setattr(rehearsal_run, "TIME_LIMIT", limit)
    write_trainer(data_dir / "trainers", "mine", body)

    rehearsal = rehearsed(own("mine"), expert)

    assert rehearsal.state == State.FAILED
    assert sentence in rehearsal.failure["message"]


def test_every_setting_of_ones_own_code_counts(data_dir, own, expert):
    write_trainer(data_dir / "trainers", "mine", "raise SystemExit")

    filled_in = own("mine", steps=1)
    keys = [
        rehearsals.key_of(Draft.of(TrainForm(initial=given), Settings.of("own", given)))
        for given in (filled_in, filled_in | {"p-steps": "2"})
    ]

    assert keys[0] and keys[1] and keys[0] != keys[1]
