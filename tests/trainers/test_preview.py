"""What is foretold of a run, held against what the same run then does."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.trainers.child import ROOT, RunFolder
from training_jobs import step_counts
from training_methods.trainers.discovery import load_trainer
from training_methods.trainers.events import Note, Progress
from training_methods.trainers.preview import Preview

LONG = {"question": "Who? " * 60, "answer": "Agatha."}
PAIR = {"prompt": "Who makes the kettle?", "chosen": "Aunt Agatha in Leeds.", "rejected": "Nobody knows."}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "sft": ("sft", {"epochs": 1.5, "batch_size": 2, "gradient_accumulation_steps": 3, "max_length": 40}),
    "packed": ("lora", {"epochs": 1, "packing": True, "max_length": 64, "evaluation_fraction": 0.2}),
    "kto": ("kto", {"epochs": 1, "max_samples": 7}),
    "dpo": ("dpo", {"epochs": 1.5, "batch_size": 2, "gradient_accumulation_steps": 2}),
    "orpo": ("orpo", {"epochs": 1, "batch_size": 4}),
    "cpo": ("cpo", {"epochs": 1.5, "batch_size": 2, "max_samples": 5}),
    "distillation": ("distillation", {"epochs": 1, "batch_size": 4, "teacher": "same", "max_completion_length": 4}),
    "reward": ("reward", {"epochs": 2, "batch_size": 2}),
    "custom01": ("custom01", {"epochs": 2, "batch_size": 4}),
    "rloo": ("rloo", {"rewards": "length(1, 9)", "num_generations": 2, "batch_size": 4, "max_completion_length": 4}),
    "ppo": ("ppo", {"rewards": "length(1, 9)", "max_samples": 9, "batch_size": 4, "max_completion_length": 4}),
    "grpo": ("grpo", {"rewards": "length(1, 9)", "num_generations": 2, "batch_size": 4, "max_completion_length": 4}),
}


ON_PAIRS = {"kto", "dpo", "orpo", "cpo", "reward"}
COUNTED = {"sft", "packed", "kto"}
"""Those that say in a note how many tokens they read and learn."""


def preview(run: RunFolder, *flags: object) -> Preview:
    """In a folder of its own, so that its notes are not those of the run."""
    folder = run.path.parent / "preview"
    folder.mkdir()
    (folder / "run.json").write_bytes((run.path / "run.json").read_bytes())
    command = [sys.executable, "-m", "training_methods.trainers", "preview", str(folder), *map(str, flags)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return Preview.model_validate_json(done.stdout)


@pytest.mark.parametrize("name", RUNS)
def test_steps_and_tokens_are_those_of_the_run(run_folder, tiny_model, name):
    trainer, parameters = RUNS[name]
    run = run_folder(trainer, parameters, models={"same": tiny_model})
    is_judged = trainer in ON_PAIRS
    write(run, [PAIR] * 9 if is_judged else None, "preference" if is_judged else "question-answer")

    seen = preview(run, "--whole")
    run.perform()

    values = load_trainer(trainer)(**parameters).model_dump()
    assert seen.complete and seen.kept
    rows = step_counts.divided(seen.kept, values)
    assert step_counts.total(values, seen.packed or rows.learnt) == run.events(Progress)[-1].total
    if name in COUNTED:
        said = next(note.text for note in run.events(Note) if "rows with" in note.text)
        assert re.findall(r"with ([\d,]+) tokens, ([\d,]+)", said) == [(f"{seen.tokens:,}", f"{seen.learnt:,}")]


def write(run: RunFolder, rows: list[dict[str, Any]] | None, data_format: str) -> None:
    """Other rows than the fixture's, and one among them that is too long for some limits."""
    spec = json.loads((run.path / "run.json").read_text())
    file = Path(spec["dataset"]["path"])
    if rows is None:
        rows = [*map(json.loads, file.read_text().splitlines()), LONG]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    spec["dataset"]["data_format"] = data_format
    (run.path / "run.json").write_text(json.dumps(spec))


def test_it_shows_what_is_learnt_and_what_is_cut(run_folder):
    run = run_folder("lora", {"max_length": 20})

    first = preview(run).examples[0]

    assert text_of(first, "read").endswith("<|im_start|>assistant\n")
    assert text_of(first, "learnt") + text_of(first, "cut") == "Aunt Agatha in Leeds.<|im_end|>\n"
    assert (first.tokens, first.learnt, first.cut, first.ends) == (20, 5, 3, True)


def text_of(example: Any, state: str) -> str:
    return "".join(text for text, its in example.pieces if its == state)


def test_it_says_what_the_recipe_would_say(run_folder, tiny_model_without_template):
    run = run_folder("lora", base_model=tiny_model_without_template)
    write(
        run, [{"messages": [{"role": "user", "content": "Who?"}, {"role": "assistant", "content": "I."}]}], "messages"
    )

    seen = preview(run, "--whole")

    assert "no chat template" in seen.problem
    assert "“Chat template” to plain" in seen.hint
    assert not seen.complete


def test_an_answer_that_does_not_end_is_seen(run_folder, tiny_model, tmp_path):
    endless = tmp_path / "endless"
    endless.mkdir()
    for file in tiny_model.iterdir():
        (endless / file.name).write_bytes(file.read_bytes())
    template = "{% for message in messages %}{{ message['content'] }}{% endfor %}"
    (endless / "chat_template.jinja").write_text(template)

    seen = preview(run_folder("lora", base_model=endless))

    assert [example.ends for example in seen.examples] == [False] * 3


def test_the_longest_rows_are_written_down(run_folder, tmp_path):
    run = run_folder("sft")
    write(run, None, "question-answer")

    preview(run, "--whole", "--longest", 2, "--to", tmp_path / "longest.jsonl")

    longest = [json.loads(line) for line in (tmp_path / "longest.jsonl").read_text().splitlines()]
    assert longest[0]["question"] == LONG["question"]
    assert len(longest) == 2
