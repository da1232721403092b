import os
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trainers.child import is_gone, wait_for
from training_methods import catalog, descriptions
from training_methods.trainers.discovery import BUILT_IN

TRAINER = """
from training_methods.trainers import DataFormat, MethodType, Trainer, register

@register
class Kettle(Trainer):
    '''Boils water.'''

    slug, label = "{slug}", "Kettle"
    method_type, data_formats = MethodType.SFT, (DataFormat.TEXT,)
    cups: int = 2

    def train(self, run):
        pass
"""


@pytest.fixture(autouse=True)
def fresh_memory(monkeypatch, data_dir):
    monkeypatch.setattr(catalog, "_memory", catalog.Memory())


@pytest.fixture
def write(data_dir) -> Callable[..., Path]:
    """Writes a file into the trainers folder."""

    def write(code: str, name: str = "kettle") -> Path:
        file = data_dir / "trainers" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(textwrap.dedent(code))
        return file

    return write


def only_broken() -> catalog.BrokenTrainer:
    (one,) = catalog.broken()
    assert catalog.trainers().keys() >= {"lora", "sft"}
    return one


def test_it_knows_the_built_in_trainers():
    trainers = catalog.trainers()

    assert list(trainers) == list(BUILT_IN)
    assert catalog.broken() == []
    lora = trainers["lora"]
    assert (lora.source, lora.file, lora.is_script) == ("built-in", None, False)
    assert {parameter.name for parameter in lora.parameters if parameter.basic} == {
        "epochs",
        "learning_rate",
        "batch_size",
        "max_length",
    }
    assert all(parameter.help and parameter.label for parameter in lora.parameters)
    assert trainers["custom02"].is_script


def test_it_describes_a_file_of_the_trainers_folder(write):
    file = write(TRAINER.format(slug="kettle"))

    kettle = catalog.get("kettle")

    assert (kettle.label, kettle.doc, kettle.source, kettle.file) == ("Kettle", "Boils water.", "trainers folder", file)
    assert [(parameter.name, parameter.default) for parameter in kettle.parameters] == [("cups", 2)]
    assert len(kettle.code_hash) == 64


def test_it_lets_a_file_take_a_built_in_ones_place(write):
    file = write(TRAINER.format(slug="lora"), name="lora")

    lora = catalog.get("lora")

    assert (lora.file, lora.takes_place_of) == (file, "built-in")
    assert catalog.get("sft").takes_place_of == ""


def test_it_says_the_version_that_a_trainer_gives_itself(write):
    write(
        TRAINER.format(slug="kettle").replace(
            "cups: int", "version: __import__('typing').ClassVar = '2.1'\n    cups: int"
        )
    )
    write(TRAINER.format(slug="pot"), name="pot")

    assert catalog.get("kettle").version == "2.1"
    assert catalog.get("pot").version == catalog.get("pot").code_hash[:8]


def test_it_sees_a_change(write):
    write(TRAINER.format(slug="kettle"))
    before = catalog.get("kettle")

    write(TRAINER.format(slug="kettle").replace("cups: int = 2", "cups: int = 12"))

    assert catalog.get("kettle").parameters[0].default == 12
    assert catalog.get("kettle").code_hash != before.code_hash


def test_it_imports_a_file_once_and_never_in_this_process(write, data_dir, monkeypatch):
    write(
        f"open({str(data_dir / 'pids')!r}, 'a').write(f'{{__import__(\"os\").getpid()}} ')\n" + TRAINER.format(slug="k")
    )
    catalog.trainers()
    monkeypatch.setattr(catalog, "_memory", catalog.Memory())

    assert "k" in catalog.trainers()

    (pid,) = (data_dir / "pids").read_text().split()
    assert int(pid) != os.getpid()


