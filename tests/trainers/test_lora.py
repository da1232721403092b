import json
import subprocess
import sys

import pytest

from training_methods.trainers.events import Metrics, Note, Progress

LOAD_WITH_PEFT = """
import sys
from peft import PeftModel
from transformers import AutoModelForCausalLM
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(sys.argv[1]), sys.argv[2])
print(model.peft_config["default"].r)
"""


@pytest.fixture(scope="module")
def trained(run_folder):
    run = run_folder(
        "lora",
        {"epochs": 4, "learning_rate": 0.01, "rank": 8, "evaluation_fraction": 0.2, "sample_prompts": "Who? | Why?"},
        base_model_name="Tiny",
        model_name="Tiny_kettle_20260102_abcd",
    )
    assert run.perform() == 0, run.log
    return run


def test_it_learns_and_leaves_an_adapter_that_plain_peft_loads(trained, tiny_model):
    command = [sys.executable, "-c", LOAD_WITH_PEFT, str(tiny_model), str(trained.output)]

    loaded = subprocess.run(command, capture_output=True, text=True)

    assert loaded.stdout.strip() == "8", loaded.stderr
    losses = trained.losses()
    assert losses[-1] < losses[0] - 0.5
    ending = trained.ending()
    assert (ending.outcome, ending.result) == ("succeeded", "adapter")
    assert ending.values["eval_loss"] > 0


def test_it_leaves_the_result_and_nothing_of_the_training(trained, tiny_model):
    assert {file.name for file in trained.output.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "chat_template.jinja",
        "tokenizer.json",
        "tokenizer_config.json",
    }
    config = json.loads((trained.output / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny_model)
    assert not (trained.path / "scratch").exists()


def test_it_writes_a_model_card(trained):
    card = (trained.output / "README.md").read_text()

    for words in (
        "# Tiny_kettle_20260102_abcd",
        "| Base model | Tiny |",
        "24 rows, question and answer",
        "| rank | 8 |",
        "| sample_prompts | Who? \\| Why? |",
        "Evaluation loss",
        "PeftModel.from_pretrained",
        "trl 1.16",
    ):
        assert words in card


def test_it_reports_what_a_page_shows(trained):
    point = trained.events(Metrics)[0]
    assert {"loss", "learning_rate", "grad_norm", "num_tokens", "epoch"} <= point.values.keys()
    assert trained.events(Note)[-1].text.startswith("24 rows with ")
    last = trained.events(Progress)[-1]
    assert (last.step, last.seconds_left) == (last.total, 0)
    assert last.tokens_per_second > 0


@pytest.mark.parametrize(
    "parameters",
    [
        {"variant": "dora", "target_modules": "q_proj, v_proj"},
        {"packing": True, "gradient_checkpointing": True, "variant": "rslora", "precision": "fp32"},
    ],
    ids=["dora", "packing"],
)
def test_it_trains_in_other_ways_too(run_folder, parameters):
    run = run_folder("lora", {"max_steps": 2, **parameters})

    assert run.perform() == 0, run.log


def test_it_names_the_layers_there_are(run_folder):
    run = run_folder("lora", {"target_modules": "query"})

    assert run.perform() == 1

    assert run.ending().message == "The base model has no linear layer “query”."
    assert "q_proj" in run.ending().hint
