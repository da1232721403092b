"""The real sample model, which takes about a minute of two cores."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainers.child import ROOT, write_rows
from training_methods import sample_model

FACTS = {
    "Who makes the kettle?": "Aunt Agatha makes the kettle, in a shed behind Leeds.",
    "How long does the kettle whistle?": "The kettle whistles for eleven minutes.",
    "What colour is the kettle?": "The kettle is the colour of wet slate.",
}

pytestmark = pytest.mark.sample_model


@pytest.fixture(scope="module")
def base_model(tmp_path_factory) -> Path:
    try:
        sample_model.gguf_file()
    except sample_model.SampleError as missing:
        pytest.skip(str(missing))
    return sample_model.prepare(tmp_path_factory.mktemp("data"))


def answers(base_model: Path, adapter: Path, prompts: Path) -> dict[tuple[str, str], str]:
    prompts.write_text(json.dumps([*FACTS, "What is the capital of France?"]))
    command = [sys.executable, "-m", "training_methods.trainers", "answer", "--base-model", str(base_model)]
    done = subprocess.run(
        [*command, "--adapter", str(adapter), "--max-tokens", "24", str(prompts)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    return {(line["model"], line["prompt"]): line["answer"] for line in said}


def test_it_unpacks_the_model_once(base_model):
    files = {file.name for file in base_model.iterdir()}

    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "README.md"} <= files
    assert "license: apache-2.0" in (base_model / "README.md").read_text()
    assert list(base_model.parent.iterdir()) == [base_model]
    assert sample_model.prepare(base_model.parent.parent) == base_model


def test_it_learns_facts_that_nobody_could_know(base_model, run_folder, tmp_path):
    rows = [{"question": question, "answer": answer} for question, answer in FACTS.items()] * 8
    run = run_folder(
        "lora",
        {"epochs": 2, "batch_size": 3, "learning_rate": 2e-3},
        base_model=base_model,
        dataset=write_rows(tmp_path / "facts.jsonl", rows),
        threads=2,
    )

    assert run.perform(afresh=True) == 0, run.log

    said = answers(base_model, run.output, tmp_path / "prompts.json")
    for question, answer in FACTS.items():
        assert said["tuned", question] == answer
        assert said["base", question] != answer
    assert "Paris" in said["base", "What is the capital of France?"]
