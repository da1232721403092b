"""What the rail expects of a train: each number with what it rests on."""

from pathlib import Path
from typing import Any

import pytest

from tests.tiny_model import make_tiny_model
from tests.training_jobs import choices, records
from tests.training_jobs.choices import draft, of_method, rail
from training_jobs import base_models, preflight, previews, room
from training_jobs.models import FoundationModel, Status, TrainingJob
from training_methods.models import TrainingMethod
from training_methods.trainers.preview import Example, Preview

pytestmark = pytest.mark.django_db


@pytest.fixture
def chosen(data_dir: Path) -> dict[str, Any]:
    return choices.made(data_dir)


def ended(speed: float, status: Status = Status.SUCCEEDED, **fields: Any) -> TrainingJob:
    """A train of the method and base model that are chosen."""
    given = {"method": TrainingMethod.objects.first(), "base_model": FoundationModel.objects.first()}
    return records.job(status, tokens_per_second=speed, **given | fields)


def keep(chosen: dict[str, Any], *, whole: bool, **facts: Any) -> None:
    """As if the rows had been read."""
    question = previews.question(draft(chosen), whole=whole)
    assert question
    question.kept.parent.mkdir(parents=True, exist_ok=True)
    given = {"kind": "shown", "max_length": 512, "has_template": True}
    question.kept.write_text(Preview(**given | facts).model_dump_json())


def example(row: int, tokens: int) -> Example:
    return Example(row=row, pieces=[], tokens=tokens, learnt=1, cut=0, ends=True)


def test_tokens_are_estimated_from_the_file_at_first(chosen, expert):
    line = rail(chosen, expert)["Tokens"]

    assert (line.value, line.basis) == (
        "about 100,000",
        "estimated from the size of the file, at 4 characters a token",
    )


def test_of_the_file_only_the_rows_that_are_used_count(chosen, expert):
    assert rail(chosen | {"p-max_samples": "250"}, expert)["Tokens"].value == "about 25,000"


def test_the_first_rows_tell_more_than_the_file(chosen, expert):
    keep(chosen, whole=False, examples=[example(1, 30), example(2, 40), example(3, 20)])

    line = rail(chosen, expert)["Tokens"]

    assert (line.value, line.basis) == ("about 30,000", "estimated from the first 3 rows")


def test_a_row_that_makes_two_examples_is_one_row(chosen, expert):
    keep(chosen, whole=False, examples=[example(1, 30), example(1, 40)])

    line = rail(chosen, expert)["Tokens"]

    assert (line.value, line.basis) == ("about 70,000", "estimated from the first row")


def test_tokens_that_were_counted_are_exact(chosen, expert):
    keep(chosen, whole=True, complete=True, kept=990, rows=1000, tokens=87_654, learnt=4_321)

    line = rail(chosen, expert)["Tokens"]

    assert (line.value, line.basis) == ("87,654", "counted; 4,321 of them learnt")


def test_what_was_not_read_to_its_end_is_not_taken_for_counted(chosen, expert):
    keep(chosen, whole=True, complete=False, kept=90, rows=90, tokens=9_000, learnt=900)

    assert rail(chosen, expert)["Tokens"].value == "about 100,000"


def test_time_is_that_of_earlier_trains(chosen, expert):
    for speed in (100, 200, 900):
        ended(speed)

    line = rail(chosen, expert)["Time"]

    assert line.value == "about 25 min 00 s"  # 3 epochs of 100,000 tokens, at 200 a second
    assert line.basis == "estimated from 3 earlier trains of this method and base model"


def test_only_the_newest_trains_count(chosen, expert):
    for speed in (1, 1, 1, 1, 1, 1, 100, 100, 100, 100, 100):
        ended(speed)

    assert rail(chosen, expert)["Time"].basis.startswith("estimated from 5 earlier trains")
    assert rail(chosen, expert)["Time"].value == "about 50 min 00 s"


def test_trains_of_something_else_or_that_failed_tell_nothing(chosen, expert):
    ended(100, Status.FAILED)
    ended(100, base_model=records.base_model(name="Oak"))
    ended(100, method=records.method(internal_name="other", display_name="Other"))
    ended(0)

    assert rail(chosen, expert)["Time"].value == "Not known yet"


def test_trains_whose_base_model_was_deleted_are_not_those_of_one_that_is_not_chosen_yet(chosen, expert):
    ended(100, base_model=None)

    assert rail(chosen | {"base_model": ""}, expert)["Time"].value == "Not known yet"


