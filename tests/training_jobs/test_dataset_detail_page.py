"""/datasets/<id>/"""

import json
from pathlib import Path

import pytest

from tests.training_jobs.engine import queued_job
from training_jobs import datasets
from training_jobs.models import Dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def bring_in(data_dir: Path, expert):
    def bring_in(*rows: dict) -> Dataset:
        path = data_dir / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return datasets.import_file(path, user=expert)

    return bring_in


def test_it_shows_what_is_known_of_the_file(client, expert, bring_in):
    dataset = bring_in({"Question": "Why?", "Answer": "So."})
    client.force_login(expert)

    page = client.get(dataset.get_absolute_url())

    for fact in ("Question and answer", "rows.jsonl", "JSONL", dataset.sha256, "<code>Answer</code>", "Why?", "So."):
        assert fact in page.text


def test_it_shows_judged_answers_as_turns_and_labels_as_words(client, expert, bring_in):
    turns = [{"role": "user", "content": "Why?"}]
    dataset = bring_in({"prompt": turns, "completion": "So.", "label": False})
    client.force_login(expert)

    page = client.get(dataset.get_absolute_url())

    for shown in ("<dt>prompt: user</dt>", "<dt>completion: assistant</dt>", "So.", "<dd>false</dd>"):
        assert shown in page.text


def test_it_shows_messages_as_turns(client, expert, bring_in):
    dataset = bring_in({"conversations": [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Good day"}]})
    client.force_login(expert)

    page = client.get(dataset.get_absolute_url())

    assert page.context["rows"] == [[("user", "Hello"), ("assistant", "Good day")]]


def test_it_is_only_looked_at(client, expert, bring_in):
    dataset = bring_in({"text": "Hello"})
    client.force_login(expert)

    assert client.post(dataset.get_absolute_url()).status_code == 405


def test_it_shows_markup_in_rows_as_text(client, expert, bring_in):
    dataset = bring_in({"text": "<script>alert(1)</script>"})
    client.force_login(expert)

    assert "<script>alert" not in client.get(dataset.get_absolute_url()).text


def test_it_shows_the_jobs_that_used_it(client, expert, bring_in):
    dataset = bring_in({"text": "a"})
    queued_job(name="support bot", dataset=dataset)
    client.force_login(expert)

    assert "support bot" in client.get(dataset.get_absolute_url()).text


def test_it_needs_a_login(client, bring_in):
    url = bring_in({"text": "a"}).get_absolute_url()

    assert client.get(url).url == f"/accounts/login/?next={url}"