def test_it_takes_a_file_without_a_trainer_for_a_script(write):
    file = write(
        '"""Boils water."""\nimport atexit, argparse\natexit.register(print)\nargparse.ArgumentParser().parse_args()'
    )

    kettle = catalog.get("kettle")

    assert (kettle.is_script, kettle.doc, kettle.file) == (True, "Boils water.", file)
    assert "max_steps" in {parameter.name for parameter in kettle.parameters}


def test_it_passes_over_names_that_begin_with_an_underscore(write):
    write("raise ValueError", name="_shared")
    write("from _shared_words import CUPS\n" + TRAINER.format(slug="kettle").replace("= 2", "= CUPS"))
    write("CUPS = 7", name="_shared_words")

    assert catalog.get("kettle").parameters[0].default == 7
    assert catalog.broken() == []


@pytest.mark.parametrize(
    ("code", "line", "reason"),
    [
        ("cups = 1\ncups = (", 2, "SyntaxError: '(' was never closed"),
        (
            TRAINER.format(slug="kettle") + "\nimport no_such_kettle",
            15,
            "ModuleNotFoundError: No module named 'no_such_k",
        ),
        (TRAINER.format(slug="Kettle!"), 4, "ValueError: “Kettle!” is no slug"),
        (TRAINER.format(slug="kettle").replace("self, run", "self"), 4, "TypeError: Kettle defines train(), and it is"),
        (TRAINER.format(slug="kettle") * 2, 17, "ValueError: The slug “kettle” is registered twice."),
        (
            TRAINER.format(slug="kettle").replace("cups: int = 2", "cups: list[int] = []"),
            4,
            "TypeError: The field “cups” is none of int",
        ),
        ("from training_methods.trainers import register\nimport sys\nsys.exit(0)", 3, "It ends the process while"),
        ("from training_methods.trainers import register\nimport os\nos._exit(0)", None, "Loading it ends the process"),
        ("from training_methods.trainers import register\nimport os\nos.abort()", None, "Loading it ends the process"),
        ("from training_methods.trainers import register", None, "It registers no trainer of its own."),
        ("\0", None, "SyntaxError"),
    ],
    ids=["syntax", "import", "slug", "train", "twice", "field", "exit", "_exit", "abort", "nothing", "nul"],
)
def test_it_lists_what_does_not_load(write, code, line, reason):
    file = write(code)

    broken = only_broken()

    assert (broken.file, broken.line) == (str(file), line)
    assert reason in broken.reason
    with pytest.raises(catalog.UnknownTrainer, match="The trainer “kettle” does not load: kettle"):
        catalog.get("kettle")


def test_it_ends_a_file_that_does_not_stop_loading(write, data_dir, monkeypatch):
    monkeypatch.setattr(descriptions, "TIME_OUT", 3)
    write(
        f"""
        from training_methods.trainers import register
        import subprocess, time
        open({str(data_dir / "pid")!r}, "w").write(str(subprocess.Popen(["sleep", "1000"]).pid))
        while True: print("x" * 1000)
        """
    )

    assert only_broken().reason == "It takes longer than 3 s to load."

    grandchild = int((data_dir / "pid").read_text())
    wait_for(lambda: is_gone(grandchild))


def test_it_is_not_misled_by_what_a_file_prints(write):
    write("import os\nprint('{}')\nos.system('echo junk')\n" + TRAINER.format(slug="kettle"))

    assert catalog.get("kettle").label == "Kettle"


def test_it_keeps_the_first_of_two_files_with_one_slug(write):
    first = write(TRAINER.format(slug="kettle"), name="a")
    write(TRAINER.format(slug="kettle"), name="b")

    assert only_broken().reason == "The slug “kettle” belongs to a.py already."
    assert catalog.get("kettle").file == first


def test_it_keeps_the_one_of_two_files_with_one_slug_that_is_named_like_it(write):
    write(TRAINER.format(slug="kettle"), name="dupslug")
    named = write(TRAINER.format(slug="kettle"), name="kettle")

    assert (only_broken().name, only_broken().reason) == (
        "dupslug.py",
        "The slug “kettle” belongs to kettle.py already.",
    )
    assert catalog.get("kettle").file == named


