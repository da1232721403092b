"""Puts an adapter into the weights of its base model, and sees that the answers stay the same.

Imports the training stack, so it is imported by the child process alone.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import rmtree
from typing import Any

import torch
from peft import PeftConfig, PeftModel

from training_methods.trainers import conversation, hugging_face, likeness, model_card
from training_methods.trainers.base import TrainingError
from training_methods.trainers.likeness import Likeness
from training_methods.trainers.making import Made, Merging, Progress

Say = Callable[[Any], None]


def merge(given: Merging, say: Say) -> None:
    """Write the complete model with its tokenizer, template and card. Raises TrainingError where that cannot be."""
    refuse_what_cannot(given.adapter, given.base)
    conversation.mind_memory(given.parameter_count, 1)
    say(Progress(step="loading"))
    tokenizer = conversation.own_tokenizer(given.adapter, given.base)
    before = likeness.answered(adapted(given), tokenizer, given.prompts)
    for dtype in widths(given.base):
        say(Progress(step="writing"))
        write(given, tokenizer, dtype)
        say(Progress(step="comparing"))
        found = compared(given, before)
        if not found.differences:
            finish(given, dtype)
            say(Made(weights=name_of(dtype), likeness=found.model_dump()))
            return
    raise TrainingError(in_words(found))


def refuse_what_cannot(adapter: Path, base: Path) -> None:
    if not model_card.is_adapter(adapter):
        raise TrainingError("The folder holds no adapter_config.json, so there is no adapter to merge.")
    config = PeftConfig.from_pretrained(adapter)
    if config.is_prompt_learning:
        raise TrainingError(
            f"An adapter of the type {config.peft_type.value} puts virtual tokens before the text and changes no "
            "weight, so there is nothing to merge.",
            "Use it with its base model.",
        )
    if config.task_type == "SEQ_CLS":
        raise TrainingError(
            "The adapter scores answers, and only adapters that write answers are merged here.",
            "For a reward model of its own, train one with the method Reward, which merges its adapter by itself.",
        )
    if getattr(hugging_face.configuration(base), "quantization_config", None) and not hugging_face.gguf_file(base):
        raise TrainingError(
            "The base model's own weights are quantized, and an adapter cannot be put into them exactly.",
            "Add the base model in 16 or 32 bit, and train or merge with that.",
        )


def widths(base: Path) -> Iterator[torch.dtype]:
    """The base's own precision; and 32 bit where rounding to that changed an answer."""
    own = hugging_face.own_dtype(base)
    yield own
    if own != torch.float32:
        yield torch.float32


def adapted(given: Merging) -> Any:
    """In 32 bit, whatever the files hold; a GGUF file is unpacked."""
    model = hugging_face.load_model(given.base, dtype=torch.float32)
    return PeftModel.from_pretrained(model, given.adapter).eval()


def write(given: Merging, tokenizer: Any, dtype: torch.dtype) -> None:
    rmtree(given.output, ignore_errors=True)
    merged = adapted(given).merge_and_unload()
    merged.to(dtype).save_pretrained(given.output)
    tokenizer.save_pretrained(given.output)


def compared(given: Merging, before: list[likeness.Answer]) -> Likeness:
    """As its reader will load it."""
    model = hugging_face.load_model(given.output, dtype=torch.float32).eval()
    return likeness.compare(before, model, hugging_face.load_tokenizer(given.output), given.prompts)


def finish(given: Merging, dtype: torch.dtype) -> None:
    card = given.adapter / "README.md"
    before = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    text = model_card.merged(before, given.name, given.output, given.base, name_of(dtype))
    (given.output / "README.md").write_text(text, encoding="utf-8")


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def in_words(found: Likeness) -> str:
    prompts = ", ".join(f"“{one.prompt}”" for one in found.differences)
    return (
        f"The merged model answers {len(found.differences)} of {found.prompts} probe prompts otherwise than the "
        f"adapter, so it is not kept: {prompts}. The largest difference of a logit is {found.largest_difference:.3g}."
    )
