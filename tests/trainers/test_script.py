import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainers.child import is_gone, wait_for
from training_methods.trainers.events import Cause, Metrics, Note, Progress
from training_methods.trainers.script import Script, trainer_of
from training_methods.trainers.script_output import log_data, total_steps

CONTRACT = '''
"""Writes its arguments down."""
import argparse, json, sys
from pathlib import Path

parser = argparse.ArgumentParser()
for name in ("model_path", "dataset_path", "output_dir", "input_train_name", "output_train_name", "train_id",
             "model_name"):
    parser.add_argument(f"--{name}", type=str, required=True)
for name in ("max_seq_length", "lora_rank", "max_input_length", "max_content_length", "max_samples", "num_generations",
             "max_steps", "batch_size", "grad_accum_steps", "warmup_steps", "seq"):
    parser.add_argument(f"--{name}", type=int, required=True)
for name in ("max_grad_norm", "learning_rate"):
    parser.add_argument(f"--{name}", type=float, required=True)
parser.add_argument("--load_in_4bit", type=bool, required=True)
parser.add_argument("--num_train_epoch", type=int, default=0)
args = parser.parse_args()
said = [vars(args), Path(args.dataset_path).read_text(), sys.argv[0]]
Path(args.output_dir, "args.json").write_text(json.dumps(said))
'''

CHATTER = """
import sys
from pathlib import Path
sys.stderr.write("10%|##  |")
print('[log_data]: {"step": 1, "loss": 2.5, "kettle": "on", "total": 4, "epoch": 0.25, "hot": true}')
print('[log_data]: {"step": 2, "loss": Na')
print('[log_data]: [3]', "[log_data]: junk")
print('[log_data]: {"msg": 200009, "seq": 1, "msgDetail": "75.0", "details": {"step": 3, "loss": NaN, "reward": null}}')
sys.stdout.buffer.write(b"\\xff\\xfe\\n" + b"x" * 300_000 + b"\\n")
Path(sys.argv[sys.argv.index("--output_dir") + 1], "config.json").write_text("{}")
"""


@pytest.fixture
def script(tmp_path):
    def write(code: str, name: str = "mine") -> Path:
        file = tmp_path / f"{name}.py"
        file.write_text(code)
        return file

    return write


def arguments_of(run) -> tuple[dict, str, str]:
    assert run.perform() == 0, run.log
    return json.loads((run.output / "args.json").read_text())


@pytest.mark.parametrize("four_bit", [True, False])
def test_it_passes_every_argument_of_the_contract(run_folder, script, tiny_model, four_bit):
    file = script(CONTRACT)
    parameters = {"load_in_4bit": four_bit, "max_steps": 7, "num_train_epoch": 1.0}
    run = run_folder("mine", parameters, trainer_file=file, model_name="Tiny_x")

    said, rows, argv0 = arguments_of(run)

    assert (said["load_in_4bit"], said["max_steps"], said["num_train_epoch"]) == (four_bit, 7, 1)
    assert (said["model_path"], said["output_dir"]) == (str(tiny_model), str(run.output))
    assert (said["input_train_name"], said["output_train_name"]) == ("question", "answer")
    assert (said["train_id"], said["model_name"], said["seq"]) == ("a-train-id", "Tiny_x", 1)
    assert json.loads(rows.splitlines()[0])["answer"] == "Aunt Agatha in Leeds."
    assert argv0 == str(file)


def test_it_writes_a_table_as_json_lines(run_folder, script, tmp_path):
    (tmp_path / "rows.csv").write_text("Frage,Antwort\nWer?,Agatha\n")
    dataset = {"path": tmp_path / "rows.csv", "data_format": "question-answer"}
    dataset["mapping"] = {"question": "Frage", "answer": "Antwort"}

    said, rows, _ = arguments_of(run_folder("mine", trainer_file=script(CONTRACT), dataset=dataset))

    assert json.loads(rows) == {"question": "Wer?", "answer": "Agatha"}
    assert (said["input_train_name"], said["output_train_name"]) == ("question", "answer")


