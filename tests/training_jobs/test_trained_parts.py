"""What is foretold of the number of parameters that learn, held against what PEFT then has."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.tiny_model import make_tiny_model
from tests.trainers.child import ROOT
from training_jobs import base_models, trained_parts
from training_methods import catalog
from training_methods.trainers.parameters import values_model

COUNT = """
import json, sys
from pathlib import Path
from peft import get_peft_model
from training_methods.trainers import adapters, hugging_face

folder, counts = Path(sys.argv[1]), []
for trainer, given in json.loads(sys.argv[2]):
    model = hugging_face.load_model(folder)
    layers = given.get("target_modules", "all-linear")
    if trainer == "lora":
        named = hugging_face.adapted_layers(model, layers)
        adapter = adapters.configuration(given["variant"], named, rank=given["rank"], alpha=8, dropout=0)
    elif trainer == "ia3":
        adapter = adapters.scaling(model, layers, given["feedforward_modules"])
    else:
        adapter = adapters.prompt(
            given["variant"], model, tokens=given["virtual_tokens"], start_text="", base_model=folder
        )
    counts.append(get_peft_model(model, adapter).get_nb_trainable_parameters()[0])
print(json.dumps(counts))
"""
SETTINGS: list[tuple[str, dict[str, Any]]] = [
    *(("lora", {"variant": variant, "rank": 4}) for variant in trained_parts.BESIDE),
    ("lora", {"variant": "lora", "rank": 3, "target_modules": "q_proj, v_proj"}),
    ("ia3", {"target_modules": "auto", "feedforward_modules": "auto"}),
    ("ia3", {"target_modules": "q_proj, o_proj", "feedforward_modules": "up_proj"}),
    *(("prompt-tuning", {"variant": variant, "virtual_tokens": 5}) for variant in ("prompt", "prefix", "p-tuning")),
]


@pytest.mark.django_db
def test_as_many_parameters_learn_as_it_tells(tmp_path):
    folder = make_tiny_model(tmp_path / "tiny")
    base_model = base_models.add(str(folder), name="Tiny")
    told = [trained_parts.of(catalog.get(slug), whole(slug, given), base_model) for slug, given in SETTINGS]

    command = [sys.executable, "-c", COUNT, str(folder), json.dumps(SETTINGS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert [one.parameters for one in told if one] == json.loads(done.stdout.splitlines()[-1])


@pytest.mark.django_db
def test_it_does_not_guess_where_weights_or_layers_are_not_known(tmp_path):
    base_model = base_models.add(str(make_tiny_model(tmp_path / "tiny")), name="Tiny")
    auto = whole("ia3", {"target_modules": "auto", "feedforward_modules": "auto"})

    base_model.architecture = "PelicanForCausalLM"
    assert trained_parts.of(catalog.get("ia3"), auto, base_model).parameters is None
    base_model.path, base_model.fingerprint = "/nowhere", "another"
    assert trained_parts.of(catalog.get("lora"), whole("lora", {}), base_model).parameters is None


def whole(slug: str, given: dict[str, Any]) -> dict[str, Any]:
    return values_model(catalog.get(slug).parameters)(**given).model_dump()
