"""`manage.py check_trainer`: the test bench."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from training_methods.trainers.rows import DataFormat, canonical
from training_methods.trainers.tiny import rows

TRAINER = '''import time
from training_methods.trainers import DataFormat, MethodType, Trainer, register


@register
class Mine(Trainer):
    """Made for a test."""

    slug = "mine"
    label = "Mine"
    method_type = MethodType.CUSTOM
    data_formats = (DataFormat.TEXT,)

    def train(self, run):
        for step in range(1, sum(1 for row in run.rows())):
{body}
'''
SCRIPT = """print("Silence.")
from pathlib import Path
import argparse
import shutil

parser = argparse.ArgumentParser()
parser.add_argument("--model_path")
parser.add_argument("--output_dir")
known, rest = parser.parse_known_args()
shutil.copytree(known.model_path, known.output_dir, dirs_exist_ok=True)
"""


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.TRAINERS_DIR = tmp_path / "trainers"
    settings.TRAINERS_DIR.mkdir()
    return settings.TRAINERS_DIR


def check(name: str, *more: str) -> tuple[int, dict[str, dict]]:
    """The exit code, and each check by its name."""
    out = StringIO()
    try:
        call_command("check_trainer", name, "--json", *more, stdout=out)
        code = 0
    except CommandError as error:
        code = error.returncode
    said = json.loads(out.getvalue())
    assert said["passed"] == (code == 0)
    return code, {check["name"]: check for check in said["checks"]}


def outcomes(checks: dict[str, dict]) -> dict[str, str]:
    return {name: check["outcome"] for name, check in checks.items()}


ALL = (
    "loads",
    "describes itself",
    "trains 3 steps",
    "emits metrics",
    "output loads",
    "stops on request",
    "writes a checkpoint",
    "resumes",
    "ends early with its result",
)


def test_it_passes_a_new_trainer():
    call_command("new_trainer", "kettle", stdout=StringIO())

    code, checks = check("kettle")

    assert outcomes(checks) == dict.fromkeys(ALL, "passed")
    assert code == 0


def test_it_says_what_cannot_be_asked_of_a_script():
    call_command("new_trainer", "kettle", "--script", stdout=StringIO())

    code, checks = check("kettle")

    assert code == 0
    unasked = {"writes a checkpoint", "resumes", "ends early with its result"}
    assert outcomes(checks) == {name: "not asked" if name in unasked else "passed" for name in ALL}


def test_it_tries_a_script_that_says_nothing(folder):
    (folder / "silent.py").write_text(SCRIPT)

    code, checks = check("silent")

    assert code == 0
    assert outcomes(checks)["output loads"] == "passed"
    assert outcomes(checks)["emits metrics"] == "not asked"
    assert "[log_data]" in checks["emits metrics"]["said"]


@pytest.mark.parametrize(
    ("body", "failing", "words", "line"),
    [
        ("            run.metrics(step, loss=1 / (step - 2))", "trains 3 steps", "division by zero", 16),
        ("            time.sleep(1000)", "trains 3 steps", "had not ended after 8 s", 16),
        ("            run.metrics(1, loss=1.0)\n        return", "trains 3 steps", "without leaving a model", None),
    ],
    ids=["error", "endless", "no-output"],
)
def test_it_names_the_line_that_fails(folder, body, failing, words, line):
    (folder / "mine.py").write_text(TRAINER.format(body=body))

    code, checks = check("mine", "--time-limit", "8")

    assert code == 1
    assert outcomes(checks) == {
        "loads": "passed",
        "describes itself": "passed",
        failing: "failed",
        "stops on request": "not asked",
        "resumes": "not asked",
        "ends early with its result": "not asked",
    }
    assert words in checks[failing]["said"]
    assert checks[failing]["line"] == line


DEAF = """            run.metrics(step, loss=1.0)
            time.sleep(0.02)
        (run.output / "config.json").write_text("{}")"""
FORGETFUL = """            run.metrics(step, loss=float("nan"))
            time.sleep(0.01)
            if run.stop_requested and step > 2:
                folder = run.checkpoints / "one"
                folder.mkdir()
                (folder / "state").write_text("nothing")
                run.checkpoint_saved(step, folder)
                return
        (run.output / "notes.txt").write_text("no model")"""

EMPTY_HANDED = """            run.metrics(step, loss=1.0)
            time.sleep(0.01)
            if run.finish_requested or run.stop_requested:
                return
        (run.output / "config.json").write_text("{}")"""


def test_it_catches_a_trainer_that_does_not_stop(folder):
    (folder / "mine.py").write_text(TRAINER.format(body=DEAF))

    code, checks = check("mine", "--stop-limit", "2")

    assert code == 1
    assert checks["stops on request"]["said"] == "It was still running 2 s after it was asked to stop."
    assert checks["stops on request"]["line"] in (16, 17)
    assert outcomes(checks)["writes a checkpoint"] == "failed"


def test_it_catches_a_trainer_that_begins_again(folder):
    (folder / "mine.py").write_text(TRAINER.format(body=FORGETFUL))

    code, checks = check("mine")

    assert code == 1
    assert "began again at step 1" in checks["resumes"]["said"]
    assert checks["emits metrics"]["said"] == "The last value of loss is not a number."
    assert "neither adapter_config.json nor config.json" in checks["output loads"]["said"]
    assert outcomes(checks)["stops on request"] == "passed"
    assert outcomes(checks)["ends early with its result"] == "not asked"
    assert "never looks at run.finish_requested" in checks["ends early with its result"]["said"]


def test_it_catches_a_trainer_that_hears_of_stop_and_save_and_leaves_nothing(folder):
    (folder / "mine.py").write_text(TRAINER.format(body=EMPTY_HANDED))

    code, checks = check("mine")

    assert code == 1
    assert "left no result in run.output" in checks["ends early with its result"]["said"]


def test_it_names_the_line_of_a_file_that_does_not_load(folder):
    (folder / "mine.py").write_text(TRAINER.replace("import time", "import kettles").format(body=" " * 12 + "pass"))

    code, checks = check("mine")

    assert code == 1
    assert (checks["loads"]["outcome"], checks["loads"]["line"]) == ("failed", 1)
    assert "No module named 'kettles'" in checks["loads"]["said"]


def test_it_knows_no_other_name(data_dir):
    with pytest.raises(CommandError, match="The trainer “nobody” is not here"):
        call_command("check_trainer", "nobody")

    assert not list(data_dir.glob("bench-*"))


@pytest.mark.parametrize("data_format", DataFormat)
def test_it_has_rows_of_every_format(data_format):
    made = rows(data_format, 4)

    assert all(canonical(row, data_format, {}) for row in made)