def test_it_reads_what_the_script_says_and_nothing_breaks_it(run_folder, script):
    run = run_folder("mine", trainer_file=script(CHATTER))

    assert run.perform() == 0, run.log

    first, second = run.events(Metrics)
    assert (first.step, first.total, first.values) == (1, 4, {"loss": 2.5, "epoch": 0.25})
    assert (second.step, second.total, second.values) == (3, 4, {"loss": None})
    assert [event.step for event in run.events(Progress)] == [1, 3]
    assert "x" * 300_000 in run.log
    assert run.ending().result == "complete"


ODD = """
import os, sys
for said in ('{"step": -1, "loss": 1}', '{"step": 1e30, "loss": 1}',
             '{"step": 1, "total": -5, "loss": ' + "9" * 400 + "}",
             '{"step": 2, "total": 1e30, "lo\\\\u0000ss": 2, "half \\\\ud800": 3}'):
    print("[log_data]:", said)
sys.stdout.flush()
os.write(1, b'[log_data]: {"step": 3, "loss": 0.5}')
Path = __import__("pathlib").Path
Path(sys.argv[sys.argv.index("--output_dir") + 1], "config.json").write_text("{}")
"""


def test_it_passes_over_numbers_that_no_database_keeps_and_reads_a_last_line_without_end(run_folder, script):
    run = run_folder("mine", trainer_file=script(ODD))

    assert run.perform() == 0, run.log

    points = [(event.step, event.total, event.values) for event in run.events(Metrics)]
    assert points == [(1, None, {"loss": None}), (2, None, {"lo\ufffdss": 2, "half ?": 3}), (3, None, {"loss": 0.5})]


NAMES = """
import json, sys
from pathlib import Path
def log(**numbers):
    print("[log_data]:", json.dumps(numbers))
log(step=1, loss=1, Loss=2, self=3, **{"": 4, " ": 5, "x" * 5000: 6, "a/b": 7, "<b>": 8, "two\\nlines": 9, "🔥": 10})
log(step=2, **{f"m{number}": number for number in range(3000)})
log(step=3, **{f"m{number}-{'x' * 100}": number for number in range(3000)})
log(step=4, loss=0.5)
Path(sys.argv[sys.argv.index("--output_dir") + 1], "config.json").write_text("{}")
"""


def test_it_takes_any_name_that_a_page_can_show_and_says_what_is_left_out(run_folder, script):
    run = run_folder("mine", trainer_file=script(NAMES))

    assert run.perform() == 0, run.log

    first, second, last = run.events(Metrics)
    assert first.values == {"loss": 1, "Loss": 2, "self": 3, "a/b": 7, "<b>": 8, "two lines": 9, "🔥": 10}
    assert len(first.values) + len(second.values) == 300
    assert (last.step, last.values) == (4, {"loss": 0.5})
    notes = [note.text for note in run.events(Note)]
    assert notes == [
        "A metric's name has 1 to 200 characters: “” and others are left out.",
        "A train has at most 300 different metrics: “m293” and others are left out.",
        "A [log_data]: line of more than 65,536 bytes is not read: report less at once.",
    ]
    assert all(f"\n{text}\n" in run.log for text in notes)


LEAVES_SOMEBODY = """
import subprocess, sys
from pathlib import Path
print(subprocess.Popen(["sleep", "1000"]).pid, flush=True)
Path(sys.argv[sys.argv.index("--output_dir") + 1], "config.json").write_text("{}")
"""


def test_it_does_not_wait_for_what_a_script_has_left_behind(run_folder, script):
    run = run_folder("mine", trainer_file=script(LEAVES_SOMEBODY))

    assert run.perform() == 0, run.log

    wait_for(lambda: is_gone(int(run.log.splitlines()[-1])))


FLAGS = """
import argparse, json
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--output_dir")
parser.add_argument("--load_in_4bit", action="store_true")
parser.add_argument("--packed", action=argparse.BooleanOptionalAction, default=True)
parser.add_argument("--rows", choices=["true", "false"])
args, unknown = parser.parse_known_args()
Path(args.output_dir, "args.json").write_text(json.dumps([vars(args), "", ""]))
"""


@pytest.mark.parametrize("is_on", [True, False])
def test_it_gives_flags_as_flags(run_folder, script, is_on):
    parameters = {"load_in_4bit": is_on, "packed": is_on, "rows": "false"}

    said, *_ = arguments_of(run_folder("mine", parameters, trainer_file=script(FLAGS)))

    assert (said["load_in_4bit"], said["packed"], said["rows"]) == (is_on, is_on, "false")


