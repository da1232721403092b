"""`manage.py new_trainer`."""

import ast
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from training_methods import catalog
from training_methods.trainers.discovery import built_in_file


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.TRAINERS_DIR = tmp_path / "trainers"
    return settings.TRAINERS_DIR


def new_trainer(*arguments: str) -> str:
    out = StringIO()
    call_command("new_trainer", *arguments, stdout=out)
    return out.getvalue()


def test_it_writes_a_trainer_class_under_the_new_name(folder):
    said = new_trainer("aunt-agatha_2")

    assert str(folder / "aunt-agatha_2.py") in said
    assert "Methods → Add a New, with the trainer aunt-agatha_2." in said
    trainer = catalog.get("aunt-agatha_2")
    assert (trainer.label, trainer.source, trainer.is_script) == ("Aunt agatha 2", "trainers folder", False)
    text = (folder / "aunt-agatha_2.py").read_text()
    assert "class MyAuntAgatha2(Trainer):" in text
    assert not re.search("custom ?01", text, re.IGNORECASE)


def test_what_it_writes_shows_where_a_version_may_stand(folder):
    new_trainer("kettle")
    file = folder / "kettle.py"

    file.write_text(file.read_text().replace("# version: ClassVar", "version: ClassVar"))

    assert catalog.get("kettle").version == "1.0"


def test_it_writes_a_script(folder):
    new_trainer("kettle", "--script")

    assert catalog.get("kettle").is_script
    assert "custom02" not in (folder / "kettle.py").read_text()


def test_it_changes_names_alone(folder):
    new_trainer("kettle")

    ours, template = (ast.parse(file.read_bytes()) for file in (folder / "kettle.py", built_in_file("custom01")))
    assert [type(node) for node in ast.walk(ours)] == [type(node) for node in ast.walk(template)]


@pytest.mark.parametrize("name", ["custom01", "custom02"])
def test_it_takes_the_place_of_the_two_that_are_there_for_it(name):
    said = new_trainer(name)

    assert f"The method {name} runs it." in said
    assert catalog.get(name).source == "trainers folder"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("Two Words", "“Two Words” is no slug: use lower-case letters and digits"),
        ("../kettle", "“../kettle” is no slug"),
        ("lora", "There is a trainer “lora” already (built-in)."),
        ("rewards", "rewards.py is the file of your own reward functions, which holds no trainer."),
        ("k" * 300, "The name has 300 characters; it may have 64."),
        ("datasets", "“datasets” is the name of a Python module, which a file of that name would hide."),
    ],
)
def test_it_refuses_other_names(folder, name, sentence):
    with pytest.raises(CommandError) as refusal:
        new_trainer(name)

    assert sentence in str(refusal.value)
    assert not list(folder.glob("*"))


def test_it_never_writes_over_a_file(folder):
    folder.mkdir()
    (folder / "kettle.py").write_text("this does not load")

    with pytest.raises(CommandError, match=r"kettle\.py is there already"):
        new_trainer("kettle")

    assert (folder / "kettle.py").read_text() == "this does not load"
