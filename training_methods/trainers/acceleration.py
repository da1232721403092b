"""What makes training faster or lighter, whether this machine has it, and in words which is used and why.

Imports the training stack, so it is imported inside `train` alone.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import torch

from training_methods.trainers import hugging_face
from training_methods.trainers.base import Run, TrainingError
from training_methods.trainers.hugging_face import Precision

FLASH = "flash_attention_2"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What there is. `fusible` are the model types that liger-kernel has kernels for; None: it is not installed."""

    cuda: bool
    bf16: bool
    bitsandbytes: bool
    flash_attention: bool
    fusible: frozenset[str] | None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked for. `whole`: every weight learns. `fuses`: the method's trainer works with fused kernels."""

    precision: Precision
    model_type: str
    in_4bit: bool = False
    whole: bool = False
    fuses: bool = False


@dataclass(frozen=True, kw_only=True)
class Choice:
    cuda: bool
    bf16: bool
    dtype: torch.dtype
    """Of the base model: what learns as a whole stays in fp32, since bf16 would lose its small steps."""
    in_4bit: bool
    attention: str | None
    fused: bool
    words: str

    @property
    def arguments(self) -> dict[str, Any]:
        """In the Trainer's words."""
        return {
            "bf16": self.bf16,
            "use_liger_kernel": self.fused,
            "optim": "adamw_torch_fused",
            "use_cpu": not self.cuda,
            "dataloader_pin_memory": self.cuda,
        }


def choose(
    run: Run, precision: Precision, *, in_4bit: bool = False, whole: bool = False, fuses: bool = False
) -> Choice:
    """What this run uses, which its log says. Raises TrainingError where a model in 4 bit should learn as a whole."""
    if in_4bit and whole:
        raise TrainingError(
            "A base model in 4 bit cannot be trained as a whole: only an adapter beside it can learn.",
            "Turn LoRA on, or leave “4-bit base model” off.",
            changes={"use_lora": True},
        )
    wish = Wish(
        precision=precision,
        model_type=hugging_face.configuration(run.base_model).model_type,
        in_4bit=in_4bit,
        whole=whole,
        fuses=fuses,
    )
    choice = chosen(found(), wish)
    run.note(choice.words)
    return choice


def found() -> Machine:
    cuda = torch.cuda.is_available()
    return Machine(
        cuda=cuda,
        bf16=hugging_face.has_bf16(),
        bitsandbytes=find_spec("bitsandbytes") is not None,
        flash_attention=find_spec("flash_attn") is not None,
        fusible=fusible_models() if cuda and find_spec("liger_kernel") else None,
    )


def fusible_models() -> frozenset[str] | None:
    try:
        from liger_kernel.transformers.monkey_patch import MODEL_TYPE_TO_APPLY_LIGER_FN
    except ImportError as error:
        print(f"liger-kernel does not load: {error}", flush=True)
        return None
    return frozenset(MODEL_TYPE_TO_APPLY_LIGER_FN)


def chosen(machine: Machine, wish: Wish) -> Choice:
    bf16 = machine.bf16 if wish.precision == "auto" else wish.precision == "bf16"
    no_4bit = why_no_4bit(machine, wish)
    no_flash, no_kernels = why_no_flash(machine, wish, bf16=bf16), why_no_kernels(machine, wish)
    said = {
        "bf16": why_no_bf16(wish, bf16=bf16),
        "4-bit base model": no_4bit,
        "flash attention": no_flash,
        "fused kernels": no_kernels,
        "fused optimizer": "",
    }
    words = [f"“{name}” is {f'not used: {reason}' if reason else 'used'}" for name, reason in said.items()]
    return Choice(
        cuda=machine.cuda,
        bf16=bf16,
        dtype=torch.bfloat16 if bf16 and not wish.whole else torch.float32,
        in_4bit=not no_4bit,
        attention=None if no_flash else FLASH,
        fused=not no_kernels,
        words=f"On this machine: {'; '.join(words)}.",
    )


def why_no_bf16(wish: Wish, *, bf16: bool) -> str:
    if bf16:
        return ""
    return "the precision chosen is fp32" if wish.precision == "fp32" else "the hardware is not made for it"


def why_no_4bit(machine: Machine, wish: Wish) -> str:
    if not wish.in_4bit:
        return "it is not asked for"
    return "" if machine.bitsandbytes else "the Python package bitsandbytes is not installed"


def why_no_flash(machine: Machine, wish: Wish, *, bf16: bool) -> str:
    if not machine.cuda:
        return "there is no CUDA device"
    if not machine.flash_attention:
        return "the Python package flash_attn is not installed"
    if not bf16:
        return "it needs bf16"
    return "it needs weights in bf16, and every weight learns in fp32" if wish.whole else ""


def why_no_kernels(machine: Machine, wish: Wish) -> str:
    if not machine.cuda:
        return "there is no CUDA device"
    if machine.fusible is None:
        return "the Python package liger-kernel is not there"
    if not wish.fuses:
        return "this method computes more than they do"
    return "" if wish.model_type in machine.fusible else f"there are none for models of the type {wish.model_type}"
