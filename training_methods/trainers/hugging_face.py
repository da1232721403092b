"""What the Hugging Face recipes share: loading a model from a folder.

Imports the training stack, so it is imported inside `train` alone.
"""

from pathlib import Path
from typing import Any, Literal

import datasets
import torch
import transformers
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from training_methods.trainers import chat_templates
from training_methods.trainers.base import Run, TrainingError
from training_methods.trainers.events import Cause

Precision = Literal["auto", "bf16", "fp32"]

PUT_BACK = "Put the base model's files back as they were when it was added, or choose another base model."

# The log is a file, where a progress bar is one line that never ends.
datasets.disable_progress_bars()
transformers.utils.logging.disable_progress_bar()


def gguf_file(folder: Path) -> Path | None:
    """The folder's GGUF file, where it has no safetensors."""
    files = sorted(folder.glob("*.gguf"))
    if any(folder.glob("*.safetensors")) or not files:
        return None
    if len(files) > 1:
        raise TrainingError(
            f"The base model folder holds {len(files)} GGUF files ({', '.join(file.name for file in files)}).",
            "Keep the one that is to be trained.",
            cause=Cause.BASE_MODEL,
        )
    return files[0]


def unusable(what: str, error: Exception) -> TrainingError:
    """For a base model whose files are not all there, or not whole."""
    return TrainingError(f"{what}: {error}", PUT_BACK, cause=Cause.BASE_MODEL)


def named(gguf: Path | None) -> dict[str, str]:
    return {"gguf_file": gguf.name} if gguf else {}


def check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise TrainingError(f"The base model's folder {folder} is not there.", PUT_BACK, cause=Cause.BASE_MODEL)


def configuration(folder: Path) -> Any:
    """What the base model says of itself. Raises TrainingError."""
    check_folder(folder)
    gguf = gguf_file(folder)
    try:
        return AutoConfig.from_pretrained(folder, trust_remote_code=False, **named(gguf))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unusable("The configuration of the base model cannot be read", error) from error


def load_tokenizer(folder: Path, chat_template: chat_templates.ChatTemplate = "own") -> Any:
    """The folder's tokenizer, with a padding token. Raises TrainingError."""
    check_folder(folder)
    gguf = gguf_file(folder)
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False, **named(gguf))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise unusable("The tokenizer of the base model cannot be loaded", error) from error
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token or tokenizer.unk_token
    if not tokenizer.pad_token:
        words = "The base model's tokenizer names no padding, end-of-text or unknown token."
        raise TrainingError(words, PUT_BACK, cause=Cause.BASE_MODEL)
    chat_templates.give(tokenizer, chat_template)
    return tokenizer


def load_model(folder: Path, *, dtype: torch.dtype = torch.float32, attention: str | None = None) -> Any:
    """The folder's language model. A GGUF file is unpacked, so that the model can be trained and saved.

    `attention` is how attention is to be computed, in transformers' words, where the model's code takes it.
    """
    gguf = gguf_file(folder)
    try:
        if gguf:
            return unpacked(gguf, dtype, attention)
        return with_attention(attention, folder, dtype=dtype, trust_remote_code=False, use_safetensors=True)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise unusable("The base model cannot be loaded", error) from error


def with_attention(attention: str | None, folder: Path, **settings: Any) -> Any:
    """A language model with this kind of attention, or with transformers' own choice where it is refused."""
    if attention:
        try:
            return AutoModelForCausalLM.from_pretrained(folder, attn_implementation=attention, **settings)
        except (ImportError, ValueError) as error:
            print(f"{attention} is not used after all: {error}", flush=True)
    return AutoModelForCausalLM.from_pretrained(folder, **settings)


def unpacked(gguf: Path, dtype: torch.dtype, attention: str | None) -> Any:
    """A GGUF model in plain tensors; left in its blocks it can be neither trained nor saved."""
    model = with_attention(attention, gguf.parent, dtype=dtype, **in_plain_tensors(gguf))
    model.name_or_path = model.config.name_or_path = str(gguf.parent)  # what an adapter calls its base
    return model


def in_plain_tensors(gguf: Path | None) -> dict[str, Any]:
    return {**named(gguf), "quantization_config": transformers.GgufConfig(dequantize=True)} if gguf else {}


def load_scorer(folder: Path, *, dtype: torch.dtype, padding: int, seed: int, quantization: Any | None = None) -> Any:
    """The folder's model with one number as its output. A language model gets a new head, the same for each seed."""
    torch.manual_seed(seed)
    try:
        model = AutoModelForSequenceClassification.from_pretrained(
            folder,
            num_labels=1,
            dtype=dtype,
            pad_token_id=padding,
            trust_remote_code=False,
            **({"quantization_config": quantization} if quantization else in_plain_tensors(gguf_file(folder))),
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise unusable("The base model cannot be loaded to score answers", error) from error
    model.name_or_path = model.config.name_or_path = str(folder)
    return model


def own_dtype(folder: Path) -> torch.dtype:
    """The precision a base model is stored in, so that a tuned copy takes no more room."""
    if gguf_file(folder):
        return torch.bfloat16
    return configuration(folder).dtype or torch.float32


def longest_text(folder: Path) -> int | None:
    """How many tokens the base model was made for. None: it does not say."""
    return getattr(configuration(folder), "max_position_embeddings", None)


def fitting_length(folder: Path, wanted: int, run: Run) -> int:
    """The wanted length, or what the base model was made for where that is less."""
    most = longest_text(folder) or wanted
    if wanted > most:
        run.note(f"The base model was made for {most} tokens, so rows are cut there and not at {wanted}.")
    return min(wanted, most)


def uses_bf16(precision: Precision) -> bool:
    """Whether to compute in bfloat16."""
    return has_bf16() if precision == "auto" else precision == "bf16"


def has_bf16() -> bool:
    """Whether bfloat16 pays here: a CPU can always compute in it, and is slow without instructions for it."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    able = torch.cpu.get_capabilities()
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


def adapted_layers(model: Any, wanted: str) -> str | list[str]:
    """The layers that get an adapter, in PEFT's words. Raises TrainingError for one the model does not have."""
    if wanted.strip() == "all-linear":
        return "all-linear"
    names = [name.strip() for name in wanted.split(",") if name.strip()]
    there = {name.rpartition(".")[2] for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear)}
    unknown = [name for name in names if name not in there]
    if unknown or not names:
        raise TrainingError(
            f"The base model has no linear layer “{', '.join(unknown)}”.",
            f"Write all-linear, or some of {', '.join(sorted(there))}.",
        )
    return names
