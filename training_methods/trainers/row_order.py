"""Keeps the order of rows across a resume where rows of like length are put together.

transformers' `LengthGroupedSampler` draws each epoch's order from torch's random numbers as they are at that moment. A
run that is resumed in the midst of an epoch has others then, and would see some rows twice and others never.

Imports the training stack, so it is imported inside `train` alone.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from transformers.trainer_pt_utils import LengthGroupedSampler

FILE = "row_order.pt"


class Remembered:
    """The sampler, which remembers from which random numbers it drew last; or draws once more from those given."""

    def __init__(self, sampler: Any, again_from: torch.Tensor | None) -> None:
        self.sampler, self.again_from = sampler, again_from
        self.drawn_from = torch.get_rng_state()

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[int]:
        if self.again_from is None:
            self.drawn_from = torch.get_rng_state()
            return iter(self.sampler)
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self.again_from)
            self.drawn_from, self.again_from = self.again_from, None
            return iter(list(self.sampler))

    def save(self, checkpoint: Path) -> None:
        torch.save(self.drawn_from, checkpoint / FILE)


def remember(loader: Any, epoch: float | None, resume_from: Path | None) -> Remembered | None:
    """From now on the loader's order is remembered. None: it depends on the seed and the epoch alone."""
    sampler = getattr(getattr(loader, "batch_sampler", None), "sampler", None)
    if not isinstance(sampler, LengthGroupedSampler):
        return None
    file = resume_from / FILE if resume_from and (epoch or 0) % 1 else None
    kept = torch.load(file, weights_only=True) if file and file.exists() else None
    loader.batch_sampler.sampler = Remembered(sampler, kept)
    return loader.batch_sampler.sampler
