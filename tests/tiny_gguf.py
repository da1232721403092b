"""A model folder's weights and tokenizer in a GGUF file, as converters write a Llama."""

import json
from pathlib import Path

import gguf
import numpy
from safetensors.numpy import load_file


def write_gguf(model: Path, folder: Path) -> Path:
    """Returns the folder that holds the file and nothing else."""
    folder.mkdir(parents=True)
    config = json.loads((model / "config.json").read_text())
    writer = gguf.GGUFWriter(folder / "tiny.gguf", "llama")
    write_configuration(writer, config)
    write_tokenizer(writer, model)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config["num_hidden_layers"])
    for name, weights in load_file(model / "model.safetensors").items():
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), turned(name, weights, config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return folder


def write_configuration(writer: gguf.GGUFWriter, config: dict) -> None:
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])


def write_tokenizer(writer: gguf.GGUFWriter, model: Path) -> None:
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    ids = tokenizer["model"]["vocab"] | {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    special = {token["content"] for token in tokenizer["added_tokens"]}
    tokens = sorted(ids, key=ids.get)
    kinds = [gguf.TokenType.CONTROL if token in special else gguf.TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges([" ".join(pair) for pair in tokenizer["model"]["merges"]])
    writer.add_bos_token_id(ids["<|im_start|>"])
    writer.add_eos_token_id(ids["<|im_end|>"])
    writer.add_pad_token_id(ids["<|endoftext|>"])
    if (template := model / "chat_template.jinja").exists():
        writer.add_chat_template(template.read_text())


def turned(name: str, weights: numpy.ndarray, config: dict) -> numpy.ndarray:
    """Llama's queries and keys lie in pairs there, where transformers has them in halves."""
    heads = {"q_proj": "num_attention_heads", "k_proj": "num_key_value_heads"}.get(name.split(".")[-2])
    if not heads:
        return weights
    in_halves = weights.reshape(config[heads], 2, -1, weights.shape[1])
    return numpy.ascontiguousarray(in_halves.swapaxes(1, 2)).reshape(weights.shape)