CLICK = """
import click, json
from pathlib import Path
@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--output_dir")
@click.option("--load_in_4bit", is_flag=True)
@click.option("--packed/--loose", default=True)
@click.option("--rows", type=click.Choice(["true", "false"]))
def main(**args):
    Path(args["output_dir"], "args.json").write_text(json.dumps([args, "", ""]))
main()
"""


@pytest.mark.parametrize("library", ["click", "typer"])
@pytest.mark.parametrize("is_on", [True, False])
def test_it_gives_flags_as_flags_to_click_and_what_is_made_of_it(run_folder, script, library, is_on):
    pytest.importorskip(library)
    parameters = {"load_in_4bit": is_on, "packed": is_on, "rows": "false"}
    code = {"click": CLICK, "typer": TYPER}[library]

    said, *_ = arguments_of(run_folder("mine", parameters, trainer_file=script(code)))

    assert (said["load_in_4bit"], said["packed"], said["rows"]) == (is_on, is_on, "false")


TYPER = """
import json, typer
from pathlib import Path
def main(output_dir: str = typer.Option(..., "--output_dir"), rows: str = "", packed: bool = True,
         load_in_4bit: bool = typer.Option(False, "--load_in_4bit"), context: typer.Context = None):
    said = {"load_in_4bit": load_in_4bit, "packed": packed, "rows": rows}
    Path(output_dir, "args.json").write_text(json.dumps([said, "", ""]))
app = typer.Typer()
app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})(main)
app()
"""
HF_PARSER = """
from dataclasses import dataclass
from transformers import HfArgumentParser
@dataclass
class Settings:
    output_dir: str
HfArgumentParser(Settings).parse_args_into_dataclasses()
"""


@pytest.mark.parametrize(
    ("code", "message", "hint"),
    [
        (
            "import argparse\nargparse.ArgumentParser().parse_args()",
            "unrecognized arguments: --m",
            "parse_known_args()",
        ),
        ("import click\nclick.command()(lambda: None)()", "No such option", '"ignore_unknown_options": True'),
        ("import typer\ntyper.run(lambda: None)", "2: No such option: --m", '"ignore_unknown_options": True'),
        (HF_PARSER, "are not used by the HfArgumentParser: ['--m", "return_remaining_strings=True"),
    ],
)
def test_it_says_how_a_script_reads_arguments_that_it_does_not_know(run_folder, script, code, message, hint):
    run = run_folder("mine", trainer_file=script(code))

    assert run.perform() == 1

    assert message in run.ending().message
    assert hint in run.ending().hint


@pytest.mark.parametrize(
    ("code", "cause", "advice"),
    [
        ("bytearray(10**15)", Cause.OUT_OF_MEMORY, "Choose a smaller batch size"),
        ("raise RuntimeError('CUDA out of memory.')", Cause.OUT_OF_GPU_MEMORY, "Choose a smaller batch size"),
        ("raise OSError(28, 'No space left on device')", Cause.DISK_FULL, "Delete models and jobs"),
        ("import kettle_that_is_not_there", Cause.CODE, "Install it"),
        ("{}['kettle']", Cause.CODE, "Correct it. “manage.py check_trainer mine”"),
        ("raise SystemExit(5)", None, "The end of the train log may say why."),
        ("import os; os.kill(os.getpid(), 9)", None, "Look whether the machine ran out of memory"),
    ],
)
def test_it_says_what_to_do_about_a_script_that_failed(run_folder, script, code, cause, advice):
    run = run_folder("mine", trainer_file=script(code))

    assert run.perform() == 1

    assert run.ending().cause == cause
    assert run.ending().hint.startswith(advice)


def test_it_shows_the_end_of_what_a_failed_script_said(run_folder, script):
    run = run_folder("mine", trainer_file=script("print('heating')\nraise ValueError('The kettle is empty')"))

    assert run.perform() == 1

    assert run.ending().message == "The script mine.py ended with exit code 1: ValueError: The kettle is empty"
    assert run.ending().evidence.startswith("heating\nTraceback (most recent call last):\n  File")
    assert "launch.py" not in run.ending().evidence


NOISY = """
import sys
print("heating")
for _ in range(1000):
    print("a warning")
sys.stdout.write("y" * 500_000 + "\\n")
raise ValueError("The kettle is empty")
"""