def test_it_keeps_the_built_in_trainer_where_a_file_of_another_name_registers_its_slug(write):
    write(TRAINER.format(slug="sft"), name="sft2")

    assert (only_broken().name, only_broken().reason) == (
        "sft2.py",
        "The slug “sft” belongs to a built-in trainer already.",
    )
    assert (catalog.get("sft").source, only_broken().blocks) == ("built-in", "")


def test_a_file_named_like_one_built_in_trainer_cannot_take_another_s_place(write):
    write(TRAINER.format(slug="sft"), name="custom01")

    assert catalog.get("sft").source == "built-in"
    assert (only_broken().reason, only_broken().blocks) == (
        "The slug “sft” belongs to a built-in trainer already.",
        "custom01",
    )


@pytest.mark.parametrize(("name", "slug"), [("custom01", "custom01"), ("prompt_tuning", "prompt-tuning")])
def test_it_does_not_run_the_built_in_trainer_for_one_that_is_broken(write, name, slug):
    write("(", name=name)

    assert catalog.broken()[0].blocks == slug
    with pytest.raises(catalog.UnknownTrainer, match=rf"does not load: {name}.py, line 1: SyntaxError"):
        catalog.get(slug)


def test_it_says_what_is_not_here():
    with pytest.raises(catalog.UnknownTrainer, match="The trainer “kettle” is not here"):
        catalog.get("kettle")


def test_it_says_what_a_file_registers_under_other_names(write):
    write(TRAINER.format(slug="samovar") + TRAINER.format(slug="teapot"), name="hot_water")

    for asked in ("hot_water", "hot-water"):
        with pytest.raises(
            catalog.UnknownTrainer, match="is not here; the file of that name registers samovar, teapot"
        ):
            catalog.get(asked)


def test_it_keeps_the_console_s_secrets_from_a_trainer(write, data_dir, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "kettle")
    write(f"import os\nopen({str(data_dir / 'seen')!r}, 'w').write(os.environ.get('SECRET_KEY', 'none'))\n" + TRAINER)

    catalog.trainers()

    assert (data_dir / "seen").read_text() == "none"


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package with entry points, as pip would install it."""
    package = tmp_path / "site"
    info = package / "kettles-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: kettles\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[deepext.trainers]\nkettle = kettles:Kettle\npot = kettles.pots\nlora = kettles.lora\nslow = slow_kettles\n"
        "cup = kettles.cups:Cup\n"
    )
    (package / "kettles").mkdir()
    (package / "kettles" / "__init__.py").write_text(TRAINER.format(slug="kettle"))
    (package / "kettles" / "lora.py").write_text(TRAINER.format(slug="lora"))
    (package / "kettles" / "cups.py").write_text("class Cup:\n    slug = 'cup'")
    (package / "slow_kettles.py").write_text("import time\ntime.sleep(1000)")
    monkeypatch.setattr(descriptions, "TIME_OUT", 5)
    monkeypatch.syspath_prepend(package)
    monkeypatch.setenv("PYTHONPATH", str(package))


def test_it_describes_what_packages_bring_each_by_itself(installed):
    kettle = catalog.get("kettle")

    assert (kettle.source, kettle.file, kettle.version) == ("installed package", None, "kettles 1.0")
    assert kettle.origin.endswith("kettles/__init__.py")
    assert {one.file: one.reason for one in catalog.broken()} == {
        "pot = kettles.pots": "ModuleNotFoundError: No module named 'kettles.pots'",
        "cup = kettles.cups:Cup": "TypeError: Cup is no subclass of Trainer.",
        "lora = kettles.lora": "The slug “lora” belongs to a built-in trainer already.",
        "slow = slow_kettles": "It takes longer than 5 s to load.",
    }


def test_it_runs_the_built_in_trainer_whatever_a_package_calls_its_own(installed):
    assert catalog.get("lora").source == "built-in"
