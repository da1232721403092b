"""GGUF files, which carry their configuration and tokenizer inside."""

from pathlib import Path

import pytest

from training_jobs.model_folders import BadBaseModel, inspect

gguf = pytest.importorskip("gguf", reason="the extra “training” is not installed")
numpy = pytest.importorskip("numpy")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(512)
    writer.add_license("apache-2.0")
    writer.add_token_list(["<s>", "</s>", "a", "b"])
    writer.add_token_scores([0.0, 0.0, 0.0, 0.0])
    writer.add_chat_template("{{ messages }}")
    writer.add_tensor("token_embd.weight", numpy.zeros((4, 32), dtype=numpy.float32))
    writer.add_tensor("output.weight", numpy.zeros((4, 64), dtype=numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def refusal(folder: Path) -> str:
    with pytest.raises(BadBaseModel) as bad:
        inspect(folder)
    return str(bad.value).replace(str(folder), "FOLDER")


def test_it_reads_the_facts_from_the_files_own_head(file):
    facts = inspect(file.parent)

    assert (facts.kind, facts.architecture, facts.weights) == ("causal-lm", "llama", "gguf")
    assert (facts.parameter_count, facts.context_length, facts.vocabulary_size) == (384, 512, 4)
    assert facts.has_chat_template
    assert facts.license_name == "apache-2.0"


def test_it_refuses_a_file_by_that_name_only(file):
    file.write_bytes(b"something else")

    assert refusal(file.parent) == (
        "“FOLDER” cannot be used: tiny.gguf is not GGUF: such a file begins with “GGUF”."
    )  # fmt: skip


@pytest.mark.parametrize("rest", [20, 200])
def test_it_refuses_a_header_cut_short(file, rest):
    file.write_bytes(file.read_bytes()[:rest])

    assert refusal(file.parent) == (
        "“FOLDER” cannot be used: tiny.gguf is damaged or cut short within its header."
    )  # fmt: skip


@pytest.mark.parametrize("alignment", [0, "wide"])
def test_it_refuses_an_alignment_that_is_none(tmp_path, alignment):
    writer = gguf.GGUFWriter(tmp_path / "tiny.gguf", "llama")
    (writer.add_string if isinstance(alignment, str) else writer.add_uint32)("general.alignment", alignment)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()

    assert "tiny.gguf is damaged or cut short within its header." in refusal(tmp_path)


def test_it_refuses_tensors_cut_short(file):
    file.write_bytes(file.read_bytes()[:-100])

    assert "tiny.gguf is cut short" in refusal(file.parent)


def test_it_refuses_a_choice_of_several(file):
    (file.parent / "other.gguf").touch()

    assert refusal(file.parent) == "“FOLDER” holds 2 GGUF files (other.gguf, tiny.gguf): keep the one to train."
