"""How many steps a train of the console's own recipes takes: the arithmetic of their training loops."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training_methods.catalog import BUILT_IN, TrainerInfo


@dataclass(frozen=True, kw_only=True)
class Rows:
    """`learnt` are those that are trained on; the rest of those used is held out."""

    used: int
    held_out: int

    @property
    def learnt(self) -> int:
        return self.used - self.held_out


def used_of(row_count: int, values: Mapping[str, Any]) -> int:
    """Rows of the dataset that are read."""
    return min(row_count, values.get("max_samples") or row_count)


def divided(used: int, values: Mapping[str, Any]) -> Rows:
    """`used`: examples to learn from or to evaluate with."""
    held_out = round(used * values.get("evaluation_fraction", 0.0))
    return Rows(used=used, held_out=held_out if used > 1 else 0)


def is_known(trainer: TrainerInfo) -> bool:
    """Whether its loop is one of the console's own."""
    return trainer.source == BUILT_IN and not trainer.is_script


def total(values: Mapping[str, Any], learnt: int) -> int:
    """`learnt`: rows to train on, or the sequences that packing made of them."""
    if values.get("max_steps"):
        return values["max_steps"]
    if "mini_batch_size" in values:
        return ppo(values, learnt)
    return math.ceil(values["epochs"] * per_epoch(values, learnt))


def per_epoch(values: Mapping[str, Any], learnt: int) -> int:
    batch, accumulation = values["batch_size"], values.get("gradient_accumulation_steps", 1)
    if "num_generations" in values:
        prompts = batch * accumulation // values["num_generations"]
        return max(learnt // max(prompts, 1) * values["num_iterations"], 1)
    if "teacher" in values:
        return max(learnt // (batch * accumulation), 1)
    return max(math.ceil(math.ceil(learnt / batch) / accumulation), 1)


def ppo(values: Mapping[str, Any], learnt: int) -> int:
    """Its epochs go through the rows as one stream."""
    return math.ceil(values["epochs"] * learnt / values["batch_size"])
