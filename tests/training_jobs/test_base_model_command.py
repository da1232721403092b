"""manage.py add_base_model"""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tests.training_jobs.base_model_folder import write_base_model
from training_jobs.models import FoundationModel

pytestmark = pytest.mark.django_db


def add_base_model(*arguments: object) -> str:
    output = io.StringIO()
    call_command("add_base_model", *map(str, arguments), stdout=output)
    return output.getvalue()


@pytest.fixture
def folder(tmp_path):
    return write_base_model(tmp_path / "tiny")


def test_it_says_in_a_line_what_it_found(folder):
    output = add_base_model(folder, "--name", "Tiny")

    model = FoundationModel.objects.get()
    assert model.path == str(folder)
    assert output == (
        "Added “Tiny”: LlamaForCausalLM, 9600 parameters, safetensors, with chat template, "
        f"fingerprint {model.fingerprint[:12]}…\n"
    )


def test_it_says_it_in_json(folder):
    described = json.loads(add_base_model(folder, "--name", "Tiny", "--json"))

    assert (described["name"], described["kind"], described["parameters"]) == ("Tiny", "causal-lm", 9600)
    assert described["id"] == FoundationModel.objects.get().pk


def test_it_takes_a_relative_folder(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)

    add_base_model("tiny", "--name", "Tiny")

    assert FoundationModel.objects.get().path == str(folder)


def test_it_says_why_a_folder_is_refused(folder):
    (folder / "model.safetensors").unlink()

    with pytest.raises(CommandError) as error:
        add_base_model(folder, "--name", "Tiny")

    assert "has no weights" in str(error.value)
    assert error.value.returncode == 1
    assert not FoundationModel.objects.exists()


def test_it_refuses_a_name_in_use_whatever_its_case(folder):
    add_base_model(folder, "--name", "Tiny")

    with pytest.raises(CommandError, match="A base model named “TINY” exists already"):
        add_base_model(folder, "--name", "TINY")


def test_it_says_why_nothing_was_downloaded():
    pytest.importorskip("huggingface_hub", reason="the extra “training” is not installed")

    with pytest.raises(CommandError) as error:
        add_base_model("somebody/some-model", "--name", "Some")

    assert str(error.value) == (
        "“somebody/some-model” is no folder here and could not be downloaded: HF_HUB_OFFLINE is set."
    )