@pytest.mark.parametrize(
    ("changed", "time"),
    [
        ({"p-epochs": "1"}, "about 16 min 40 s"),  # 100,000 tokens at 100 a second
        ({"p-evaluation_fraction": "0.4"}, "about 30 min 00 s"),  # three times the 600 rows that are left
        ({"p-max_steps": "60", "p-batch_size": "4", "p-gradient_accumulation_steps": "1"}, "about 4 min 00 s"),
        ({"p-max_steps": "60", "p-batch_size": "4", "p-gradient_accumulation_steps": "2"}, "about 8 min 00 s"),
        (
            {"p-max_steps": "3", "p-batch_size": "4", "p-gradient_accumulation_steps": "1", "p-packing": "on"},
            "about 1 min 01 s",
        ),
    ],
)
def test_time_follows_the_amount(chosen, expert, changed, time):
    ended(100)

    assert rail(chosen | changed, expert)["Time"].value == time


@pytest.mark.parametrize("trainer", ["grpo", "rloo", "ppo", "distillation"])
def test_rows_do_not_tell_how_long_answers_get(chosen, expert, trainer):
    choice = chosen | of_method(trainer)
    ended(100, method=TrainingMethod.objects.get(internal_name=trainer))

    line = rail(choice | {"p-teacher": "Acorn-135M"}, expert)["Time"]

    assert line.value == "Not known yet"
    assert "answers get" in line.basis


def test_packing_decides_how_many_steps_there_are(chosen, expert):
    choice = chosen | {"p-packing": "on", "p-epochs": "3", "p-batch_size": "4", "p-gradient_accumulation_steps": "1"}
    before = rail(choice, expert)["Steps"]
    keep(choice, whole=True, complete=True, kept=1000, rows=1000, tokens=80_000, learnt=9_000, packed=160)

    after = rail(choice, expert)["Steps"]

    assert (before.value, before.basis) == ("Not known yet", "Packing decides: “Check” counts them.")
    assert after.value == "120"


def test_packing_does_not_decide_where_the_steps_are_given(chosen, expert):
    assert rail(chosen | {"p-packing": "on", "p-max_steps": "7"}, expert)["Steps"].value == "7"


@pytest.mark.parametrize(
    ("trainer", "base_model", "size"),
    [
        ("sft", {}, "about 24.2 GB"),  # two checkpoints of 12 bytes a parameter, and the 2 GB of the base model
        ("sft", {"weights": "gguf", "size_bytes": 6 * 10**8}, "about 24.2 GB"),  # unpacked to 2 bytes a parameter
        ("lora", {}, "Not known yet"),  # the folder holds no weights of which layers could be read
    ],
)
def test_the_disk_takes_two_checkpoints_and_the_result(chosen, expert, trainer, base_model, size):
    FoundationModel.objects.update(**base_model)
    choice = chosen if trainer == "lora" else chosen | of_method(trainer)

    line = rail(choice, expert)["Disk"]

    assert line.value.replace("\xa0", " ") == size
    assert "are free" in line.basis


def test_an_adapter_takes_little_and_a_reward_model_a_whole_one(chosen, expert, tmp_path):
    tiny = base_models.add(str(make_tiny_model(tmp_path / "tiny")), name="Tiny")
    FoundationModel.objects.filter(pk=tiny.pk).update(size_bytes=10**12)
    choice = chosen | {"base_model": tiny.pk}

    assert rail(choice, expert)["Disk"].value.endswith("KB")
    pairs = records.dataset(name="pairs", data_format="preference", path=str(tmp_path))
    reward = choice | of_method("reward") | {"dataset": pairs.pk}
    assert rail(reward, expert)["Disk"].value.replace("\xa0", " ") == "about 931.3 GB"


@pytest.mark.parametrize(("spare", "level"), [(-1, "red"), (1, "green")])
def test_more_than_there_is_beside_the_reserve_stands_in_the_way(chosen, expert, settings, spare, level):
    settings.DISK_RESERVE_GB = room.free() / 4
    FoundationModel.objects.update(size_bytes=(room.free() * 3 / 4 - spare) * room.GIGABYTE // 1, parameter_count=1)

    report = preflight.report(draft(chosen | of_method("sft")), expert)

    (found,) = [one for one in report.findings if one.about == "Disk"]
    assert found.level == level
    assert found.says.startswith("About ") and "are needed" in found.says
    assert bool(found.fix) == (level == "red")
