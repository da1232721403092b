"""Who rates a run's answers: its rewards, and a reward model that somebody has trained.

Imports the training stack, so it is imported inside `train` alone.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig

from training_methods.trainers import hugging_face, prompts
from training_methods.trainers.base import Run, TrainingError
from training_methods.trainers.judged_examples import whole
from training_methods.trainers.judged_rows import as_turns, said
from training_methods.trainers.result import SCORING
from training_methods.trainers.reward_mix import Reward
from training_methods.trainers.turns import Turns

AT_ONCE = 16  # answers that a reward model reads as one batch


@dataclass(frozen=True)
class Rater:
    """Rates a batch: `rate(completions=[…], row=[…])`, as TRL calls a reward function; rows are JSON."""

    curve: str
    weight: float
    rate: Callable[..., list[float]]


def raters(run: Run, rewards: list[Reward], *, model: str | None, weight: float, bf16: bool) -> list[Rater]:
    """The run's rewards, and the reward model of that name if one is named. Raises TrainingError."""
    found = [Rater(reward.curve, reward.weight, prompts.as_function(reward)) for reward in rewards]
    if model:
        dtype = torch.bfloat16 if bf16 else torch.float32
        found.append(Rater("reward_model", weight, by_model(run.model(model), dtype=dtype)))
    return found


def by_model(folder: Path, *, dtype: torch.dtype) -> Callable[..., list[float]]:
    """Rates as the reward model was taught to: it reads prompt and answer in its own template and tokens."""
    check_kind(folder)
    tokenizer = hugging_face.load_tokenizer(folder)
    scorer = hugging_face.load_scorer(folder, dtype=dtype, padding=tokenizer.pad_token_id, seed=0).eval()
    scorer.to("cuda" if torch.cuda.is_available() else "cpu")
    room = hugging_face.longest_text(folder)

    def reward_model(completions: list[Any], row: list[str], **_: Any) -> list[float]:
        asked = [json.loads(given)["prompt"] for given in row]
        pairs = zip(asked, map(prompts.text_of, completions), strict=True)
        read = [tokens(prompt, answer, tokenizer, room) for prompt, answer in pairs]
        batches = [read[start : start + AT_ONCE] for start in range(0, len(read), AT_ONCE)]
        return [score for batch in batches for score in scores(batch, scorer, tokenizer)]

    return reward_model


def check_kind(folder: Path) -> None:
    """transformers would give a language model a head that knows nothing, and say so in a log alone."""
    config = AutoConfig.from_pretrained(folder) if (folder / "config.json").exists() else None
    if not config or not (config.architectures or [""])[0].endswith(SCORING) or config.num_labels != 1:
        raise TrainingError(
            f"{folder} is no reward model: it does not give one number for a text.",
            "Choose a base model of the kind reward, such as the result of the method Reward model.",
        )


def check_vocabulary(folder: Path, tokenizer: Any) -> None:
    """A value model reads the policy's tokens as they are, so it has to know them by the same numbers."""
    theirs, ours = hugging_face.load_tokenizer(folder).get_vocab(), tokenizer.get_vocab()
    if theirs != ours:
        alike = sum(theirs.get(word) == number for word, number in ours.items())
        raise TrainingError(
            f"The reward model {folder} has another vocabulary than the base model: {alike:,} of {len(ours):,} tokens "
            "mean the same to both, and the value model that begins as its copy reads the base model's tokens.",
            "Train a reward model from this base model or its family, or choose GRPO or RLOO, which hand it text.",
        )


def tokens(prompt: str | Turns, answer: str, tokenizer: Any, room: int | None) -> list[int]:
    """Prompt and answer as the reward model's own training wrote them. What is too long loses its beginning."""
    if tokenizer.chat_template:
        written = whole(as_turns(prompt), said(answer), tokenizer)
    elif isinstance(prompt, str):
        written = whole(prompt, answer, tokenizer)
    else:
        raise TrainingError(
            "The dataset's prompts are conversations, and the reward model has no chat template to read them with.",
            "Choose a reward model that was trained from a chat model, or a dataset whose prompts are text.",
        )
    return written[-room:] if room else written


def scores(batch: list[list[int]], scorer: Any, tokenizer: Any) -> list[float]:
    longest = max(map(len, batch))
    padded = [row + [tokenizer.pad_token_id] * (longest - len(row)) for row in batch]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in batch]
    with torch.inference_mode():
        read = {"input_ids": torch.tensor(padded), "attention_mask": torch.tensor(mask)}
        logits = scorer(**{name: tensor.to(scorer.device) for name, tensor in read.items()}).logits
    return logits[:, 0].float().tolist()
