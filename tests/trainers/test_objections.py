"""What recipes have against a run, told from settings and facts alone."""

from pathlib import Path
from typing import Any

import pytest

from training_methods.trainers import Inputs, discovery, objections
from training_methods.trainers.inputs import DatasetFile, ModelFacts

REWARDS = """
from math import sqrt
half = lambda completion, row: 0.5
if True:
    def polite(completion, row): return 1.0
"""


@pytest.fixture
def rewards_file(tmp_path: Path) -> Path:
    (tmp_path / "rewards.py").write_text(REWARDS)
    return tmp_path / "rewards.py"


def inputs(**facts: Any) -> Inputs:
    """Of ten rows, each a prompt with its answer."""
    rows = {"path": "rows.jsonl", "data_format": "prompt", "columns": ["prompt", "answer"], "row_count": 10}
    model = {"weights": "safetensors", "vocabulary_size": 300} | facts.pop("base_model", {})
    dataset = DatasetFile.model_validate(rows | facts.pop("dataset", {}))
    return Inputs(base_model=ModelFacts.model_validate(model), dataset=dataset, **facts)


def said(trainer: str, given: Inputs | None = None, **values: Any) -> dict[str, str]:
    recipe = discovery.load_trainer(trainer)(**values)
    return objections.found(recipe, given or inputs())


def test_nothing_is_said_against_the_defaults():
    for slug in ("sft", "lora", "dpo", "grpo", "rloo"):
        assert said(slug) == {}


@pytest.mark.parametrize("trainer", ["grpo", "rloo"])
@pytest.mark.parametrize(
    ("values", "field", "sentence"),
    [
        ({"batch_size": 8, "num_generations": 3}, "batch_size", "8 answers a step cannot be divided into groups of 3:"),
        ({"batch_size": 88, "num_generations": 8}, "batch_size", "A step takes 11 prompts, and there are 10:"),
        ({"batch_size": 32, "num_generations": 8, "max_samples": 3}, "batch_size", "4 prompts, and there are 3:"),
        ({"rewards": "kind"}, "rewards", "There is no reward “kind”. There are exact_match, "),
        ({"rewards": "length(2)"}, "rewards", "it has length(2), and length takes least (a whole number)"),
    ],
)
def test_it_says_what_cannot_be_sampled_or_rated(trainer, values, field, sentence):
    found = said(trainer, **values)

    assert list(found) == [field]
    assert sentence in found[field]


def test_a_reward_may_need_an_answer(rewards_file):
    mute = inputs(dataset={"columns": ["prompt", "topic"]})

    assert "compares with the right answer, and the dataset has no column “answer”" in said("grpo", mute)["rewards"]
    assert said("grpo", mute, rewards="valid_json") == {}
    assert said("grpo", inputs(dataset={"columns": None})) == {}
    answered = {"data_format": "prompt-completion", "columns": ["prompt", "answer"]}
    assert said("grpo", inputs(dataset=answered)) == {}
    assert said("grpo", inputs(dataset={"columns": ["prompt", "solution"]})) == {}


def test_the_rewards_of_the_site_are_known_without_running_its_file(rewards_file):
    given = inputs(rewards_file=rewards_file)

    assert said("grpo", given, rewards="polite, half: 0.5") == {}
    assert said("grpo", given, rewards="sqrt")["rewards"].endswith("language, half, polite.")


def test_a_rewards_file_that_cannot_be_read_is_said_with_its_line(rewards_file):
    rewards_file.write_text("x = 1\ndef polite(:\n")

    found = said("grpo", inputs(rewards_file=rewards_file), rewards="polite")

    assert found == {"rewards": "The site's own rewards do not load: rewards.py, line 2: invalid syntax."}


def test_a_whole_gguf_model_cannot_be_held_to_itself():
    gguf = inputs(base_model={"weights": "gguf"})

    assert "GGUF" in said("grpo", gguf, beta=0.1, use_lora=False)["use_lora"]
    assert said("grpo", gguf, beta=0.1) == said("grpo", gguf, use_lora=False) == {}


