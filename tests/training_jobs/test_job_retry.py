"""What a failed train could be started again with, and the button that does it."""

import pytest
from django.urls import reverse

from tests.training_jobs import records
from tests.training_jobs.engine import inputs
from training_jobs import retries
from training_jobs.models import Status, TrainingJob
from training_methods import catalog
from training_methods.models import TrainingMethod

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture
def failed():
    """A failed train of a method, with all its parameters."""

    def failed(trainer: str = "lora", *, changes=None, cause=None, step=0, **values):
        method = records.method(internal_name=trainer, trainer=trainer)
        links = {"method": method, "base_model": records.base_model(), "dataset": records.dataset()}
        parameters = {one.name: one.default for one in catalog.get(trainer).parameters} | values
        failure = {"message": "It failed.", "cause": cause, "changes": changes or {}}
        snapshot = {"name": "Acorn-135M", "context_length": 2048}
        more = {"parameters": parameters, "failure": failure, "step": step, "base_model_snapshot": snapshot}
        return records.job(Status.FAILED, **links, **more)

    return failed


def changed(job) -> dict:
    return {change.name: change.after for change in retries.changes(job)}


@pytest.mark.parametrize("cause", ["out-of-memory", "out-of-gpu-memory"])
def test_less_memory_first_leaves_a_step_as_large_as_it_was(failed, cause):
    job = failed(cause=cause, batch_size=6, gradient_accumulation_steps=2)

    assert changed(job) == {"batch_size": 3, "gradient_accumulation_steps": 4, "gradient_checkpointing": True}


def test_an_odd_batch_is_taken_row_by_row(failed):
    job = failed(cause="out-of-memory", batch_size=3, gradient_accumulation_steps=2, gradient_checkpointing=True)

    assert changed(job) == {"batch_size": 1, "gradient_accumulation_steps": 6}


def test_what_is_so_already_is_no_change(failed):
    assert not changed(failed(changes={"batch_size": 4}, batch_size=4))


def test_what_is_calm_already_stays(failed):
    job = failed(cause="not-a-number", learning_rate=3e-3, warmup_ratio=0.2, precision="fp32")

    assert changed(job) == {"learning_rate": 3e-4}


def test_less_memory_shortens_texts_where_nothing_else_is_left(failed):
    job = failed(cause="out-of-memory", batch_size=1, gradient_checkpointing=True, max_length=128)

    assert changed(job) == {"max_length": 64}


def test_a_loss_that_is_no_number_asks_for_smaller_steps(failed):
    job = failed(cause="not-a-number", learning_rate=3e-3, warmup_ratio=0.0, precision="bf16")

    assert changed(job) == {"learning_rate": 3e-4, "warmup_ratio": 0.1, "precision": "fp32"}


def test_a_time_limit_asks_for_the_steps_that_went_into_it(failed):
    assert changed(failed(cause="time-limit", step=200)) == {"max_steps": 180}


@pytest.mark.parametrize(
    ("longest", "expected"), [(900, {"max_length": 900}), (2048, {"max_length": 2048}), (300, {}), (5000, {})]
)
def test_a_length_is_raised_only_as_far_as_the_base_model_reads(failed, longest, expected):
    assert changed(failed(max_length=512, changes={"max_length": longest})) == expected


@pytest.mark.parametrize("offer", [{"default": 64, "locked": True}, {"default": 64, "minimum": 8}])
def test_what_the_site_does_not_allow_is_not_proposed(failed, offer):
    job = failed(cause="out-of-memory", batch_size=8, gradient_checkpointing=True)
    job.method.config = {"parameters": {"batch_size": offer}}

    assert "batch_size" not in changed(job)


@pytest.mark.parametrize("gone", ["method", "base_model", "dataset"])
def test_nothing_is_proposed_where_something_is_gone(failed, gone):
    job = failed(cause="not-a-number")
    getattr(job, gone).delete()

    assert not changed(TrainingJob.objects.get(pk=job.pk))


def test_nothing_is_proposed_where_its_trainer_is_gone(failed):
    job = failed(cause="not-a-number")
    TrainingMethod.objects.update(trainer="kettle")

    assert not changed(TrainingJob.objects.get(pk=job.pk))


def test_nothing_is_proposed_to_one_that_was_cancelled(failed):
    job = failed(cause="not-a-number")
    job.status = Status.CANCELLED

    assert not changed(job)


def test_nothing_is_proposed_for_a_setting_that_it_never_had(failed):
    job = failed(changes={"max_length": 600})
    del job.parameters["max_length"]

    assert not changed(job)


def test_a_value_of_another_kind_under_a_known_name_is_left_alone(data_dir):
    job = records.job(Status.FAILED, **inputs(data_dir), failure={"message": "", "cause": "out-of-memory"})
    job.parameters = {"batch_size": "many", "max_length": None}

    assert not changed(job)


@pytest.mark.parametrize(
    ("name", "again"),
    [("acorn", "acorn-retry"), ("acorn-retry", "acorn-retry-2"), ("acorn-retry-9", "acorn-retry-10")],
)
def test_names_count_on(name, again):
    assert retries.name_again(name) == again


def test_the_longest_name_stays_within_its_bound():
    assert len(retries.name_again("a" * 100)) == 100


@pytest.fixture
def retriable(data_dir):
    """A failed train of a real trainer, whose failure names a change."""
    failure = {"message": "It failed.", "changes": {"steps": 5}}
    more = {"parameters": {"steps": 7, "pause": 0.0}, "changed_parameters": [], "failure": failure, "seed": 3}
    return records.job(Status.FAILED, **inputs(data_dir), **more)


def press(client, job):
    return client.post(reverse("training_jobs:job-retry", args=[job.pk]), follow=True)


def test_the_button_starts_a_train_with_the_changes(client, expert, retriable):
    page = press(client, retriable)

    again = TrainingJob.objects.get(name="acorn-retry")
    assert (again.parameters, again.seed, again.created_by) == ({"steps": 5, "pause": 0.0}, 3, expert)
    assert page.redirect_chain[-1][0] == again.get_absolute_url()
    assert "Started again from" in page.text
    assert "Started again as" in client.get(retriable.get_absolute_url()).text


def test_the_page_of_a_failed_train_shows_the_changes(client, retriable):
    page = client.get(retriable.get_absolute_url()).text

    url = reverse("training_jobs:job-retry", args=[retriable.pk])
    for part in ("<del>7", "<ins>5", "Retry with these changes", f'action="{url}"'):
        assert part in page


def test_the_form_can_be_looked_through_first(client, retriable):
    page = client.get(reverse("training_jobs:job-copy", args=[retriable.pk]) + "?retry").text

    assert 'name="p-steps" value="5"' in page


def test_a_train_that_cannot_be_started_so_any_more_leads_to_the_form(client, retriable, data_dir):
    (data_dir / "rows.jsonl").unlink()

    page = press(client, retriable)

    assert page.redirect_chain[-1][0].endswith("/copy/?retry")
    assert "is not there any more" in page.text


def test_a_train_without_a_known_change_leads_to_the_form(client, failed):
    page = press(client, failed())

    assert page.redirect_chain[-1][0].endswith("/copy/")
    assert "There is nothing to change by itself" in page.text


def test_it_takes_a_login_and_a_post(client, retriable):
    url = reverse("training_jobs:job-retry", args=[retriable.pk])
    assert client.get(url).status_code == 405

    client.logout()

    assert client.post(url).headers["Location"].startswith(reverse("login"))
    assert TrainingMethod.objects.get().jobs.count() == 1
