"""Writes a Llama as a GGUF file, through the package gguf of llama.cpp, and reads it back to see that it answers alike.

What the format cannot say of a model, or what would be read otherwise there, is refused.
https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

Imports the training stack, so it is imported by the child process alone.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy
import torch
from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, TokenType
from safetensors import safe_open

from training_methods.trainers import answers, conversation, hugging_face, likeness, model_card
from training_methods.trainers.base import TrainingError
from training_methods.trainers.likeness import Likeness
from training_methods.trainers.making import Exporting, Made, Progress

Say = Callable[[Any], None]
FILE_TYPES = {"f16": LlamaFileType.MOSTLY_F16, "q8_0": LlamaFileType.MOSTLY_Q8_0}
BLOCK = 32  # weights that q8_0 keeps under one scale
THE_CONVERTER = "Use llama.cpp's own convert_hf_to_gguf.py on the downloaded folder."

LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def export(given: Exporting, say: Say) -> None:
    """Write the file, alone in its folder. Raises TrainingError where that cannot be."""
    config = hugging_face.configuration(given.folder)
    refuse_what_cannot(config)
    conversation.mind_memory(given.parameter_count, 1)
    say(Progress(step="loading"))
    tokenizer = hugging_face.load_tokenizer(given.folder)
    before = likeness.answered(loaded(given.folder), tokenizer, given.prompts)
    say(Progress(step="writing"))
    write(given, config, tokenizer)
    say(Progress(step="comparing"))
    found = compared(given, tokenizer, before)
    say(Made(weights=given.weights, likeness=found.model_dump()))


def refuse_what_cannot(config: Any) -> None:
    architecture = (config.architectures or [""])[0]
    if architecture != "LlamaForCausalLM":
        raise TrainingError(f"The model is a {architecture}, and only LlamaForCausalLM is written here.", THE_CONVERTER)
    rope = config.rope_parameters or {}
    if rope.get("rope_type", "default") != "default":
        raise TrainingError(f"The model stretches its positions ({rope['rope_type']}).", THE_CONVERTER)
    if config.attention_bias or config.mlp_bias:
        raise TrainingError("The model's layers have biases, which no Llama has in a GGUF file.", THE_CONVERTER)


def loaded(folder: Path) -> Any:
    return hugging_face.load_model(folder, dtype=torch.float32).eval()


def write(given: Exporting, config: Any, tokenizer: Any) -> None:
    given.output.mkdir()
    writer = GGUFWriter(given.output / f"{given.name}-{given.weights}.gguf", "llama", use_temp_file=True)
    write_facts(writer, given, config)
    write_tokenizer(writer, given.folder, config, tokenizer)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, weights in tensors(given.folder):
        if config.tie_word_embeddings and name == "lm_head.weight":
            continue
        add_tensor(
            writer, names.get_name(name, try_suffixes=(".weight",)), turned(name, weights, config), given.weights
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_facts(writer: GGUFWriter, given: Exporting, config: Any) -> None:
    writer.add_name(given.name)
    if line := model_card.license_of(given.folder):
        writer.add_license(line.partition(":")[2].strip())
    writer.add_file_type(FILE_TYPES[given.weights])
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base((config.rope_parameters or {}).get("rope_theta", 10_000.0))
    if config.head_dim * config.num_attention_heads != config.hidden_size:
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)


def write_tokenizer(writer: GGUFWriter, folder: Path, config: Any, tokenizer: Any) -> None:
    described = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    special = {token["content"]: token["special"] for token in described["added_tokens"]}
    words = {number: word for word, number in tokenizer.get_vocab().items()}
    tokens = [words.get(number, f"[PAD{number}]") for number in range(config.vocab_size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(splitting(described))
    writer.add_token_list(tokens)
    writer.add_token_types([kind_of(number, words, special) for number in range(config.vocab_size)])
    writer.add_token_merges(
        [merge if isinstance(merge, str) else " ".join(merge) for merge in described["model"]["merges"]]
    )
    write_marks(writer, tokenizer)


def splitting(described: dict[str, Any]) -> str:
    """How text is split before its tokens are found, by GGUF's name for it. Raises TrainingError for any other way."""
    if described["model"]["type"] != "BPE" or described["model"].get("byte_fallback") or described.get("normalizer"):
        raise TrainingError("The tokenizer is no byte-level BPE, the only kind that is written here.", THE_CONVERTER)
    steps = described["pre_tokenizer"] or {}
    match [plain(step) for step in steps.get("pretokenizers", [steps])]:
        case [("ByteLevel", True)]:
            return "gpt-2"
        case [("Digits", True), ("ByteLevel", True)]:
            return "smollm"
        case [("Split", pattern), ("ByteLevel", False)] if pattern == LLAMA_3:
            return "llama-bpe"
    raise TrainingError("The tokenizer splits text in a way whose name in GGUF is not known here.", THE_CONVERTER)


