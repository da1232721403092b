"""The adapter families that the LoRA recipe offers, in PEFT's words.

Imports the training stack, so it is imported inside `train` alone.
"""

from pathlib import Path
from typing import Any, Literal

import torch
from peft import (
    IA3Config,
    LoHaConfig,
    LoraConfig,
    OFTConfig,
    PeftConfig,
    PeftModel,
    PrefixTuningConfig,
    PromptEncoderConfig,
    PromptTuningConfig,
    VeraConfig,
)
from peft.utils.constants import (
    TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING as SCALED_INPUTS,
)
from peft.utils.constants import TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING as SCALED
from transformers import BitsAndBytesConfig, TrainerCallback

from training_methods.trainers import hugging_face
from training_methods.trainers.base import Run, TrainingError

Variant = Literal["lora", "rslora", "dora", "pissa", "vera", "loha", "oft"]
NEED_WHOLE_WEIGHTS = ("pissa", "loha")
FLAVOURS: dict[str, dict[str, Any]] = {
    "lora": {},
    "rslora": {"use_rslora": True},
    "dora": {"use_dora": True},
    "pissa": {"init_lora_weights": "pissa"},
}


def configuration(variant: Variant, layers: str | list[str], *, rank: int, alpha: int, dropout: float) -> PeftConfig:
    shared: dict[str, Any] = {"task_type": "CAUSAL_LM", "target_modules": layers}
    match variant:
        case "vera":
            return VeraConfig(r=rank, vera_dropout=dropout, **shared)
        case "loha":
            return LoHaConfig(r=rank, alpha=alpha, rank_dropout=dropout, **shared)
        case "oft":
            return OFTConfig(oft_block_size=rank, module_dropout=dropout, **shared)
    return LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, **FLAVOURS[variant], **shared)


def scaling(model: Any, outputs: str, inputs: str) -> PeftConfig:
    """IA³ on the layers named; what is left at auto, PEFT knows for the common architectures."""
    kind = model.config.model_type
    if "auto" in (outputs, inputs) and not (kind in SCALED and kind in SCALED_INPUTS):
        raise TrainingError(
            f"Which layers IA³ should scale in a model of the type {kind} is not known.",
            "Name them in “Scaled layers” and “Scaled inner layers”.",
        )
    inner = SCALED_INPUTS[kind] if inputs == "auto" else hugging_face.adapted_layers(model, inputs)
    outer = SCALED[kind] if outputs == "auto" else hugging_face.adapted_layers(model, outputs)
    return IA3Config(task_type="CAUSAL_LM", target_modules=sorted({*outer, *inner}), feedforward_modules=inner)


def prompt(kind: str, model: Any, *, tokens: int, start_text: str, base_model: Path) -> PeftConfig:
    """Virtual tokens before the text, before it in every layer, or made by a small network."""
    shared: dict[str, Any] = {"task_type": "CAUSAL_LM", "num_virtual_tokens": tokens}
    if start_text and kind != "prompt":
        raise TrainingError(f"A starting text goes with the variant prompt, not with {kind}.", "Leave it empty.")
    match kind:
        case "prefix":
            return PrefixTuningConfig(**shared)
        case "p-tuning":
            return PromptEncoderConfig(encoder_hidden_size=model.config.hidden_size, **shared)
    if not start_text:
        return PromptTuningConfig(prompt_tuning_init="SAMPLE_VOCAB", **shared)
    return PromptTuningConfig(
        prompt_tuning_init="TEXT",
        prompt_tuning_init_text=start_text,
        tokenizer_name_or_path=str(base_model),
        tokenizer_kwargs=hugging_face.named(hugging_face.gguf_file(base_model)),
        **shared,
    )


