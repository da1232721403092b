"""What a file of the trainers folder may do as other Python files may."""

import ast

import pytest

from training_methods.trainers.discovery import registers

ROWS = """
from ._numbers import SQUARES

class Squares:
    def __len__(self):
        return len(SQUARES)

    def __getitem__(self, place):
        return SQUARES[place]
"""
READ = """
        from torch.utils.data import DataLoader

        rows = DataLoader(Squares(), num_workers=2, multiprocessing_context="{context}")
        (run.output / "config.json").write_text(str([row.item() for row in rows]))
"""


@pytest.mark.parametrize("context", ["fork", "spawn", "forkserver"])
def test_it_reads_its_rows_in_processes_of_its_own(run_folder, own_trainer, tmp_path, context):
    (tmp_path / "_numbers.py").write_text("SQUARES = [1, 4, 9]")
    run = run_folder("mine", trainer_file=own_trainer(READ.format(context=context).strip(), before=ROWS))

    assert run.perform() == 0, run.log

    assert (run.output / "config.json").read_text() == "[1, 4, 9]"


@pytest.mark.parametrize(
    "code",
    [
        "from anywhere import register\n@register\nclass Kettle: ...",
        "import training_methods.trainers\ntraining_methods.trainers.register(Kettle)",
        "from training_methods import trainers as ours\nours.register(Kettle)",
        "import training_methods.trainers.base as base\n@base.register\nclass Kettle: ...",
        "from training_methods.trainers.base import register as offered\noffered(Kettle)",
    ],
)
def test_it_is_a_trainer_s_file_however_it_registers_one(code):
    assert registers(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "import models\nMODELS = models.Registry()\n@MODELS.register\nclass Net: ...",
        "from models import MODELS\n@MODELS.register('net')\nclass Net: ...",
        "import atexit\natexit.register(print)",
        "from training_methods.trainers import examples",
    ],
)
def test_it_is_a_script_if_its_registry_is_another(code):
    assert not registers(ast.parse(code))