def plain(step: dict[str, Any]) -> tuple[str, Any]:
    """A step with what matters of it; anything that is set otherwise than in the known ways is in the way."""
    match step:
        case {"type": "ByteLevel", "add_prefix_space": False}:
            return "ByteLevel", step.get("use_regex", True)
        case {"type": "Digits", "individual_digits": True}:
            return "Digits", True
        case {"type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": False}:
            return "Split", pattern
    return str(step.get("type")), None


def kind_of(number: int, words: dict[int, str], special: dict[str, bool]) -> TokenType:
    word = words.get(number)
    if word is None:
        return TokenType.UNUSED
    if word not in special:
        return TokenType.NORMAL
    return TokenType.CONTROL if special[word] else TokenType.USER_DEFINED


def write_marks(writer: GGUFWriter, tokenizer: Any) -> None:
    """Where a text begins and ends, and how a conversation is written down."""
    for number, add in (
        (tokenizer.bos_token_id, writer.add_bos_token_id),
        (tokenizer.eos_token_id, writer.add_eos_token_id),
        (tokenizer.pad_token_id, writer.add_pad_token_id),
        (tokenizer.unk_token_id, writer.add_unk_token_id),
    ):
        if number is not None:
            add(number)
    tokens = tokenizer("a")["input_ids"]
    writer.add_add_bos_token(tokens[0] == tokenizer.bos_token_id)
    writer.add_add_eos_token(tokens[-1] == tokenizer.eos_token_id)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def tensors(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """One after the other, so that never all are in memory."""
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 - no dict
                yield name, weights.get_tensor(name)


def turned(name: str, weights: torch.Tensor, config: Any) -> torch.Tensor:
    """A Llama's queries and keys lie in pairs there, where transformers has them in halves."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
    if not heads:
        return weights
    in_halves = weights.reshape(heads, 2, -1, weights.shape[1])
    return in_halves.swapaxes(1, 2).reshape(weights.shape)


def add_tensor(writer: GGUFWriter, name: str | None, weights: torch.Tensor, wanted: str) -> None:
    if not name:
        raise TrainingError("The model has weights that no Llama has in a GGUF file.", THE_CONVERTER)
    values = numpy.ascontiguousarray(weights.to(torch.float32).numpy())
    if values.ndim < 2:
        writer.add_tensor(name, values)
    elif wanted == "q8_0" and values.shape[-1] % BLOCK == 0:
        kind = GGMLQuantizationType.Q8_0
        writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
    else:
        writer.add_tensor(name, values.astype(numpy.float16))


def compared(given: Exporting, tokenizer: Any, before: list[likeness.Answer]) -> Likeness:
    """As its reader will load it; a file that reads text as other tokens is none."""
    theirs = hugging_face.load_tokenizer(given.output)
    for prompt in given.prompts:
        text = answers.written(prompt, tokenizer)
        if tokenizer(text)["input_ids"] != theirs(text)["input_ids"]:
            raise TrainingError(f"The file reads “{prompt}” as other tokens than the model does.", THE_CONVERTER)
    return likeness.compare(before, loaded(given.output), tokenizer, given.prompts)
