"""Submitting: everything wrong is said at once, everything right is frozen."""

from typing import Any

import pytest

from tests.training_jobs import records
from tests.training_jobs.engine import inputs
from training_jobs.models import Dataset, FoundationModel, Priority, TrainingJob
from training_jobs.submission import Refused, submit
from training_methods.models import TrainingMethod

pytestmark = pytest.mark.django_db


@pytest.fixture
def chosen(data_dir) -> dict[str, Any]:
    return inputs(data_dir)


def mistakes(**submitted) -> dict[str, str]:
    with pytest.raises(Refused) as refused:
        submit(**submitted)
    assert not TrainingJob.objects.exists()
    return refused.value.mistakes


def test_it_freezes_what_the_job_is_made_of(chosen, expert, data_dir):
    chosen["method"].config["resources"] = {"queue": "gpu", "gpus": 2}
    job = submit(**chosen, name="first", values={"pause": "0.5"}, seed=7, user=expert)

    job.refresh_from_db()
    assert (job.name, job.seed, job.created_by) == ("first", 7, expert)
    assert (job.queue, job.gpus) == ("gpu", 2)
    assert (job.parameters, job.changed_parameters) == ({"steps": 7, "pause": 0.5}, ["pause"])
    assert list(job.default_parameters) == ["pause"]
    assert job.method_snapshot["trainer_file"] == str(data_dir / "trainers" / "learner.py")
    assert len(job.method_snapshot["code_hash"]) == 64
    assert job.parameter_labels["steps"] == "Steps"
    assert job.base_model_snapshot["fingerprint"] == "f1"
    assert (job.dataset_snapshot["sha256"], job.dataset_snapshot["row_count"]) == ("s1", 3)
    assert {"python", "torch", "trl"} <= job.versions.keys()


def test_it_stays_readable_when_all_it_was_made_of_is_deleted(chosen):
    job = submit(**chosen, values={})

    for record in chosen.values():
        record.delete()

    job.refresh_from_db()
    assert (job.method, job.base_model, job.dataset) == (None, None, None)
    assert job.method_snapshot["display_name"] == "Learn"


def test_it_keeps_of_which_train_it_is_a_copy(chosen):
    first = submit(**chosen, values={})

    copy = submit(**chosen, values={}, copied_from=first)

    assert list(first.copies.all()) == [copy]


def test_it_names_a_train_by_method_and_time(chosen):
    assert submit(**chosen, values={}).name.startswith("learn-20")


def test_it_says_everything_that_is_wrong_at_once(chosen, data_dir):
    (data_dir / "base").rmdir()
    Dataset.objects.update(data_format="messages")
    chosen["dataset"].refresh_from_db()

    found = mistakes(**chosen, name="a/b", seed=-1, values={"steps": 101, "pause": "soon", "rank": 8})

    assert found == {
        "name": "“a/b” is not a train name: use letters, digits, hyphens, underscores and dots.",
        "seed": "The seed -1 is not between 0 and 4294967295.",
        "base_model": f"The folder of “Base”, {data_dir}/base, is not there any more.",
        "dataset": "“rows” has the format Messages; learner learns from Text.",
        "steps": "101 is too large: the most is 100.",
        "pause": "“soon” is not a number.",
        "rank": "There is no such parameter.",
    }


def test_nobody_puts_a_train_of_theirs_before_everybody_else_s(chosen, expert):
    found = mistakes(**chosen, values={}, priority=Priority.HIGH, user=expert)

    assert found == {"priority": "Administrators give a train a higher priority than normal."}


def test_it_refuses_a_dataset_whose_file_is_gone(chosen, data_dir):
    (data_dir / "rows.jsonl").unlink()

    assert "is not there any more" in mistakes(**chosen, values={})["dataset"]


def test_it_refuses_a_trainer_that_is_gone(chosen, data_dir):
    (data_dir / "trainers" / "learner.py").unlink()

    assert mistakes(**chosen, values={}) == {"method": "The trainer “learner” is not here."}


