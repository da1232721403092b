"""The trainers folder as people leave it: whatever lies there is listed with its reason and breaks nothing else."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.training_methods.test_catalog import TRAINER
from training_methods import catalog, descriptions
from training_methods.trainers.discovery import BUILT_IN

REGISTERS = "from training_methods.trainers import register\n"
WRITES_JUNK = """import os
for descriptor in range(3, 20):
    try: os.write(descriptor, b"junk")
    except OSError: pass
os._exit(0)"""


@pytest.fixture(autouse=True)
def folder(monkeypatch, data_dir) -> Path:
    monkeypatch.setattr(catalog, "_memory", catalog.Memory())
    folder = data_dir / "trainers"
    folder.mkdir()
    (folder / "good.py").write_text(TRAINER.format(slug="good"))
    return folder


def only_broken() -> catalog.BrokenTrainer:
    """The others are there all the same."""
    (one,) = catalog.broken()
    assert list(catalog.trainers()) == [*BUILT_IN, "good"]
    return one


def reason() -> str:
    return only_broken().reason


def test_it_lists_a_folder_named_like_a_file(folder):
    (folder / "kettle.py").mkdir()

    assert reason() == "It cannot be read: it is a folder."


@pytest.mark.parametrize("target", ["/nowhere/kettle.py", "kettle.py"])
def test_it_lists_a_link_that_leads_nowhere(folder, target):
    (folder / "kettle.py").symlink_to(target)

    assert reason() == f"It cannot be read: it is a link to {target}, which is not there."


def test_it_does_not_wait_for_a_pipe_nor_read_a_device_to_its_end(folder):
    os.mkfifo(folder / "pipe.py")
    (folder / "zero.py").symlink_to("/dev/zero")

    assert [one.reason for one in catalog.broken()] == ["It cannot be read: it is not a file."] * 2


def test_it_does_not_read_what_is_too_large_to_be_a_trainer(folder):
    (folder / "kettle.py").write_bytes(b"#" * 2_000_000)

    assert reason() == "It cannot be read: it has 2,000,000 bytes, and a trainer's file at most 1,048,576."


def test_it_lists_a_file_that_may_not_be_read(folder):
    (folder / "kettle.py").write_text(TRAINER.format(slug="kettle"))
    (folder / "kettle.py").chmod(0)
    if os.access(folder / "kettle.py", os.R_OK):
        pytest.skip("An administrator of the machine may read every file.")

    assert reason() == "It cannot be read: Permission denied."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("word = 'café'\n".encode("latin-1") + TRAINER.encode(), "SyntaxError: (unicode error) 'utf-8' codec can't"),
        (TRAINER.encode("utf-16"), "SyntaxError: source code string cannot contain null bytes"),
        (REGISTERS + "import os; os.kill(os.getpid(), 9)", "Loading it ends the process by signal 9 (Killed)."),
        (REGISTERS + WRITES_JUNK, "Loading it ends the process before it could say what it offers."),
        (REGISTERS + "def boil(): boil()\nboil()", "RecursionError"),
        (REGISTERS + "raise ValueError('x' * 100_000)", "ValueError: xxx"),
        (REGISTERS + "raise ValueError('half \\udcff')", "ValueError: half ?"),
        (TRAINER.format(slug="kettle").replace("cups: int = 2", "cups: int = 'two'"),
         "The default of “cups” does not fit. “two” is not a whole number."),
        (TRAINER.format(slug="kettle").replace('"Kettle"', "5"), "label: Input should be a valid string"),
        (TRAINER.format(slug="kettle").replace("(DataFormat.TEXT,)", "()"), "at least one DataFormat, not ()"),
        (TRAINER.format(slug="kettle").replace('Kettle"', '\\ud800"'), "Loading it ends the process with exit code 1."),
    ],
    ids=["latin-1", "utf-16", "kill", "junk", "recursion", "long", "half", "default", "label", "formats", "surrogate"],
)  # fmt: skip
def test_it_lists_a_file_that_cannot_be_understood(folder, content, words):
    (folder / "kettle.py").write_bytes(content if isinstance(content, bytes) else content.encode())

    assert words in reason()
    assert len(reason()) <= 1000


def test_it_lists_a_file_whose_name_is_no_text(folder):
    (folder / os.fsdecode(b"kettle\xff.py")).write_text(TRAINER.format(slug="kettle"))

    assert only_broken().name == "kettle\ufffd.py"
    assert reason() == "Its name is not UTF-8: rename it."


def test_it_has_nothing_to_say_of_a_folder_that_is_not_there_yet(settings, folder):
    settings.TRAINERS_DIR = folder / "later"

    assert list(catalog.trainers()) == list(BUILT_IN)
    assert catalog.broken() == []


def test_it_says_that_a_folder_cannot_be_read(settings, folder):
    settings.TRAINERS_DIR = folder / "good.py"

    (one,) = catalog.broken()

    assert (one.file, one.reason) == (str(folder / "good.py"), "The trainers folder cannot be read: Not a directory.")
    assert list(catalog.trainers()) == list(BUILT_IN)


def test_it_reads_a_file_again_once_what_lies_beside_it_is_put_right(folder):
    (folder / "_shared").mkdir()
    (folder / "_shared" / "words.py").write_text("(")
    code = "from _shared.words import CUPS\n" + TRAINER.format(slug="kettle").replace("= 2", "= CUPS")
    (folder / "kettle.py").write_text(code)
    assert "SyntaxError" in reason()

    (folder / "_shared" / "words.py").write_text("CUPS = 7")

    assert catalog.get("kettle").parameters[0].default == 7


def test_it_reads_everything_again_when_told_to(folder):
    """What a file needs may lie anywhere on the machine."""
    (folder / "kettle.py").write_text(f"open({str(folder / 'leaf')!r})\n" + TRAINER.format(slug="kettle"))
    assert "FileNotFoundError" in reason()
    (folder / "leaf").touch()
    assert "FileNotFoundError" in reason()

    descriptions.read_again()

    assert catalog.get("kettle").label == "Kettle"


def test_it_passes_over_what_a_full_disk_cut_short(folder):
    catalog.trainers()
    (kept,) = descriptions.home().glob("*.json")
    kept.write_text('{"trainers": [')
    catalog._memory.last = None

    assert "good" in catalog.trainers()


def test_it_goes_on_answering_while_a_file_that_never_loads_is_read(folder, monkeypatch):
    monkeypatch.setattr(descriptions, "TIME_OUT", 5)
    catalog.trainers()
    (folder / "kettle.py").write_text(REGISTERS + "import time; time.sleep(1000)")
    reader = threading.Thread(target=catalog.current)
    reader.start()
    while not catalog._memory.reading.locked():
        time.sleep(0.01)

    meanwhile = catalog.current()

    assert reader.is_alive()
    assert (meanwhile.is_being_read, list(meanwhile.trainers)) == (True, [*BUILT_IN, "good"])
    reader.join()
    assert not catalog.current().is_being_read
    assert reason() == "It takes longer than 5 s to load."


def test_it_reads_several_files_at_once(folder):
    """Each of them loads only while the two others are loaded too."""
    waits = """
