"""The preflight report: each finding with its fix, from settings alone and from rows that were counted."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.training_jobs import records
from tests.training_jobs.test_job_guide import defaults
from training_jobs import preflight, previews, token_findings
from training_jobs.drafts import Draft, Settings
from training_jobs.forms.jobs import TrainForm
from training_jobs.models import Priority, TrainingJob
from training_methods.trainers.preview import Example, Preview

URL = reverse("training_jobs:job-new")
CHECK = reverse("training_jobs:job-new-check")
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture
def filled_in(data_dir: Path) -> dict[str, Any]:
    rows = data_dir / "rows.jsonl"
    rows.touch()
    records.method()
    base_model = records.base_model(path=str(data_dir), parameter_count=10**8, has_chat_template=True)
    dataset = records.dataset(path=str(rows), row_count=1000)
    chosen = {"method": "lora", "settings_of": "lora", "base_model": base_model.pk, "dataset": dataset.pk}
    return chosen | {"name": "first", "seed": "7", "view": "basic", "shown_as": "fields"} | defaults()


def draft(filled_in: dict[str, Any]) -> Draft:
    return Draft.of(TrainForm(initial=filled_in), Settings.of("lora", filled_in))


def findings(filled_in: dict[str, Any], expert) -> dict[str, tuple[str, str]]:
    return {one.about: (one.level, one.says) for one in preflight.report(draft(filled_in), expert).findings}


def seen(**facts: Any) -> Preview:
    example = Example(row=1, pieces=[("Who", "read"), ("Me", "learnt")], tokens=2, learnt=1, cut=0, ends=True)
    given = {"kind": "shown", "max_length": 512, "end": "<|im_end|>", "has_template": True, "examples": [example]}
    return Preview(**given | {"complete": True, "kept": 100, "rows": 100, "tokens": 900, "learnt": 300} | facts)


def told(preview: Preview) -> dict[str, str]:
    return {one["about"]: one["level"] for one in token_findings.of(preview)}


@pytest.mark.parametrize(
    ("changed", "about", "level", "words"),
    [
        ({}, "Choices", "green", "go together"),
        ({"p-rank": "0"}, "Rank", "red", "0 is too small"),
        ({"p-keep_best": "on"}, "Share held out", "red", "no rows are held out"),
        ({"p-learning_rate": "0.01"}, "Learning rate", "amber", "50 times this method's usual 0.0002"),
        ({"p-learning_rate": "1e-6"}, "Learning rate", "amber", "200 times smaller"),
        ({}, "Learning rate", "green", "near"),
        ({"p-max_samples": "50", "p-epochs": "9"}, "Amount", "amber", "9 epochs over 50 rows"),
        ({"p-max_steps": "4"}, "Amount", "amber", "Only 4 steps"),
        ({}, "Amount", "green", "1,000 rows in 750 steps."),
        ({}, "Disk", "green", "what it needs is not known"),
        ({}, "Memory", "amber", "not known"),
        ({}, "Workers", "amber", "No worker is there."),
    ],
)
def test_it_finds_from_the_form_alone(filled_in, expert, changed, about, level, words):
    found = findings(filled_in | changed, expert)[about]

    assert found[0] == level
    assert words in found[1]


def test_a_disk_that_is_nearly_full_stands_in_the_way(filled_in, expert, settings):
    settings.DISK_RESERVE_GB = 10**9

    assert findings(filled_in, expert)["Disk"][0] == "red"


def test_a_worker_that_is_there_is_good_and_a_large_model_wants_a_gpu(filled_in, expert):
    records.worker()
    records.FoundationModel.objects.update(parameter_count=7 * 10**9)

    report = preflight.report(draft(filled_in), expert)

    levels = {one.about: one.level for one in report.findings}
    assert (levels["Workers"], levels["GPU"]) == ("green", "amber")


@pytest.mark.parametrize(
    ("changed", "about", "sentence"),
    [
        ({"name": "two words"}, "Train name", "“two words” is not a train name"),
        ({"name": "n" * 101}, "Train name", "A train name has at most 100 characters"),
        ({"seed": ""}, "Choices", "A seed is needed."),
        ({"seed": "-1"}, "Choices", "The seed -1 is not between 0 and 4294967295."),
        ({"dataset": ""}, "Choices", "Choose a dataset."),
        ({"priority": str(Priority.HIGH)}, "Choices", "Administrators give a train a higher priority than normal."),
    ],
)
def test_it_says_what_submitting_would(client, filled_in, changed, about, sentence):
    report = client.post(CHECK, filled_in | changed).context["report"]
    page = client.post(URL, filled_in | changed).text

    assert [one.about for one in report.reds if one.says.startswith(sentence)] == [about]
    assert sentence in page
    assert not TrainingJob.objects.exists()


def test_no_name_is_no_mistake(client, filled_in):
    report = client.post(CHECK, filled_in | {"name": ""}).context["report"]

    assert report.reds == []


def test_a_name_that_is_there_already_is_hinted_at_and_taken(client, filled_in):
    other = records.job(name="first")

    page = client.post(CHECK, filled_in).text
    started = client.post(URL, filled_in, follow=True).text

    assert "There is a train named “first” already." in page and other.get_absolute_url() in page
    assert TrainingJob.objects.filter(name="first").count() == 2
    assert started.count("There is a train named “first” already.") == 2  # as a message, and in the report
    assert f'<a href="{other.get_absolute_url()}">Look at it</a>' in started


def test_a_maximum_length_that_is_too_small_is_said_once(client, filled_in):
    cut = Example(row=1, pieces=[], tokens=8, learnt=0, cut=9, ends=True)
    problem = {"problem": "Nothing is left to learn.", "hint": "Raise it.", "setting": "max_length"}
    keep(filled_in, seen(examples=[cut], cut=100, dropped=100, kept=0, **problem))

    found = [(one.level, one.about) for one in client.post(CHECK, filled_in).context["report"].findings]

    assert [about for level, about in found if level == "red"] == ["Rows"]
    assert {about for _, about in found}.isdisjoint({"Choices", "Length", "Learnt tokens", "Amount"})


def test_what_is_cut_and_what_is_left_out_of_it_is_one_finding(client, filled_in):
    cut = Example(row=1, pieces=[], tokens=8, learnt=1, cut=9, ends=True)
    keep(filled_in, seen(examples=[cut], cut=100, dropped=40))

    found = {one.about: one for one in client.post(CHECK, filled_in).context["report"].findings}

    assert found["Length"].level == "red" and "40 rows are left out" in found["Length"].says
    assert set(found).isdisjoint({"Choices", "Learnt tokens", "End of sequence"})


def keep(filled_in: dict[str, Any], preview: Preview) -> None:
    """As if all rows had been counted."""
    question = previews.question(draft(filled_in), whole=True)
    assert question
    question.kept.parent.mkdir(parents=True)
    question.kept.write_text(preview.model_dump_json())


@pytest.mark.parametrize(
    ("facts", "about", "level"),
    [
        ({}, "Rows", "green"),
        ({"problem": "Nothing is left to learn.", "hint": "Raise it."}, "Rows", "red"),
        ({"problem": "A row is broken.", "cut": 60}, "Length", "red"),
        ({"complete": False}, "Rows", "amber"),
        ({"cut": 60}, "Length", "red"),
        ({"cut": 10}, "Length", "amber"),
        ({}, "Length", "green"),
        ({"dropped": 3}, "Learnt tokens", "amber"),
        ({"duplicates": 40}, "Repeated rows", "amber"),
        ({}, "Repeated rows", "green"),
        ({}, "End of sequence", "green"),
        ({"replaces_template": True}, "Chat template", "red"),
    ],
)
def test_it_finds_from_rows_that_were_counted(facts, about, level):
    assert told(seen(**facts))[about] == level


def test_an_answer_without_an_end_and_a_row_without_an_answer_are_red():
    endless = Example(row=1, pieces=[], tokens=2, learnt=1, cut=0, ends=False)
    unlearnt = Example(row=2, pieces=[], tokens=9, learnt=0, cut=3, ends=True)

    found = {one["about"]: one for one in token_findings.of(seen(examples=[endless, unlearnt]))}

    assert found["End of sequence"]["setting"] == "chat_template"
    assert found["Learnt tokens"]["says"] == "Nothing is learnt of row 2."
    assert "it cuts at 512 tokens" in found["Learnt tokens"]["fix"]


def test_prompts_have_no_answer_to_learn():
    prompt = Example(row=1, pieces=[], tokens=2, learnt=0, cut=0, ends=True)

    assert "Learnt tokens" not in told(seen(kind="prompts", learnt=0, examples=[prompt]))


def test_a_template_that_replaces_the_models_own_is_red_for_prompts_as_well():
    prompt = Example(row=1, pieces=[], tokens=2, learnt=0, cut=0, ends=True)

    found = told(seen(kind="prompts", learnt=0, examples=[prompt], replaces_template=True))

    assert found["Chat template"] == "red"
    assert set(found).isdisjoint({"Learnt tokens", "End of sequence"})


def test_the_report_is_kept_with_the_job_and_shown(client, filled_in):
    answer = client.post(URL, filled_in | {"p-learning_rate": "0.01"})

    job = TrainingJob.objects.get()
    assert job.preflight["findings"]["en"][0]["level"] == "amber"
    assert not job.preflight["is_whole"]
    page = client.get(answer.url).text
    assert "Preflight report" in page
    assert "50 times this method" in page


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "0.01 is 50 times this method&#x27;s usual 0.0002"),
        ("de", "0,01 ist das 50-Fache der bei dieser Methode üblichen 0,0002"),
        ("zh-hans", "0.01 是该方法常用值 0.0002 的 50 倍"),
    ],
)
def test_it_is_read_in_the_readers_language(client, filled_in, language, says):
    answer = client.post(URL, filled_in | {"p-learning_rate": "0.01"}, headers={"Accept-Language": "de"})

    assert says in client.get(answer.url, headers={"Accept-Language": language}).text


def test_a_report_of_an_earlier_version_is_read_as_it_was_kept(client, filled_in):
    answer = client.post(URL, filled_in)
    finding = {"level": "amber", "about": "Memory", "says": "Nobody knows.", "fix": "", "setting": ""}
    TrainingJob.objects.update(preflight={"at": "", "is_whole": True, "findings": [finding]})

    assert "Nobody knows." in client.get(answer.url, headers={"Accept-Language": "de"}).text


def test_what_was_counted_is_part_of_it(client, filled_in):
    keep(filled_in, seen(kept=90, dropped=10, rows=1000))

    page = client.post(CHECK, filled_in).text
    client.post(URL, filled_in)

    assert "10 rows are left out" in page
    assert "90 rows in 69 steps." in page
    assert "hx-get" not in page.split('id="check"')[1].split(">")[0]
    assert TrainingJob.objects.get().preflight["is_whole"]


def test_a_train_that_is_not_chosen_yet_is_not_checked(client, filled_in):
    page = client.post(CHECK, filled_in | {"dataset": ""}).text

    assert "Choose a method, a base model and a dataset first." in page


def test_a_script_is_not_looked_into(client, filled_in):
    records.method(internal_name="script", display_name="Script", trainer="custom02")

    page = client.post(CHECK, {name: filled_in[name] for name in ("base_model", "dataset")} | {"method": "script"}).text

    assert "A script reads the dataset in its own way" in page


def test_it_needs_a_login(client, filled_in):
    client.logout()

    assert client.post(CHECK, filled_in).status_code == 302


def test_old_workers_do_not_count(filled_in, expert):
    records.worker(heartbeat_at=timezone.now() - timedelta(hours=1))

    assert findings(filled_in, expert)["Workers"][0] == "amber"