def test_exo_pair_needs_label_smoothing():
    found = said("dpo", loss_type="exo_pair")

    assert found == {"label_smoothing": "The loss exo_pair needs a label smoothing above 0; 0.001 is usual."}
    assert said("dpo", loss_type="exo_pair", label_smoothing=0.001) == {}


@pytest.mark.parametrize("trainer", ["sft", "lora"])
@pytest.mark.parametrize(
    "values",
    [
        {"keep_best": True},
        {"patience": 2},
        {"keep_best": True, "evaluation_fraction": 0.04},
        {"keep_best": True, "evaluation_fraction": 0.5, "max_samples": 1},
    ],
)
def test_the_best_weights_need_rows_that_are_held_out(trainer, values):
    assert "no rows are held out" in said(trainer, **values)["evaluation_fraction"]
    assert said(trainer, **values | {"evaluation_fraction": 0.1, "max_samples": None}) == {}


def test_a_teacher_speaks_the_language_of_its_pupil():
    models = {"wise": ModelFacts(name="wise", vocabulary_size=301), "alike": ModelFacts(vocabulary_size=300)}
    given = inputs(models=models)

    assert said("distillation", given, teacher="wise")["teacher"].startswith(
        "“wise” has another vocabulary (301 tokens) than the base model (300), so their words cannot be compared:"
    )
    assert said("distillation", given, teacher="alike") == said("distillation", given, teacher="/a/folder") == {}


def test_a_value_model_speaks_the_language_of_its_policy():
    sizes = {"strange": 30_000, "filled": 50_128}
    models = {name: ModelFacts(name=name, vocabulary_size=size) for name, size in sizes.items()}
    given = inputs(models=models, base_model={"vocabulary_size": 50_000}, dataset={"row_count": 16})

    assert said("ppo", given, reward_model="strange")["reward_model"].startswith(
        "“strange” has another vocabulary (30,000 tokens) than the base model (50,000)"
    )
    assert said("ppo", given, reward_model="filled") == said("grpo", given, reward_model="strange") == {}


WRITES_TURNS = [
    offer
    for offer in discovery.describe_built_in().trainers
    if "chat_template" in [parameter.name for parameter in offer.parameters]
]


@pytest.mark.parametrize("trainer", WRITES_TURNS, ids=lambda offer: offer.slug)
def test_conversations_need_a_chat_template(trainer):
    needed = {parameter.name: "given" for parameter in trainer.parameters if parameter.required}
    turns = inputs(base_model={"has_chat_template": False}, dataset={"in_turns": True})

    assert "choose plain," in said(trainer.slug, turns, **needed)["chat_template"]
    assert "chat_template" not in said(trainer.slug, turns, chat_template="plain", **needed)


@pytest.mark.parametrize(
    ("model", "rows", "refused"),
    [
        ({"has_chat_template": False}, {"data_format": "messages"}, True),
        ({"has_chat_template": False}, {"data_format": "text"}, False),
        ({"has_chat_template": True}, {"data_format": "messages"}, False),
        ({}, {"data_format": "messages"}, False),
    ],
)
def test_only_what_is_known_to_be_missing_is_missed(model, rows, refused):
    assert ("chat_template" in said("sft", inputs(base_model=model, dataset=rows))) is refused


def test_a_folder_tells_what_it_is(tmp_path):
    (tmp_path / "config.json").write_text('{"vocab_size": 300, "max_position_embeddings": 64}')
    (tmp_path / "model.gguf").touch()

    facts = ModelFacts.of(tmp_path, "small")

    assert facts == ModelFacts(name="small", weights="gguf", vocabulary_size=300, context_length=64)


@pytest.mark.parametrize("config", ["", "[1]", '{"vocab_size": "many"}'])
def test_a_folder_that_tells_nothing_is_no_mistake(tmp_path, config):
    (tmp_path / "config.json").write_text(config)

    assert ModelFacts.of(tmp_path).vocabulary_size is None
