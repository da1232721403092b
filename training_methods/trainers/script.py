"""Runs any Python file as a trainer: parameters become its arguments, its `[log_data]:` lines become the curves."""

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from pydantic import ConfigDict, Field

from training_methods.trainers.base import (
    BASICS,
    DATA,
    LORA,
    MEMORY,
    OPTIMIZER,
    SLUG,
    DataFormat,
    MethodType,
    Run,
    Trainer,
    TrainingError,
)
from training_methods.trainers.row_files import FileType, file_type_of
from training_methods.trainers.script_output import Output, ending, hint, last_words, listen, told

LAUNCHER = Path(__file__).with_name("scripts") / "launch.py"
LAST_LINES = 30
PLACES = (
    "model_path",
    "dataset_path",
    "output_dir",
    "input_train_name",
    "output_train_name",
    "train_id",
    "seq",
    "model_name",
)
"""Arguments that the console gives beside the parameters."""
OF_ONE_PYTHON = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONPLATLIBDIR", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


class Script(Trainer):
    """A Python script of your own, run as it is. It gets its settings as command-line arguments."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, frozen=True, protected_namespaces=())

    slug: ClassVar[str]
    label: ClassVar[str]
    file: ClassVar[Path]
    method_type: ClassVar = MethodType.CUSTOM
    data_formats: ClassVar = tuple(DataFormat)

    max_steps: int = Field(
        60, gt=0, title="Steps", description="How many optimizer steps to train (MAX_STEPS).", json_schema_extra=BASICS
    )
    learning_rate: float = Field(
        2e-4,
        gt=0,
        lt=1,
        title="Learning rate",
        description="Step size at the peak of the schedule (LEARNING_RATE).",
        json_schema_extra=BASICS,
    )
    batch_size: int = Field(
        2, gt=0, title="Batch size", description="Rows in one forward pass (BATCH_SIZE).", json_schema_extra=BASICS
    )
    lora_rank: int = Field(
        16, gt=0, title="Rank", description="Rank of the LoRA matrices (LORA_RANK).", json_schema_extra=LORA
    )
    grad_accum_steps: int = Field(
        1,
        gt=0,
        title="Gradient accumulation",
        description="Batches whose gradients are added up for one step (GRAD_ACCUM_STEPS).",
        json_schema_extra=OPTIMIZER,
    )
    warmup_steps: int = Field(
        5,
        ge=0,
        title="Warm-up steps",
        description="Steps over which the learning rate rises to its peak (WARMUP_STEPS).",
        json_schema_extra=OPTIMIZER,
    )
    max_grad_norm: float = Field(
        1.0,
        gt=0,
        title="Gradient clipping",
        description="Largest length the gradient may have (MAX_GRAD_NORM).",
        json_schema_extra=OPTIMIZER,
    )
    max_seq_length: int = Field(
        512,
        gt=0,
        title="Maximum length",
        description="Longest row in tokens, question and answer together (MAX_SEQ_LENGTH).",
        json_schema_extra=DATA,
    )
    max_input_length: int = Field(
        256,
        gt=0,
        title="Maximum question length",
        description="Longest question in tokens (MAX_INPUT_LENGTH).",
        json_schema_extra=DATA,
    )
    max_content_length: int = Field(
        256,
        gt=0,
        title="Maximum answer length",
        description="Longest answer in tokens (MAX_CONTENT_LENGTH).",
        json_schema_extra=DATA,
    )
    max_samples: int = Field(
        0,
        ge=0,
        title="Maximum rows",
        description="Train on the first rows only; 0 takes them all (MAX_SAMPLES).",
        json_schema_extra=DATA,
    )
    num_generations: int = Field(
        4,
        gt=0,
        title="Answers per prompt",
        description="For methods that compare the model's own answers, such as GRPO (NUM_GENERATIONS).",
        json_schema_extra=DATA,
    )
    load_in_4bit: bool = Field(
        False,
        title="Load in 4 bit",
        description="Ask the script to load the base model in 4 bit (LOAD_IN_4BIT).",
        json_schema_extra=MEMORY,
    )

    def train(self, run: Run) -> None:
        values = {**places(run), **self.model_dump()}
        python = run.spec.interpreter or Path(sys.executable)
        output = Output()
        process = started([python, "-u", LAUNCHER, self.file, *arguments(values)], run, output)
        run.when_stopped(process.terminate)
        run.when_finishing(process.terminate)
        last_lines = deque(told(listen(output.of(process), run)), maxlen=LAST_LINES)
        if process.wait() and run.ends_early:
            run.note(f"The script {self.file.name} was asked to end (SIGTERM), and {ending(process.returncode)}.")
            empty(run.output)  # half a result is none
        elif process.returncode and not run.stop_requested:
            raise failed(self.file, process.returncode, list(last_lines))


def failed(file: Path, code: int, last_lines: list[str]) -> TrainingError:
    from training_methods.trainers import failures  # it finds trainers, scripts among them

    evidence = "".join(last_lines)
    cause, advice = failures.of_output(evidence, file)
    if code == -signal.SIGKILL:
        cause, advice = None, failures.LOOK
    what = f"The script {file.name} {ending(code)}: {last_words(last_lines)}"
    return TrainingError(what, hint(last_lines) or advice, evidence=evidence, cause=cause)


def empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # a script may have done so itself
    folder.mkdir(exist_ok=True)


def started(command: list[Any], run: Run, output: Output) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command,
            cwd=run.scratch,
            env=environment(run.spec.interpreter),
            stdin=subprocess.DEVNULL,
            stdout=output.written,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        raise TrainingError(
            f"The interpreter {command[0]} cannot be started on this machine: {error.strerror}.",
            "Put it back, or let an administrator choose another in the method's configuration.",
        ) from error


def environment(interpreter: Path | None) -> dict[str, str]:
    """Ours. For another interpreter without what leads a Python to packages of ours, and with its own folder first."""
    if interpreter is None:
        return dict(os.environ)
    ours, kept = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath).split(os.pathsep)
    path = [str(interpreter.parent), *(folder for folder in kept if folder != ours)]
    own = {name: value for name, value in os.environ.items() if name not in OF_ONE_PYTHON}
    return own | {"PATH": os.pathsep.join(path), "PYTHONIOENCODING": "utf-8"}


def trainer_of(file: Path) -> type[Script]:
    """A trainer for a script, under the file's name."""
    if not SLUG.fullmatch(file.stem):
        raise ValueError(
            f"“{file.stem}” is no slug: rename the file to lower-case letters and digits, "
            "with single hyphens or underscores between. A name that begins with an underscore is passed over."
        )
    described = {"slug": file.stem, "label": label(file.stem), "file": file, "__doc__": docstring(file)}
    return type("Script", (Script,), {**described, "__module__": __name__})