def test_it_shows_a_line_that_comes_again_and_again_once_and_cuts_a_long_one(run_folder, script):
    run = run_folder("mine", trainer_file=script(NOISY))

    assert run.perform() == 1

    evidence = run.ending().evidence
    assert evidence.startswith("heating\na warning (1,000 times)\nyyy")
    assert evidence.endswith("ValueError: The kettle is empty\n")
    assert len(evidence) < 3000
    assert run.log.count("a warning\n") == 1000


def test_it_stops_a_script(run_folder, script):
    say = 'import time; print(\'[log_data]: {"step": 1, "loss": 1}\'); time.sleep(1000)'
    run = run_folder("mine", trainer_file=script(say))

    assert run.perform_and_stop() == 0

    assert run.ending().outcome == "stopped"


def test_it_trains_with_the_script_that_ships(run_folder):
    run = run_folder("custom02", {"max_steps": 8, "learning_rate": 0.01, "batch_size": 4})

    assert run.perform() == 0, run.log

    losses = run.losses()
    assert len(losses) == 8
    assert losses[-1] < losses[0]
    assert run.ending().result == "adapter"


def test_it_names_a_script_after_its_file(script):
    trainer = trainer_of(script('"""Boils water."""', name="two_cups"))

    assert (trainer.slug, trainer.label, trainer.__doc__) == ("two_cups", "Two cups", "Boils water.")
    assert issubclass(trainer, Script)


def test_a_number_with_a_nought_stands_apart_in_its_title(script):
    assert trainer_of(script("", name="custom02")).label == "Custom 02"
    assert trainer_of(script("", name="qwen3")).label == "Qwen3"


def test_it_takes_no_file_whose_name_is_no_slug(script):
    with pytest.raises(ValueError, match="“Two Cups” is no slug: rename the file"):
        trainer_of(script("", name="Two Cups"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('[log_data]: {"step": 1}', {"step": 1}),
        ('INFO [log_data]:{"step": 1} and more', {"step": 1}),
        ('[log_data]: {"step": 1', None),
        ("[log_data]: " + "[" * 100_000, None),
        ("[log_data]:", None),
        ("nothing", None),
    ],
)
def test_it_finds_the_object_in_a_line(line, said):
    assert log_data(line) == said


@pytest.mark.parametrize(
    ("total", "percent", "steps"), [(10, None, 10), (None, "25.0", 12), (None, "0", None), (None, "half", None)]
)
def test_it_works_out_how_many_steps_there_are(total, percent, steps):
    assert total_steps(3, total, percent) == steps


WHO_AM_I = """
import json, os, subprocess, sys
from pathlib import Path
import train_callback
try:
    import pydantic
except ImportError:
    pydantic = None
child = subprocess.run(["python", "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True)
said = {"prefix": sys.prefix, "has_ours": pydantic is not None, "path": sys.path, "of_child": child.stdout.strip(),
        "reports": train_callback.__file__, "home": os.environ.get("PYTHONHOME")}
Path(sys.argv[sys.argv.index("--output_dir") + 1], "args.json").write_text(json.dumps(said))
"""


def test_it_runs_in_the_interpreter_of_the_methods_choice(run_folder, script, tmp_path, monkeypatch):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    for name, value in {"VIRTUAL_ENV": sys.prefix, "PYTHONPATH": str(Path(pytest.__file__).parent.parent)}.items():
        monkeypatch.setenv(name, value)
    run = run_folder("mine", trainer_file=script(WHO_AM_I), interpreter=tmp_path / "venv" / "bin" / "python")

    said = arguments_of(run)

    assert (said["prefix"], said["of_child"]) == (str(tmp_path / "venv"), str(tmp_path / "venv"))
    assert (said["has_ours"], said["home"]) == (False, None)
    assert not [folder for folder in said["path"] if folder.startswith(sys.prefix)]
    assert said["reports"].endswith("scripts/train_callback.py")


def test_it_says_that_the_interpreter_is_gone(run_folder, script):
    run = run_folder("mine", trainer_file=script(WHO_AM_I), interpreter="/nowhere/bin/python")

    assert run.perform() == 1

    said = "The interpreter /nowhere/bin/python cannot be started on this machine: No such file or directory."
    assert run.ending().message == said
