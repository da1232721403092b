"""The interpreter of a method's script: tried when it is saved, and an administrator's to name."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from tests.trainers.child import is_gone, wait_for
from training_methods import config, interpreters, registry
from training_methods.models import TrainingMethod

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> str:
    """Of a virtual environment that has nothing but Python."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    return str(folder / "bin" / "python")


@pytest.fixture
def script(data_dir: Path) -> TrainingMethod:
    (data_dir / "trainers").mkdir()
    (data_dir / "trainers" / "boiler.py").write_text("print('Boiling.')")
    return TrainingMethod.objects.create(
        internal_name="boiler", display_name="Boiler", method_type="CUSTOM", trainer="boiler"
    )


def program(folder: Path, code: str) -> str:
    file = folder / "python"
    file.write_text(f"#!/bin/sh\n{code}\n")
    file.chmod(0o755)
    return str(file)


def refused(method: TrainingMethod, user) -> str:
    with pytest.raises(ValidationError) as refusal:
        registry.change(method, user)
    assert TrainingMethod.objects.get().config == {}
    (sentence,) = refusal.value.message_dict["config"]
    return sentence


def test_an_administrator_names_the_interpreter(script, admin, python):
    script.config = {"interpreter": python}

    registry.change(script, admin)

    assert config.interpreter(TrainingMethod.objects.get().config) == python


def test_whoever_may_edit_methods_alone_does_not(script, engineer, python):
    script.config = {"interpreter": python}

    assert refused(script, engineer).startswith("interpreter: Only an administrator may say which program runs")


def test_nor_does_a_program_that_was_named_by_somebody_else_run_to_be_checked(script, engineer, tmp_path):
    script.config = {"interpreter": program(tmp_path, f"touch {tmp_path}/ran")}

    refused(script, engineer)

    assert not (tmp_path / "ran").exists()


def test_what_an_administrator_named_stays_when_others_edit(script, admin, engineer, python):
    script.config = {"interpreter": python}
    registry.change(script, admin)

    script.config = {"interpreter": python, "resources": {"queue": "gpu"}}
    registry.change(script, engineer)
    script.config = {}
    with pytest.raises(ValidationError, match="Only an administrator"):
        registry.change(script, engineer)

    assert TrainingMethod.objects.get().config["resources"] == {"queue": "gpu"}


def test_a_new_method_with_an_interpreter_takes_an_administrator_too(script, licensed, engineer, python):
    copy = TrainingMethod(internal_name="copy", display_name="Copy", method_type="CUSTOM", trainer="boiler")
    copy.config = {"interpreter": python}

    with pytest.raises(ValidationError, match="Only an administrator"):
        registry.add(copy, engineer)

    assert TrainingMethod.objects.count() == 1


def test_the_page_says_it_at_the_configuration(client, script, engineer, python):
    client.force_login(engineer)
    fields = {"display_name": "Boiler", "method_type": "CUSTOM", "trainer": "boiler", "description": ""}

    page = client.post("/methods/boiler/edit/", fields | {"config": f'{{"interpreter": "{python}"}}'})

    assert "Only an administrator may say which program runs a script" in page.text
    assert TrainingMethod.objects.get().config == {}


def test_a_trainer_class_takes_none(custom, admin, python):
    custom.config = {"interpreter": python}

    assert refused(custom, admin).startswith("interpreter: “custom01” is no script")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("echo 3.7.16", "is Python 3.7.16: scripts need 3.8 or newer."),
        ("echo 2.7.18", "is Python 2.7.18: scripts need 3.8 or newer."),
        ("echo Hello", "does not answer as a Python does: it said “Hello”."),
        ("exit 3", "does not answer as a Python does: it said “”."),
        ("sleep 60", "gave no answer within 1 s."),
    ],
)
def test_it_says_what_is_wrong_with_a_program(tmp_path, monkeypatch, code, sentence):
    monkeypatch.setattr(interpreters, "PATIENCE", 1 if "sleep" in code else 30)

    assert interpreters.problem(path := program(tmp_path, code)) == f"“{path}” {sentence}"


def test_the_oldest_that_will_do_does(tmp_path):
    assert interpreters.problem(program(tmp_path, "echo 3.8.0")) == ""


def test_what_a_program_has_started_ends_with_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr(interpreters, "PATIENCE", 2)

    interpreters.problem(program(tmp_path, f"sleep 1000 & echo $! > {tmp_path}/started; wait"))

    wait_for(lambda: is_gone(int((tmp_path / "started").read_text())))


def test_it_says_what_is_wrong_with_a_path(tmp_path, script, admin):
    (tmp_path / "notes").write_text("Not a program.")
    (tmp_path / "image").write_bytes(b"\x7fnothing")
    (tmp_path / "image").chmod(0o755)

    said = {name: interpreters.problem(name) for name in ("python3", str(tmp_path), f"{tmp_path}/absent")}
    said |= {name: interpreters.problem(f"{tmp_path}/{name}") for name in ("notes", "image")}

    assert "is no full path" in said["python3"]
    assert f"is a folder: name the Python in it, such as {tmp_path}/bin/python." in said[str(tmp_path)]
    assert "There is no file" in said[f"{tmp_path}/absent"]
    assert "is no program that may be started here." in said["notes"]
    assert "cannot be started: Exec format error." in said["image"]


def test_it_does_not_see_our_secrets(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "hush")

    assert "said “”" in interpreters.problem(program(tmp_path, "echo $SECRET_KEY"))


def test_an_interpreter_that_is_away_for_the_while_can_be_kept(script, admin, tmp_path):
    script.config = {"interpreter": program(tmp_path, "echo 3.11.7")}
    registry.change(script, admin)
    (tmp_path / "python").unlink()

    script.description = "Still ours."

    assert registry.change(script, admin).description == "Still ours."


@pytest.mark.parametrize(("given", "sentence"), [("", "This text is empty."), (3, "3 is not text.")])
def test_its_shape_is_checked(given, sentence):
    assert config.check({"interpreter": given}, None) == {"interpreter": sentence}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [({"interpreter": 3}, "interpreter: 3 is not text."), ([3], "This must be a JSON object, not a list.")],
)
def test_what_has_another_shape_is_refused_and_not_started(script, admin, given, sentence):
    script.config = given

    assert refused(script, admin) == sentence
