"""Memory before a train: at least so much by its model's parts, and what speaks against a peak that was measured."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone

from tests.training_jobs import choices, records
from tests.training_jobs.choices import draft, of_method, rail
from tests.training_jobs.engine import write_trainer
from training_jobs import hardware, preflight, rehearsals, workers
from training_jobs.cards import Card
from training_jobs.models import FoundationModel, Rehearsal, Worker
from training_jobs.preflight import Finding
from training_methods.models import TrainingMethod

GB = 10**9
pytestmark = pytest.mark.django_db


@pytest.fixture
def chosen(data_dir: Path) -> dict[str, Any]:
    return choices.made(data_dir)


def size_of(chosen: dict[str, Any], expert) -> tuple[str, str]:
    line = rail(chosen, expert)["Memory"]
    return line.value.replace("\xa0", " "), line.basis


@pytest.mark.parametrize(
    ("changed", "size"),
    [
        ({}, "at least 1.9 GB"),  # a billion weights of two bytes: with “auto” the machine decides
        ({"p-precision": "bf16"}, "at least 1.9 GB"),
        ({"p-precision": "fp32"}, "at least 3.7 GB"),
        ({"p-load_in_4bit": "on"}, "at least 476.8 MB"),
    ],
)
def test_beside_an_adapter_the_weights_alone_take_memory(chosen, expert, changed, size):
    value, basis = size_of(chosen | changed, expert)

    assert value == size
    assert basis == "a lower bound: the base model's weights alone; a micro-run measures it"


@pytest.mark.parametrize("precision", ["auto", "bf16"])
def test_where_every_weight_learns_it_takes_sixteen_bytes(chosen, expert, precision):
    value, basis = size_of(chosen | of_method("sft") | {"p-precision": precision}, expert)

    assert value == "at least 14.9 GB"
    assert basis == "a lower bound: weights, gradients and the optimizer's state; a micro-run measures it"


def test_without_a_number_of_parameters_nothing_is_known(chosen, expert):
    FoundationModel.objects.update(parameter_count=None)

    assert size_of(chosen, expert) == ("Not known yet", "A micro-run of five steps measures it.")


def test_of_own_code_and_of_a_head_that_is_replaced_nothing_is_known(chosen, expert, data_dir):
    write_trainer(data_dir / "trainers", "mine", "pass")
    pairs = records.dataset(name="pairs", data_format="preference", path=str(data_dir))

    assert size_of(chosen | of_method("mine"), expert)[0] == "Not known yet"
    assert size_of(chosen | of_method("reward") | {"dataset": pairs.pk}, expert)[0] == "Not known yet"


def test_what_was_measured_goes_before_what_is_reckoned(chosen, expert):
    measured(chosen, memory=3 * GB)

    assert size_of(chosen, expert) == ("2.8 GB", "at the peak of a micro-run")


def measured(chosen: dict[str, Any], **peaks: int) -> None:
    """As a micro-run of these settings leaves it."""
    now = timezone.now()
    given = {"spec": {}, "queue": "default", "state": Rehearsal.State.DONE, "asked_at": now, "finished_at": now}
    Rehearsal.objects.create(key=rehearsals.key_of(draft(chosen)), seconds_a_step=1.0, **given | peaks)


def limited(gigabytes: float) -> None:
    TrainingMethod.objects.update(config={"resources": {"memory_gb": gigabytes}})


def found(chosen: dict[str, Any], expert) -> list[Finding]:
    return [one for one in preflight.report(draft(chosen), expert).findings if one.about == "Memory"]


@pytest.mark.parametrize(("limit", "level"), [(3.9, "red"), (4.2, "amber"), (5, "green")])
def test_a_peak_is_held_against_the_limit_of_the_method(chosen, expert, limit, level):
    limited(limit)
    measured(chosen, memory=5 * GB, held_memory=4 * GB)

    (one,) = found(chosen, expert)

    assert one.level == level
    for words, said in (("it held 4 GB", one.says), (f"limit of {limit} GB", one.says), ("memory_gb", one.fix)):
        assert (words in said) == (level != "green")


def test_pages_of_files_do_not_count_for_a_limit(chosen, expert):
    limited(4)
    measured(chosen, memory=5 * GB, held_memory=3 * GB)

    assert [one.level for one in found(chosen, expert)] == ["green"]


def test_a_peak_of_an_earlier_version_that_tells_no_more_is_held_against_nothing(chosen, expert):
    limited(1)
    records.worker(memory=GB)
    measured(chosen, memory=5 * GB)

    assert [one.level for one in found(chosen, expert)] == ["green"]


@pytest.mark.parametrize(
    ("there", "level"),
    [
        ([], "green"),
        ([16 * GB], "green"),
        ([3 * GB], "red"),
        ([2 * GB, 3 * GB], "red"),
        ([4.2 * GB], "amber"),
        ([16 * GB, 3 * GB], "amber"),
        ([None], "green"),  # it does not say
        ([3 * GB, None], "amber"),  # the other may have more
    ],
)
def test_a_peak_is_held_against_the_machines_that_could_take_it(chosen, expert, there, level):
    for size in there:
        records.worker(memory=size)
    records.worker(queues="elsewhere", memory=GB)
    records.worker(draining_requested=True, memory=GB)
    measured(chosen, memory=5 * GB, held_memory=4 * GB)

    assert [one.level for one in found(chosen, expert)] == [level]


@pytest.mark.parametrize(
    ("cards", "level"),
    [
        ([80 * GB], "green"),
        ([24 * GB, 24 * GB], "red"),
        ([42 * GB], "amber"),
        ([80 * GB, 24 * GB], "amber"),
        ([None], "green"),  # a part of a divided GPU does not say
        ([24 * GB, None], "amber"),
    ],
)
def test_what_it_takes_of_a_gpu_is_held_against_the_gpus(chosen, expert, cards, level):
    records.worker(memory=64 * GB, cards=["H100"] * len(cards), card_memory=cards)
    measured(chosen, memory=5 * GB, held_memory=4 * GB, gpu_memory=40 * GB)

    (one,) = found(chosen, expert)

    assert one.level == level
    assert ("it took 40 GB of the GPU" in one.says) == (level != "green")


def test_what_a_worker_without_gpus_would_need_is_not_known_from_a_gpu(chosen, expert):
    records.worker(memory=3 * GB)
    records.worker(memory=64 * GB, cards=["L4"], card_memory=[24 * GB])
    measured(chosen, memory=5 * GB, held_memory=4 * GB, gpu_memory=40 * GB)

    assert [one.level for one in found(chosen, expert)] == ["amber"]


@pytest.mark.parametrize(
    ("changed", "ways"),
    [
        (
            {"p-batch_size": "4", "p-gradient_checkpointing": ""},
            "a smaller batch with more gradient accumulation, gradient checkpointing, a shorter maximum length, "
            "a smaller base model",
        ),
        (
            {"p-batch_size": "1", "p-gradient_checkpointing": "on"},
            "a shorter maximum length, a smaller base model",
        ),
    ],
)
def test_it_says_what_would_take_less(chosen, expert, changed, ways):
    limited(1)
    choice = {name: value for name, value in (chosen | changed).items() if value != ""}
    measured(choice, memory=5 * GB, held_memory=4 * GB)

    (one,) = found(choice, expert)

    assert one.fix.startswith(f"Less memory is needed with: {ways}.")


def test_lora_takes_less_than_all_weights(chosen, expert):
    choice = chosen | of_method("sft")
    limited(1)
    measured(choice, memory=5 * GB, held_memory=4 * GB)

    assert "LoRA in place of all weights" in found(choice, expert)[0].fix


def test_workers_say_what_memory_there_is():
    cards = [Card("GPU-a", "H100", 80 * GB), Card("MIG-b", "MIG 3g.20gb")]
    workers.Presence(id=uuid4(), queues=["default"], slots=1, cards=cards).beat()

    worker = Worker.objects.get()
    assert worker.memory == hardware.memory()
    assert worker.card_memory == [80 * GB, None]