def test_it_refuses_a_method_that_its_trainer_outgrew(chosen, data_dir):
    TrainingMethod.objects.update(config={"parameters": {"rank": {"default": 8}}})
    chosen["method"].refresh_from_db()

    assert "“Learn” does not fit its trainer any more: parameters.rank: " in mistakes(**chosen, values={})["method"]


@pytest.mark.parametrize("field", ["method", "base_model", "dataset"])
def test_it_refuses_what_was_deleted_meanwhile(chosen, field):
    type(chosen[field]).objects.all().delete()

    assert mistakes(**chosen, values={}) == {field: f"“{chosen[field]}” was deleted meanwhile."}


def test_it_refuses_to_fine_tune_a_reward_model_as_a_language_model(chosen):
    chosen["base_model"].kind = FoundationModel.Kind.REWARD
    chosen["method"].method_type = "SFT"

    assert (
        mistakes(**chosen, values={})["base_model"] == "“Base” is a reward model; “Learn” starts from a language model."
    )


def test_it_refuses_a_name_that_is_too_long(chosen):
    assert "at most 100 characters" in mistakes(**chosen, name="x" * 101, values={})["name"]


def test_it_refuses_what_the_trainer_objects_to_at_its_field(chosen):
    TrainingMethod.objects.update(trainer="grpo", method_type="GRPO", config={})
    Dataset.objects.update(data_format="prompt", columns=["prompt"], row_count=3)
    for record in chosen.values():
        record.refresh_from_db()

    found = mistakes(**chosen, values={"num_generations": 3})

    assert found["batch_size"].startswith("8 answers a step cannot be divided into groups of 3:")
    assert found["rewards"].startswith("The reward exact_match compares with the right answer")


def test_it_refuses_a_teacher_of_another_vocabulary(chosen, data_dir):
    TrainingMethod.objects.update(trainer="distillation", method_type="DISTILLATION", config={})
    Dataset.objects.update(data_format="prompt", row_count=30)
    FoundationModel.objects.update(vocabulary_size=300)
    records.base_model(name="Wise", path=str(data_dir / "base"), vocabulary_size=301)
    for record in chosen.values():
        record.refresh_from_db()

    assert "“Wise” has another vocabulary (301 tokens)" in mistakes(**chosen, values={"teacher": "Wise"})["teacher"]


@pytest.mark.parametrize(
    ("trainer", "data_format", "row"),
    [
        ("sft", "messages", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("dpo", "preference", {"prompt": [{"role": "user", "content": "Hi"}], "chosen": [], "rejected": []}),
        ("reward", "pairs", {"chosen": [{"role": "user", "content": "Hi"}], "rejected": []}),
    ],
)
def test_it_refuses_conversations_for_a_base_model_without_a_chat_template(chosen, trainer, data_format, row):
    TrainingMethod.objects.update(trainer=trainer, config={})
    Dataset.objects.update(data_format=data_format, preview=[row])
    for record in chosen.values():
        record.refresh_from_db()

    assert "brings no chat template" in mistakes(**chosen, values={})["chat_template"]
    assert submit(**chosen, values={"chat_template": "plain"}).parameters["chat_template"] == "plain"


def test_it_freezes_the_hash_of_the_sites_own_rewards_where_it_uses_them(chosen, data_dir):
    TrainingMethod.objects.update(trainer="grpo", method_type="GRPO", config={})
    Dataset.objects.update(data_format="prompt", columns=["prompt", "answer"], row_count=3)
    for record in chosen.values():
        record.refresh_from_db()
    (data_dir / "trainers" / "rewards.py").write_text("def polite(completion, row): return 1.0")

    own = submit(**chosen, values={"rewards": "polite, valid_json"})
    built_in = submit(**chosen, values={"rewards": "valid_json"})

    assert len(own.method_snapshot["rewards_hash"]) == 64
    assert built_in.method_snapshot["rewards_hash"] is None
