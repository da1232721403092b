import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny_model import make_tiny_model
from tests.trainers.child import ROOT, wait_for
from training_methods import catalog
from training_methods.management.commands.run_trainer import read_dataset
from training_methods.trainers.rows import DataFormat

ROWS = [{"question": "Who makes the kettle?", "answer": "Aunt Agatha."}] * 8


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def rows(tmp_path) -> Path:
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return file


@pytest.fixture
def command(tmp_path, model, rows):
    """The command line, and an environment in which no database answers."""
    environment = {
        **os.environ,
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none",
        "DEEPEXT_DATA_DIR": str(tmp_path),
    }

    def line(trainer: str = "lora", *more: str, dataset: Path = rows) -> dict:
        places = ["--base-model", str(model), "--dataset", str(dataset), "--output", str(tmp_path / "out")]
        arguments = [sys.executable, str(ROOT / "manage.py"), "run_trainer", trainer, *places, *more]
        return {"args": arguments, "env": environment, "text": True}

    return line


def test_it_trains_without_a_database(command, tmp_path):
    asked = ("--set", "evaluation_steps=1", "--set", "sample_prompts=Who are you?")
    done = subprocess.run(**command("lora", "--set", "max_steps=2", "--set", "rank=4", *asked), capture_output=True)

    assert done.returncode == 0, done.stderr
    assert "step 2/2  loss " in done.stdout
    assert "step 2  “Who are you?” → “" in done.stdout
    assert done.stdout.endswith(f"The result is in {tmp_path}/out\n")
    assert (tmp_path / "out" / "adapter_config.json").exists()
    assert list(tmp_path.glob("trial-*")) == []


def test_it_says_why_a_run_failed_and_keeps_its_log(command):
    done = subprocess.run(**command("lora", "--set", "target_modules=kettle"), capture_output=True)

    assert done.returncode == 1
    assert "The base model has no linear layer “kettle”." in done.stderr
    log = Path(done.stderr.strip().rpartition("The log is in ")[2])
    assert "TrainingError" in log.read_text()


def test_it_runs_a_file_of_the_trainers_folder(command, tmp_path):
    (tmp_path / "trainers").mkdir()
    save = "Path(sys.argv[sys.argv.index('--output_dir') + 1], 'x').write_text(sys.argv[-1])"
    (tmp_path / "trainers" / "mine.py").write_text(f"import sys\nfrom pathlib import Path\n{save}")

    done = subprocess.run(**command("mine", "--set", "cups=-3"), capture_output=True)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "x").read_text() == "--cups=-3"


def test_it_stops_on_ctrl_c(command, tmp_path):
    with subprocess.Popen(
        **command("lora", "--set", "epochs=1000"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stdout and run.stderr
        wait_for(lambda: run.stdout.readline().startswith("step 2/"))

        run.send_signal(signal.SIGINT)

        _, errors = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Stopped. Its checkpoints are in " in errors


def test_a_second_ctrl_c_ends_what_does_not_listen_and_claims_no_result(command, tmp_path):
    (tmp_path / "trainers").mkdir()
    (tmp_path / "trainers" / "deaf.py").write_text(
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        'print(\'[log_data]: {"step": 1, "loss": 1}\', flush=True)\ntime.sleep(1000)'
    )
    with subprocess.Popen(**command("deaf"), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout and run.stderr
        wait_for(lambda: run.stdout.readline().startswith("step 1/"))
        run.send_signal(signal.SIGINT)
        wait_for(lambda: run.stderr.readline().startswith("Stopping after a checkpoint."))

        run.send_signal(signal.SIGINT)

        said, errors = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "Ended at once. Its checkpoints are in " in errors
    assert "The result is in" not in said


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["kettle"], "The trainer “kettle” is not here. There are: cpo, custom01, custom02, "),
        (["lora", "--set", "epochs=many"], "epochs: “many” is not a number."),
        (["lora", "--set", "cups=2"], "cups: There is no such parameter.\nThere are: epochs, "),
        (["lora", "--set", "epochs"], "--set takes PARAMETER=VALUE, not “epochs”."),
        (["lora", "--base-model", "nowhere"], "There is no base model folder nowhere."),
        (["lora", "--dataset", "/nowhere.jsonl"], "nowhere.jsonl"),
        (["distillation", "--set", "teacher=nobody"], "There is no base model folder nobody."),
        (["lora", "--output", str(ROOT)], f"The output folder {ROOT} is not empty."),
        (["lora", "--output", __file__], f"The output folder {__file__} is a file."),
        (["lora", "--seed", "-1"], "--seed takes a whole number from 0 to 4294967295, not -1."),
        (["lora", "--seed", "4294967296"], "--seed takes a whole number from 0 to 4294967295, not 4294967296."),
    ],
    ids=[
        "trainer",
        "value",
        "parameter",
        "set",
        "base-model",
        "dataset",
        "teacher",
        "output",
        "file",
        "seed",
        "large seed",
    ],
)
def test_it_refuses_bad_input_in_a_sentence(command, tmp_path, arguments, sentence):
    done = subprocess.run(**command(*arguments), capture_output=True)

    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.glob("trial-*")) == []


@pytest.mark.parametrize(("trainer", "seen"), [("grpo", DataFormat.PROMPT), ("lora", DataFormat.PROMPT_COMPLETION)])
def test_it_reads_a_prompt_and_its_answer_as_the_trainer_needs_them(tmp_path, trainer, seen):
    (tmp_path / "rows.jsonl").write_text('{"prompt": "6 * 7?", "answer": "42", "level": 1}\n')

    dataset = read_dataset(catalog.get(trainer), tmp_path / "rows.jsonl")

    assert dataset.data_format is seen


def test_it_is_told_which_columns_are_which(command, tmp_path):
    films = tmp_path / "films.jsonl"
    films.write_text('{"sentence": "A good film.", "label": 1}\n')
    (tmp_path / "trainers").mkdir()
    (tmp_path / "trainers" / "mine.py").write_text(READS_PROMPTS)

    untold = subprocess.run(**command("mine", dataset=films), capture_output=True)
    columns = ("--format", "prompt", "--map", "prompt=sentence", "--map", "answer=label")
    told = subprocess.run(**command("mine", *columns, dataset=films), capture_output=True)

    assert "--map NAME=COLUMN, as in --map prompt=sentence" in untold.stderr
    assert "{'prompt': 'A good film.', 'answer': '1'}" in told.stdout, told.stderr


READS_PROMPTS = """
from training_methods.trainers import DataFormat, MethodType, Run, Trainer, register

@register
class Mine(Trainer):
    slug = "mine"
    label = "Mine"
    method_type = MethodType.CUSTOM
    data_formats = (DataFormat.PROMPT,)

    def train(self, run: Run) -> None:
        run.note(str(*run.rows()))
        (run.output / "words.txt").write_text("film")
"""