import pathlib, time
here = pathlib.Path({folder!r})
(here / "{name}.flag").touch()
while len(list(here.glob("*.flag"))) < 3: time.sleep(0.05)
"""
    for name in ("a", "b", "c"):
        (folder / f"{name}.py").write_text(waits.format(folder=str(folder), name=name) + TRAINER.format(slug=name))

    assert {"a", "b", "c"} <= catalog.trainers().keys()


def test_it_waits_once_for_a_file_that_never_loads(folder, monkeypatch):
    monkeypatch.setattr(descriptions, "TIME_OUT", 3)
    count = f"open({str(folder / 'count')!r}, 'a').write('x')\nimport time\ntime.sleep(1000)"
    (folder / "kettle.py").write_text(REGISTERS + count)
    assert reason() == "It takes longer than 3 s to load."

    catalog._memory.last = None  # as in the next process

    assert reason() == "It takes longer than 3 s to load."
    assert (folder / "count").read_text() == "x"


PROCESS = """
import django
django.setup()
from training_methods import catalog
print("kettle" in catalog.trainers())
"""


def test_it_starts_one_child_for_two_processes_that_come_at_once(folder):
    count = f"open({str(folder / 'count')!r}, 'a').write('x')\nimport time\ntime.sleep(1)\n"
    (folder / "kettle.py").write_text(count + TRAINER.format(slug="kettle"))
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "deepext.settings", "DEEPEXT_DATA_DIR": str(folder.parent)}

    processes = [
        subprocess.Popen([sys.executable, "-c", PROCESS], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]

    assert [process.communicate()[0].strip() for process in processes] == ["True", "True"]
    assert (folder / "count").read_text() == "x"
