"""What of a base model a train changes, and about how many parameters that is: read off settings and weights."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from training_jobs.model_folders import BadBaseModel, weight_files
from training_jobs.models import FoundationModel
from training_jobs.weights import BadWeights
from training_methods.catalog import BUILT_IN, TrainerInfo

IN_A_LAYER = re.compile(r"\.\d+\.(?:.+\.)?([^.]+)\.weight")
GGUF_NAMES = {
    "attn_q": "q_proj", "attn_k": "k_proj", "attn_v": "v_proj", "attn_output": "o_proj",
    "ffn_gate": "gate_proj", "ffn_up": "up_proj", "ffn_down": "down_proj",
}  # fmt: skip

BESIDE: dict[str, Callable[[int, int, int], int]] = {
    "lora": lambda rank, out, into: rank * (out + into),
    "rslora": lambda rank, out, into: rank * (out + into),
    "pissa": lambda rank, out, into: rank * (out + into),
    "dora": lambda rank, out, into: rank * (out + into) + out,
    "loha": lambda rank, out, into: 2 * rank * (out + into),
    "vera": lambda rank, out, into: rank + out,
    "oft": lambda rank, out, into: into * (rank - 1) // 2,  # blocks of that size, each as many angles as turn it
}
"""Variant → how many parameters it puts beside a matrix with so many outputs and inputs."""
SCALED = {
    "LlamaForCausalLM": "k_proj", "MistralForCausalLM": "k_proj", "Qwen2ForCausalLM": "q_proj",
    "Qwen3ForCausalLM": "q_proj", "GemmaForCausalLM": "q_proj", "Gemma2ForCausalLM": "q_proj",
}  # fmt: skip
"""Architecture → what IA³ scales beside the values if nobody says; PEFT's table, as far as the names are the same."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """`parameters`: about how many learn; None where that is not known before it runs."""

    what: str
    is_whole: bool
    parameters: int | None = None


def of(trainer: TrainerInfo, values: Mapping[str, Any], base_model: FoundationModel) -> Trained | None:
    """None: the trainer does not tell, since its code is not the console's."""
    if trainer.source != BUILT_IN or trainer.is_script:
        return None
    if trainer.slug == "sft" or values.get("use_lora") is False:
        return Trained(what=_("All weights"), is_whole=True, parameters=base_model.parameter_count)
    if "rank" in values:
        what, parameters = _("An adapter beside the base model"), beside(values, base_model)
    elif trainer.slug == "prompt-tuning":
        what, parameters = _("Tokens in front of the text"), virtual(values, base_model)
    else:
        what, parameters = _("A few factors beside the base model"), factors(values, base_model)
    return Trained(what=what, is_whole=False, parameters=parameters)


def beside(values: Mapping[str, Any], base_model: FoundationModel) -> int | None:
    wanted = values.get("target_modules", "all-linear").strip()
    count = BESIDE[values.get("variant", "lora")]
    layers = linear_layers(base_model.path, base_model.fingerprint)
    found = [shape for name, shape in layers if wanted == "all-linear" or name in listed(wanted)]
    return sum(count(values["rank"], out, into) for out, into in found) or None


def factors(values: Mapping[str, Any], base_model: FoundationModel) -> int | None:
    """IA³: one for each output of the scaled layers, and for each input of the scaled inner ones."""
    outer, inner = values["target_modules"].strip(), values["feedforward_modules"].strip()
    if "auto" in (outer, inner) and base_model.architecture not in SCALED:
        return None
    inputs = {"down_proj"} if inner == "auto" else listed(inner)
    outputs = {SCALED[base_model.architecture], "v_proj"} if outer == "auto" else listed(outer)
    layers = linear_layers(base_model.path, base_model.fingerprint)
    return sum(into if name in inputs else out for name, (out, into) in layers if name in inputs | outputs) or None


def virtual(values: Mapping[str, Any], base_model: FoundationModel) -> int | None:
    """Tokens as wide as the model; in every layer its keys and values; or with the network that makes them."""
    layers = linear_layers(base_model.path, base_model.fingerprint)
    tokens, width = values["virtual_tokens"], next((into for name, (_out, into) in layers if name == "q_proj"), 0)
    match values["variant"]:
        case "prefix":
            return 2 * tokens * sum(out for name, (out, _into) in layers if name == "k_proj") or None
        case "p-tuning" if width:
            return tokens * width + 3 * (width * width + width)
    return tokens * width or None


def listed(names: str) -> set[str]:
    return {name.strip() for name in names.split(",")}


@lru_cache(maxsize=64)
def linear_layers(folder: str, fingerprint: str) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Name and shape of each matrix in the layers, input last. Nothing where the weights cannot be read.

    Cached by the fingerprint, which stands for the files' heads.
    """
    try:
        files = weight_files(Path(folder))
    except (BadWeights, BadBaseModel, OSError):
        return ()
    found = []
    for head in files.heads.values():
        for name, shape in head.shapes.items():
            if (match := IN_A_LAYER.search(name)) and len(shape) == 2:
                is_gguf = match[1] in GGUF_NAMES
                found.append((GGUF_NAMES.get(match[1], match[1]), tuple(shape[::-1] if is_gguf else shape)))
    return tuple(found)
