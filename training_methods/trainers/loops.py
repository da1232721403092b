"""What goes with a training loop that is written out: the order of the rows, checkpoints, evaluations, reports.

Imports the training stack, so it is imported inside `train` alone.
"""

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from training_methods.trainers.base import Run

KEPT = 2
STATE = "state.pt"


def places(step: int, count: int, rows: int, seed: int) -> list[int]:
    """The rows of a step: each epoch goes through all of them in its own order, and a step may reach into the next."""
    return [order(rows, seed + place // rows)[place % rows] for place in range(step * count, (step + 1) * count)]


@cache
def order(rows: int, seed: int) -> list[int]:
    return torch.randperm(rows, generator=torch.Generator().manual_seed(seed)).tolist()


def means(values: list[dict[str, float]]) -> dict[str, float]:
    return {name: fmean(one[name] for one in values) for name in values[0]}


def save(run: Run, step: int, name: str, state: dict[str, Any]) -> None:
    """Publish the state after that many steps under a name of its own, whole or not at all. Older ones are removed."""
    folder, draft = run.checkpoints / name, run.checkpoints / f".{name}"
    if folder.exists():
        return
    draft.mkdir(exist_ok=True)
    torch.save(state, draft / STATE)
    draft.rename(folder)
    run.checkpoint_saved(step, folder)
    for old in sorted(run.checkpoints.glob("checkpoint-*"), key=lambda one: one.stat().st_mtime_ns)[:-KEPT]:
        shutil.rmtree(old)


def load(folder: Path) -> dict[str, Any]:
    """The state, in the machine's memory whatever device it was on."""
    return torch.load(folder / STATE, weights_only=True, map_location="cpu")


@dataclass
class HeldOut:
    """Evaluates on what is held out, every so many steps and at the end; 0 never does. Remembers the best weights.

    `evaluate` gives curves, "reward" among them, or None where it was broken off, which is then done again later.
    """

    run: Run
    total: int
    every: int
    evaluate: Callable[[], dict[str, float] | None]
    weights: dict[str, torch.Tensor]
    keeps_best: bool
    patience: int | None
    evaluated: int = 0
    best: float = -math.inf
    best_step: int = 0
    worse: int = 0
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)

    def look(self, step: int) -> None:
        ends = step >= self.total or (self.keeps_best and self.run.finish_requested)
        is_time = self.every and step and (step % self.every == 0 or ends)
        if not is_time or step == self.evaluated or not (curves := self.evaluate()):
            return
        self.run.metrics(step, self.total, **{f"eval_{name}": value for name, value in curves.items()})
        self.evaluated, self.worse = step, self.worse + 1
        if curves["reward"] > self.best:
            self.best, self.best_step, self.worse = curves["reward"], step, 0
            self.best_weights = copied(self.weights) if self.keeps_best else {}

    @property
    def has_seen_enough(self) -> bool:
        return self.patience is not None and self.worse >= self.patience

    def state(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("evaluated", "best", "best_step", "worse", "best_weights")}

    def restore(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def take_best(self) -> None:
        """Put the best weights in the place of the last."""
        if not self.best_weights:
            return
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(self.best_weights[name])
        self.run.note(
            f"Kept the weights of step {self.best_step}, whose reward in evaluation was the highest: {self.best:.4f}."
        )


def copied(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: weight.detach().cpu().clone() for name, weight in weights.items()}


class Report:
    """Says after each step what it came to, and how long the rest will take."""

    def __init__(self, run: Run, step: int, total: int, *, tokens: int, every: int) -> None:
        self.run, self.total, self.every = run, total, every
        self.first_step, self.first_token, self.started = step, tokens, time.monotonic()
        run.progress(step, total)

    def of(self, step: int, *, tokens: int, **curves: float) -> None:
        """`tokens` are those read so far, in earlier attempts too."""
        curves["num_tokens"] = tokens
        print(
            f"step {step}/{self.total}",
            *(f"{name} {value:.4g}" for name, value in curves.items()),
            sep="  ",
            flush=True,
        )
        if step % self.every == 0 or step == self.total:
            self.run.metrics(step, self.total, **curves)
        seconds = time.monotonic() - self.started
        self.run.progress(
            step,
            self.total,
            tokens_per_second=(tokens - self.first_token) / seconds,
            seconds_left=seconds / (step - self.first_step) * (self.total - step),
        )