def label(stem: str) -> str:
    """As a title: kettle_v2 is Kettle v2, and custom02, which has its number with a nought before it, Custom 02."""
    return re.sub(r"(?<=[a-z])(?=0\d+$)", " ", stem.replace("_", " ").replace("-", " ")).capitalize()


def docstring(file: Path) -> str:
    return ast.get_docstring(ast.parse(file.read_bytes())) or Script.__doc__ or ""


def places(run: Run) -> dict[str, Any]:
    dataset, names = dataset_for(run)
    spec = run.spec
    model_name = spec.model_name or spec.base_model_name or spec.base_model.name
    train_id = spec.train_id or run.directory.name
    given = (spec.base_model, dataset, run.output, names[0], names[answer_place(run)], train_id, 1, model_name)
    return dict(zip(PLACES, given, strict=True))


def answer_place(run: Run) -> int:
    """Which of the format's columns holds the answer: the only one, where there is no such."""
    columns = [column.name for column in run.data_format.columns]
    return next((columns.index(name) for name in ("chosen", "completion", "output", "answer") if name in columns), 0)


def dataset_for(run: Run) -> tuple[Path, list[str]]:
    """A file that any script can read and its columns' names: JSON as it is, anything else written as JSON lines."""
    dataset = run.spec.dataset
    columns = [column.name for column in dataset.data_format.columns]
    if file_type_of(dataset.path) in (FileType.JSONL, FileType.JSON):
        return dataset.path, [dataset.mapping.get(column, column) for column in columns]
    file = run.scratch / "dataset.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in run.rows())
    return file, columns


def arguments(values: dict[str, Any]) -> Iterator[str]:
    """`--name value` for each value that there is; `--name=value` where the value itself begins with a hyphen."""
    for name, value in values.items():
        if value is None:
            continue
        written = str(int(value) if isinstance(value, float) and value.is_integer() else value)
        if written.startswith("-"):
            yield f"--{name}={written}"
        else:
            yield from (f"--{name}", written)