class EncoderKeeper(TrainerCallback):
    """Keeps p-tuning's network in each checkpoint; PEFT saves the tokens it makes and not the network itself.

    Loading the best checkpoint at the end therefore takes the network from there too: PEFT would put the tokens
    where the network begins, and make tokens of them once more.
    """

    FILE = "prompt_encoder.pt"

    def __init__(self, resume_from: Path | None) -> None:
        self.resume_from = resume_from

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any, **kwargs: Any) -> None:
        if self.resume_from:
            self.load(model, self.resume_from)

    def on_save(self, args: Any, state: Any, control: Any, model: Any, **kwargs: Any) -> None:
        checkpoint = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        torch.save(model.prompt_encoder.state_dict(), checkpoint / self.FILE)

    def on_train_end(self, args: Any, state: Any, control: Any, model: Any, **kwargs: Any) -> None:
        if args.load_best_model_at_end and state.best_model_checkpoint:
            self.load(model, Path(state.best_model_checkpoint))

    def load(self, model: Any, checkpoint: Path) -> None:
        saved = torch.load(checkpoint / self.FILE, weights_only=True, map_location=model.device)
        model.prompt_encoder.load_state_dict(saved)


def load_in_4bit(
    folder: Path,
    variant: Variant = "lora",
    *,
    dtype: torch.dtype,
    attention: str | None = None,
) -> Any:
    """QLoRA's base model: a quarter of the memory. Raises TrainingError where that cannot be."""
    return hugging_face.with_attention(
        attention,
        folder,
        dtype=dtype,
        quantization_config=in_4bit(folder, variant, dtype=dtype),
        trust_remote_code=False,
    )


WITHOUT_4BIT = {"load_in_4bit": False}


def in_4bit(folder: Path, variant: Variant = "lora", *, dtype: torch.dtype) -> BitsAndBytesConfig:
    """How a base model is held in 4 bit. Raises TrainingError where that cannot be."""
    if hugging_face.gguf_file(folder):
        raise TrainingError(
            "The base model is a GGUF file, which is unpacked for training and cannot be loaded in 4 bit.",
            "Leave “4-bit base model” off, or add the model in safetensors.",
            changes=WITHOUT_4BIT,
        )
    if variant in NEED_WHOLE_WEIGHTS:
        raise TrainingError(
            f"The variant {variant} computes with the base model's whole weights, and 4 bit leaves none.",
            "Leave “4-bit base model” off, or choose lora, rslora, dora, vera or oft.",
            changes=WITHOUT_4BIT,
        )
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def learn_in_fp32(model: Any) -> None:
    """TRL rounds what learns beside a base model in 4 bit to bf16. VeRA's fixed matrices stay in fp32, and outside of
    autocast the two do not go together."""
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()


def load_scorer_in_4bit(folder: Path, *, dtype: torch.dtype, **head: Any) -> Any:
    """A base model in 4 bit that scores; its new head, which learns with the adapter, stays as it is."""
    quantization = in_4bit(folder, dtype=dtype)
    quantization.llm_int8_skip_modules = ["score"]
    return hugging_face.load_scorer(folder, dtype=dtype, quantization=quantization, **head)


def merged_scorer(model: Any, whole: Any, run: Run) -> Any:
    """The adapter put into the weights of the `whole` base model; those in 4 bit would take it in roughly."""
    model.save_pretrained(run.scratch / "adapter")
    return PeftModel.from_pretrained(whole, run.scratch / "adapter").merge_and_unload()


def keep_start(model: Any, run: Run) -> Path | None:
    """The adapter as it begins, where it begins inside the base model (PiSSA takes its start out of the weights)."""
    if getattr(model.peft_config["default"], "init_lora_weights", None) != "pissa":
        return None
    start = run.scratch / "start"
    model.peft_config["default"].init_lora_weights = True
    model.save_pretrained(start)
    model.peft_config["default"].init_lora_weights = "pissa"
    return start


def save(model: Any, output: Path, *, start: Path | None) -> None:
    """Save the adapter. One with a `start` becomes a plain LoRA of twice the rank, for the base model as it was."""
    if start:
        model.peft_config["default"].init_lora_weights = True
        model.save_pretrained(output, path_initial_model_for_weight_conversion=str(start))
    else:
        model.save_pretrained(output)
