"""What the page of a customized model tells, and that its code runs."""

import re
import subprocess
import sys
from html import unescape

import pytest

from tests.tiny_adapter import make_tiny_adapter
from tests.tiny_model import make_tiny_model
from tests.training_jobs import records
from training_jobs import metrics
from training_jobs.models import CustomizedModel, Status
from training_methods.trainers.events import Metrics

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


def model(**fields) -> CustomizedModel:
    given = {"name": "acorn", "base_model_name": "Acorn-135M", "kind": "adapter", "path": "/nowhere", "size_bytes": 7}
    return CustomizedModel.objects.create(**given | fields)


def text_of(page) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.text))


def test_it_tells_what_it_comes_from(client):
    job = records.job(Status.SUCCEEDED, versions={"torch": "2.13.0"})
    base = records.base_model(license_name="apache-2.0")

    page = text_of(client.get(model(job=job, base_model=base).get_absolute_url()))

    for told in ("LoRA fine-tuning", "house-style", "120 rows", "d" * 12, "c" * 12, "apache-2.0", "torch 2.13.0"):
        assert told in page
    assert "1 changed from its default" in page


def test_it_tells_the_last_and_the_best_score(client):
    job = records.job(Status.SUCCEEDED)
    losses = [3.0, 1.25, None, 2.5]
    metrics.append(job.pk, 1, [Metrics(step=n, values={"eval_loss": loss}) for n, loss in enumerate(losses, 1)])

    page = text_of(client.get(model(job=job).get_absolute_url()))

    assert "Loss in evaluation eval_loss 2.500 1.250 2 " in page


def test_a_merged_model_tells_the_train_of_its_adapter(client):
    adapter = model(job=records.job(Status.SUCCEEDED, name="house-style"))
    merged = model(name="acorn_merged", kind="complete", merged_from=adapter)

    assert "house-style" in client.get(merged.get_absolute_url()).text
    assert "acorn_merged" in client.get(adapter.get_absolute_url()).text


def test_it_takes_few_queries(client, django_assert_max_num_queries):
    acorn = model(job=records.job(Status.SUCCEEDED), base_model=records.base_model())

    with django_assert_max_num_queries(8):
        client.get(acorn.get_absolute_url())


def test_the_code_that_loads_it_runs_as_it_stands(client, tmp_path):
    base = make_tiny_model(tmp_path / "tiny “one”")
    adapter = make_tiny_adapter(base, tmp_path / "adapter")
    job = records.job(Status.SUCCEEDED, base_model_snapshot={"name": "tiny", "path": str(base)})
    page = client.get(model(job=job, path=str(adapter)).get_absolute_url()).text
    code = unescape(re.search(r'aria-label="How to load it">(.*?)</pre>', page, re.DOTALL)[1])

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
