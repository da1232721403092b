"""What docs/developer-guide.md shows works as it stands there."""

import json
import re
import shlex
import sys
import tomllib
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command, load_command_class

from training_methods import catalog, config
from training_methods.trainers import Inputs, discovery, objections
from training_methods.trainers.inputs import DatasetFile, ModelFacts
from training_methods.trainers.parameters import values_model
from training_methods.trainers.script import Script, arguments

GUIDE = (Path(__file__).parent.parent / "docs" / "developer-guide.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


COMMANDS = [shlex.split(line)[2:] for block in blocks("bash") for line in block.splitlines()]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_it_shows_commands_that_there_are(command):
    name, *arguments = command

    parsed = load_command_class("training_methods", name).create_parser("manage.py", name).parse_args(arguments)

    assert parsed


@pytest.fixture
def trainers_folder(settings, tmp_path) -> Path:
    settings.TRAINERS_DIR = tmp_path
    return tmp_path


def test_it_shows_a_trainer_that_passes_the_bench(trainers_folder):
    (code,) = [block for block in blocks("python") if "@register" in block]
    (trainers_folder / "kettle.py").write_text(code)
    said = StringIO()

    call_command("check_trainer", "kettle", "--json", stdout=said)

    checks = json.loads(said.getvalue())["checks"]
    assert {check["outcome"] for check in checks} == {"passed"}
    assert all(check["name"] in GUIDE for check in checks)


def test_it_shows_how_a_trainer_says_its_version(trainers_folder):
    code, *_ = blocks("python")
    (line,) = re.findall(r"`(version: .*?)`", GUIDE)
    (trainers_folder / "kettle.py").write_text(code.replace("    epochs:", f"    {line}\n    epochs:"))

    assert catalog.get("kettle").version == "2.1"


def test_it_shows_how_a_trainer_objects(trainers_folder, monkeypatch):
    monkeypatch.setattr("sys.path", sys.path.copy())  # loading a file puts its folder there
    code, method, *_ = blocks("python")
    imports = "from collections.abc import Iterator\nfrom training_methods.trainers import Inputs\n"
    file = trainers_folder / "kettle.py"
    file.write_text(imports + code.replace("    def train(", f"{method}\n    def train("))
    dataset = DatasetFile(path=file, data_format="question-answer", row_count=1)

    kettle = discovery.load_trainer("kettle", file)(epochs=11)

    said = objections.found(kettle, Inputs(base_model=ModelFacts(), dataset=dataset))
    assert said == {"epochs": "A single row is learnt by heart in fewer than 11 epochs: lower them."}


def test_it_shows_a_configuration_that_a_script_takes(trainers_folder):
    call_command("new_trainer", "boiler", "--script", stdout=StringIO())
    (shown,) = blocks("json")

    assert config.check(json.loads(shown), catalog.get("boiler")) == {}


def test_it_shows_the_arguments_that_a_script_gets():
    for name, field in Script.model_fields.items():
        assert " ".join(arguments({name: field.default})) in " ".join(GUIDE.split())


def test_it_names_methods_and_settings_that_there_are_for_those_of_llama_factory():
    (section,) = re.findall(r"\n## From LLaMA-Factory\n(.*?)\n## ", GUIDE, re.DOTALL)
    *rows, same = (line for line in section.splitlines() if line.startswith(("| `", "`learning_rate`")))
    named = re.findall(r"`(\w+)(?:=([\w-]+))?`", " ".join([*(row.split(" | ")[1] for row in rows), same]))
    there = {one.name: one for slug in ("lora", "dpo") for one in catalog.get(slug).parameters}

    assert len(rows) == 11
    for name, value in named:
        assert name in there or name in catalog.trainers()
        assert not value or values_model([there[name]])(**{name: value})


def test_it_shows_an_entry_point_that_brings_a_trainer(trainers_folder, tmp_path, monkeypatch):
    (shown,) = blocks("toml")
    ((group, points),) = tomllib.loads(shown)["project"]["entry-points"].items()
    (code,) = [block for block in blocks("python") if "@register" in block]
    package = tmp_path / "site"
    (package / "kettles").mkdir(parents=True)
    (package / "kettles" / "training.py").write_text(code)
    (package / "kettles-1.0.dist-info").mkdir()
    (package / "kettles-1.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: kettles\nVersion: 1.0\n")
    (package / "kettles-1.0.dist-info" / "entry_points.txt").write_text(
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items())])
    )
    monkeypatch.syspath_prepend(package)
    monkeypatch.setenv("PYTHONPATH", str(package))

    assert catalog.get("kettle").source == "installed package"
