import re

import pytest
from django.urls import reverse

from tests.training_jobs import records
from training_jobs import run_folders
from training_methods import catalog

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def signed_in(client, expert):
    client.force_login(expert)


@pytest.fixture
def job():
    lora, base_model, dataset = records.method(), records.base_model(), records.dataset()
    trainer = catalog.get("lora")
    parameters = {parameter.name: parameter.default for parameter in trainer.parameters} | {"rank": 77}
    snapshot = {"display_name": lora.display_name, "code_hash": trainer.code_hash}
    links = {"method": lora, "base_model": base_model, "dataset": dataset}
    return records.job(**links, method_snapshot=snapshot, parameters=parameters, seed=7)


def copy(client, job) -> str:
    return client.get(reverse("training_jobs:job-copy", args=[job.pk])).text


def test_the_form_is_filled_in_as_the_train_was(client, job):
    page = copy(client, job)

    for part in ('value="acorn-copy"', 'value="lora" selected', 'value="77"', 'value="7"', "Filled in as"):
        assert part in page
    assert "notice-warning" not in page
    assert re.search(rf'type="hidden" name="copied_from" value="{job.pk}"', page)
    assert f'action="{reverse("training_jobs:job-new")}"' in page


def test_a_copy_is_offered_a_name_that_is_free(client, job):
    records.job(name="acorn-copy")
    other = records.job(name="acorn-copy-2")

    assert 'value="acorn-copy-3"' in copy(client, job)
    assert 'value="acorn-copy-3"' in copy(client, other)


def test_a_new_train_is_offered_a_name_that_is_free(client, job):
    records.job(name="train-3")

    assert 'value="train-4"' in client.get(reverse("training_jobs:job-new")).text


def departing(page: str) -> list[str]:
    """The names of settings that are marked as other than in the train copied."""
    return re.findall(r'class="setting[^"]* departs".*?name="p-(\w+)"', page, re.DOTALL)


def test_what_is_changed_is_marked_beside_the_value_of_the_train_copied(client, job):
    assert departing(copy(client, job)) == []

    sent = {"method": "lora", "settings_of": "lora", "copied_from": job.pk, "look": "1", "shown_as": "fields"}
    page = client.post(reverse("training_jobs:job-new"), sent | {"p-rank": "8"}).text

    assert "rank" in departing(page)
    assert "in the train copied: 77" in page


def test_fractions_are_written_in_digits(client, job):
    job.parameters |= {"learning_rate": 5e-05, "max_grad_norm": 2.0}
    job.save()

    page = copy(client, job)

    assert 'value="0.00005"' in page and "5e-05" not in page
    assert 'value="2"' in re.search(r"<input[^>]*p-max_grad_norm[^>]*>", page)[0]


def test_a_form_that_copies_nothing_marks_nothing(client, job):
    page = client.get(f"{reverse('training_jobs:job-new')}?method=lora").text

    assert "in the train copied" not in page and "data-origin" not in page


def test_it_says_what_is_deleted(client, job):
    job.dataset.delete()
    records.dataset(name="another")

    assert "The dataset “house-style” is deleted: choose another." in copy(client, job)


def test_a_deleted_method_can_be_replaced(client, job):
    job.method.delete()
    records.method(internal_name="other", display_name="Other")

    assert "The training method “LoRA fine-tuning” is deleted: choose another." in copy(client, job)


@pytest.mark.parametrize(
    ("config", "parameters", "sentence"),
    [
        ({"rank": {"default": 8, "locked": True}}, {}, "“Rank” is fixed at 8 now; it was 77."),
        ({}, {"warp": 9}, "no longer has “warp”, which was 9."),
    ],
)
def test_it_says_where_the_method_offers_something_else_now(client, job, config, parameters, sentence):
    job.method.config = {"parameters": config}
    job.method.save()
    job.parameters |= parameters
    job.save()

    assert sentence in copy(client, job)


def test_it_says_that_the_code_has_changed(client, job):
    job.method_snapshot["code_hash"] = "another"
    job.save()

    assert "The code of LoRA fine-tuning has changed since." in copy(client, job)


def test_it_says_that_the_sites_own_rewards_have_changed(client, job, data_dir):
    (data_dir / "trainers").mkdir()
    rewards, sentence = data_dir / "trainers" / "rewards.py", "The site&#x27;s own rewards have changed since."
    rewards.write_text("def kind(prompt, answer, row):\n    return 1.0\n")
    job.method_snapshot["rewards_hash"] = run_folders.hash_of(rewards)
    job.save()

    assert sentence not in copy(client, job)
    rewards.write_text("def kind(prompt, answer, row):\n    return 0.0\n")
    assert sentence in copy(client, job)
    rewards.unlink()
    assert sentence in copy(client, job)


def test_rewards_of_its_own_are_nothing_to_a_train_that_had_none(client, job, data_dir):
    (data_dir / "trainers").mkdir()
    (data_dir / "trainers" / "rewards.py").write_text("def kind(prompt, answer, row):\n    return 1.0\n")

    assert "notice-warning" not in copy(client, job)


def test_it_says_that_a_setting_names_another_base_model_now(client, job):
    records.base_model(name="Wise", fingerprint="b" * 64)
    job.reference_snapshots = {"teacher": {"id": 1, "name": "Wise", "fingerprint": "a" * 64}}
    job.save()

    assert "The base model “Wise” is another one than in the train copied." in copy(client, job)


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (
            {"interpreter": "/opt/b/bin/python"},
            "Interpreter: the worker&#x27;s own in the train copied, /opt/b/bin/python now.",
        ),
        ({"resources": {"gpus": 2}}, "GPUs asked for: one where there are any in the train copied, 2 now."),
        ({"resources": {"queue": "large"}}, "Queue: default in the train copied, large now."),
        ({"resources": {"time_limit_minutes": 1}}, "Time limit: no limit in the train copied, 1 minute now."),
        ({"resources": {"memory_gb": 6.5}}, "Memory limit: no limit in the train copied, 6.5 GB now."),
    ],
)
def test_it_says_how_the_method_runs_its_trains_otherwise_now(client, job, config, sentence):
    if "interpreter" in config:  # scripts alone have one
        script, job.method.method_type = catalog.get("custom02"), "CUSTOM"
        job.method.trainer, job.method_snapshot["code_hash"] = script.slug, script.code_hash
        job.save()
    job.method.config = config
    job.method.save()

    assert sentence in copy(client, job)


def test_it_needs_a_login(client, job):
    client.logout()

    assert client.get(reverse("training_jobs:job-copy", args=[job.pk])).status_code == 302
