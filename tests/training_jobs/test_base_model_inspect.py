"""What a base model's folder says of the model, and which folders are refused."""

import json
from pathlib import Path

import pytest

from tests.training_jobs.base_model_folder import CONFIG, safetensors, write_base_model
from training_jobs.model_folders import BadBaseModel, inspect


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_base_model(tmp_path / "model")


def refusal(folder: Path) -> str:
    with pytest.raises(BadBaseModel) as bad:
        inspect(folder)
    return str(bad.value).replace(str(folder), "FOLDER")


def shard(folder: Path, *names: str) -> None:
    (folder / "model.safetensors").unlink()
    weight_map = {f"layer{place}": name for place, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_it_reads_the_facts_without_loading_the_model(folder):
    facts = inspect(folder)

    assert (facts.kind, facts.architecture, facts.weights) == ("causal-lm", "LlamaForCausalLM", "safetensors")
    assert (facts.parameter_count, facts.context_length, facts.vocabulary_size) == (9600, 2048, 300)
    assert facts.has_chat_template
    assert facts.license_name == "apache-2.0"
    assert facts.size_bytes == (folder / "model.safetensors").stat().st_size


def test_it_counts_the_parameters_of_all_shards(folder):
    shard(folder, "one.safetensors", "two.safetensors")
    (folder / "one.safetensors").write_bytes(safetensors(layer0=[10, 10]))
    (folder / "two.safetensors").write_bytes(safetensors(layer1=[5, 10]))

    assert inspect(folder).parameter_count == 150


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [("GPT2LMHeadModel", "causal-lm"), ("Qwen3ForCausalLM", "causal-lm"), ("LlamaForSequenceClassification", "reward")],
)
def test_it_tells_the_kind_by_the_architecture(folder, architecture, kind):
    (folder / "config.json").write_text(json.dumps(CONFIG | {"architectures": [architecture]}))

    assert inspect(folder).kind == kind


@pytest.mark.parametrize("name", ["chat_template.jinja", "chat_template.json"])
def test_it_finds_a_chat_template_in_a_file_of_its_own(folder, name):
    (folder / "tokenizer_config.json").unlink()
    assert not inspect(folder).has_chat_template

    (folder / name).touch()
    assert inspect(folder).has_chat_template


def test_it_tells_fine_tuned_weights_from_the_original(folder):
    before = inspect(folder).fingerprint
    weights = bytearray((folder / "model.safetensors").read_bytes())

    weights[-1] = 1
    (folder / "model.safetensors").write_bytes(weights)

    assert inspect(folder).fingerprint != before


def test_it_refuses_a_folder_that_is_not_there(tmp_path):
    assert refusal(tmp_path / "nowhere") == "There is no folder “FOLDER”."


def test_it_refuses_a_file(folder):
    assert refusal(folder / "config.json") == "“FOLDER” is a file: a base model is a folder."


@pytest.mark.parametrize(
    ("remove", "sentence"),
    [
        ("config.json", "“FOLDER” has no config.json."),
        ("tokenizer.json", "“FOLDER” has no tokenizer: neither tokenizer.json nor tokenizer.model."),
        ("model.safetensors", "“FOLDER” has no weights: neither model.safetensors, nor its index, nor a GGUF file."),
    ],
)
def test_it_refuses_a_folder_that_lacks_something(folder, remove, sentence):
    (folder / remove).unlink()

    assert refusal(folder) == sentence


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.pt", "consolidated.00.pth"])
def test_it_refuses_weights_in_a_pickle(folder, name):
    (folder / "model.safetensors").rename(folder / name)

    assert refusal(folder) == (
        f"“FOLDER” holds its weights only as a pickle ({name}), and loading one can run any code: convert it where "
        "that does no harm, with from_pretrained(…) and save_pretrained(…), which writes safetensors."
    )


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_it_refuses_a_model_that_brings_its_own_code(folder, name):
    (folder / name).write_text(json.dumps(CONFIG | {"auto_map": {"AutoModelForCausalLM": "modeling_own.Own"}}))

    assert refusal(folder) == (
        f"“FOLDER” needs code of its own, which is never run here: {name} names it under “auto_map”."
    )


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("config.json", "{", "“FOLDER/config.json” is not JSON: Expecting property name enclosed in double quotes: "
         "line 1 column 2 (char 1)."),
        ("config.json", "[]", "“FOLDER/config.json” holds no JSON object."),
        ("config.json", '{"vocab_size": 3}', "“FOLDER/config.json” names no architecture under “architectures”."),
        ("config.json", '{"architectures": ["ViTModel"]}', "“FOLDER” is a ViTModel: one that ends in ForCausalLM or "
         "LMHeadModel or ForSequenceClassification is needed."),
        ("tokenizer.json", "nonsense", "“FOLDER/tokenizer.json” is not JSON: Expecting value: line 1 column 1 "
         "(char 0)."),
        ("model.safetensors", "version https://git-lfs.github.com/spec/v1\n", "“FOLDER” cannot be used: "
         "model.safetensors is a Git LFS pointer, not the weights: run “git lfs pull” in its folder."),
        ("model.safetensors", "nonsense and more of it", "“FOLDER” cannot be used: model.safetensors is not "
         "safetensors, or cut short within its header."),
        ("model.safetensors", "\x08\0\0\0\0\0\0\0{nonsens", "“FOLDER” cannot be used: model.safetensors is damaged: "
         "its header does not describe tensors."),
    ],
)  # fmt: skip
def test_it_refuses_a_file_that_is_not_what_it_should_be(folder, name, content, sentence):
    (folder / name).write_text(content)

    assert refusal(folder) == sentence


def test_it_refuses_weights_cut_short(folder):
    weights = folder / "model.safetensors"
    size = weights.stat().st_size
    weights.write_bytes(weights.read_bytes()[:-1])

    assert f"it has {size - 1:,} bytes where its header speaks of {size:,}." in refusal(folder)


def test_it_refuses_a_header_that_speaks_of_more_numbers_than_the_file_has_room_for(folder):
    weights = folder / "model.safetensors"
    header = json.dumps({"embed": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}).encode()
    weights.write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))

    assert "model.safetensors is damaged: its header does not describe tensors." in refusal(folder)


def test_it_refuses_a_missing_shard(folder):
    shard(folder, "one.safetensors", "two.safetensors")
    (folder / "one.safetensors").write_bytes(safetensors(layer0=[10, 10]))

    assert "The weight file two.safetensors is missing" in refusal(folder)


def test_it_reads_no_shard_outside_the_folder(folder):
    shard(folder, "../../secret.safetensors")

    assert "The weight file ../../secret.safetensors is missing" in refusal(folder)


def test_it_refuses_an_adapter(folder):
    (folder / "config.json").rename(folder / "adapter_config.json")
    (folder / "model.safetensors").rename(folder / "adapter_model.safetensors")

    assert refusal(folder) == "“FOLDER” holds an adapter, not a base model: merge it into its base model first."
