import json
import subprocess
import sys

import pytest
from pydantic import ValidationError

from training_methods.trainers import TrainingError
from training_methods.trainers.failures import failure
from training_methods.trainers.lora import Lora
from training_methods.trainers.row_files import Unreadable


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TrainingError("The kettle is cold."), "The kettle is cold."),
        (Unreadable("has a bad line 7: it is empty"), "The dataset cannot be read: it has a bad line 7: it is empty."),
        (MemoryError(), "The machine ran out of memory."),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "The graphics card ran out of memory."),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "The machine ran out of memory."),
        (OSError(28, "No space left on device"), "The disk is full."),
        (
            ModuleNotFoundError("No module named 'kettle'", name="kettle"),
            "The Python package “kettle” is not installed",
        ),
        (SystemExit(3), "The trainer ended the process by itself (exit code 3)."),
        (KeyError("kettle"), "The training stopped with an error the trainer did not expect: KeyError: 'kettle'"),
    ],
)
def test_it_finds_words(error, words):
    assert failure(error).message.startswith(words)


@pytest.mark.parametrize("error", [SystemExit(3), KeyError("kettle"), Unreadable("is empty"), MemoryError()])
def test_it_says_what_to_do(error):
    assert failure(error).hint


def test_it_shows_where_an_unexpected_error_came_from():
    with pytest.raises(ZeroDivisionError) as caught:
        1 / 0  # noqa: B018

    told = failure(caught.value)

    assert told.message.endswith("ZeroDivisionError: division by zero")
    assert "Traceback" in told.traceback


def test_it_shows_the_line_of_the_sites_own_code(run_folder, own_trainer):
    file = own_trainer('json.loads("no json")', before="import json")
    run = run_folder("mine", trainer_file=file)

    assert run.perform() == 1

    assert run.ending().cause == "code"
    assert run.ending().evidence == f'{file}, line 16\n    json.loads("no json")'
    assert run.ending().hint == "Correct it. “manage.py check_trainer mine” tries it on a tiny model."


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("import kettle_that_is_not_there", "mine.py, line 2: ModuleNotFoundError: No module named 'kettle_that"),
        ("def kettle(:", "mine.py, line 2: SyntaxError"),
        ("1 / 0", "mine.py, line 2: ZeroDivisionError: division by zero"),
    ],
)
def test_it_names_the_line_on_which_a_trainers_file_does_not_load(run_folder, own_trainer, before, words):
    run = run_folder("mine", trainer_file=own_trainer(before=before))

    assert run.perform() == 1

    assert run.ending().message.startswith(f"The trainer's file does not load: {words}")
    assert run.ending().evidence.endswith(before)
    assert before in run.ending().traceback


def test_it_names_every_parameter_that_does_not_fit():
    with pytest.raises(ValidationError) as caught:
        Lora(epochs="many", rank=0)

    message = failure(caught.value).message

    assert "epochs: “many” is not a number." in message
    assert "rank: 0 is too small: it must be above 0." in message


def test_it_reports_the_error_of_a_trainer_of_your_own(run_folder, own_trainer):
    file = own_trainer('raise TrainingError("The kettle is cold.", "Put it on.")')
    run = run_folder("mine", trainer_file=file)

    assert run.perform() == 1

    assert (run.ending().message, run.ending().hint) == ("The kettle is cold.", "Put it on.")


@pytest.mark.parametrize("body", ["pass", "run.output.rmdir()", "run.output.rmdir(); run.output.touch()"])
def test_it_takes_no_empty_output_for_a_model(run_folder, own_trainer, body):
    run = run_folder("mine", trainer_file=own_trainer(body))

    assert run.perform() == 1

    assert run.ending().message == "The trainer “mine” ended without leaving a model in the output folder."


def test_it_sets_the_stage(run_folder, own_trainer):
    say = "import os, torch; run.note(f\"{torch.get_num_threads()} {os.environ['OMP_WAIT_POLICY']}\")"
    run = run_folder("mine", trainer_file=own_trainer(say), threads=1)

    run.perform()

    assert '"text":"1 PASSIVE"' in (run.path / "events.jsonl").read_text()


def test_it_refuses_rows_that_leave_nothing_to_learn(run_folder):
    run = run_folder("lora", {"max_length": 4})

    assert run.perform() == 1

    assert run.ending().message.startswith("Nothing is left to learn: with a maximum length of 4 tokens")
    assert run.ending().hint.startswith("Raise the maximum length")
    assert run.ending().changes["max_length"] > 4


def test_it_refuses_conversations_without_a_chat_template(run_folder, tiny_model_without_template, tmp_path):
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    (tmp_path / "rows.jsonl").write_text(json.dumps({"messages": turns}))
    dataset = {"path": tmp_path / "rows.jsonl", "data_format": "messages"}

    run = run_folder("lora", base_model=tiny_model_without_template, dataset=dataset)

    assert run.perform() == 1
    assert "no chat template" in run.ending().message
    assert run.ending().changes == {"chat_template": "plain"}


def test_it_refuses_a_dataset_without_rows(run_folder, tmp_path):
    (tmp_path / "rows.csv").write_text("question,answer\n")

    run = run_folder("lora", dataset={"path": tmp_path / "rows.csv", "data_format": "question-answer"})

    assert run.perform() == 1
    assert "no rows" in run.ending().message


def test_it_ends_when_the_loss_is_no_number(run_folder, tiny_model, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in tiny_model.iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    weights = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(weights[:-4096] + b"\xff" * 4096)

    run = run_folder("lora", {"learning_rate": 0.03}, base_model=broken)

    assert run.perform() == 1
    assert run.ending().message == "The loss is not a number any more at step 1."
    assert run.ending().hint.startswith("Lower the learning rate (it is 0.03)")
    assert (run.ending().cause, run.ending().evidence) == ("not-a-number", "step 1: loss nan")
    assert run.losses() == [None]


def test_it_names_a_base_model_that_is_not_there(run_folder, tmp_path):
    run = run_folder("lora", base_model=tmp_path / "gone")

    assert run.perform() == 1

    assert run.ending().message == f"The base model's folder {tmp_path / 'gone'} is not there."


def test_it_needs_no_training_stack_to_describe_itself():
    code = "import sys, training_methods.trainers.discovery as d; d.describe_built_in(); print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert not {"torch", "transformers", "trl", "peft", "datasets", "django"} & set(loaded)
