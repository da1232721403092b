"""Whether two models answer alike: the likeliest words to a few prompts, and how far apart they think them.

Imports the training stack, so it is imported by the child process alone.
"""

from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel

from training_methods.trainers import answers

MAX_TOKENS = 24  # of an answer


class Difference(BaseModel):
    """A prompt that the two answer differently."""

    prompt: str
    before: str
    after: str


class Likeness(BaseModel):
    prompts: int
    differences: list[Difference]
    largest_difference: float
    """Of any logit, on the prompts and the first model's answers."""


@dataclass(frozen=True)
class Answer:
    tokens: torch.Tensor
    prompt_length: int
    logits: torch.Tensor
    words: str


def answered(model: Any, tokenizer: Any, prompts: list[str]) -> list[Answer]:
    """One by one, so that no padding shows in the answers."""
    return [answer(model, tokenizer, prompt) for prompt in prompts]


def answer(model: Any, tokenizer: Any, prompt: str) -> Answer:
    text = answers.written(prompt, tokenizer)
    batch = tokenizer(text, return_tensors="pt", add_special_tokens=not tokenizer.chat_template).to(model.device)
    length = batch["input_ids"].shape[1]
    with torch.inference_mode():
        tokens = model.generate(**batch, max_new_tokens=MAX_TOKENS, do_sample=False)
        logits = model(tokens).logits[0].float()
    words = tokenizer.decode(tokens[0, length:], skip_special_tokens=True)
    return Answer(tokens=tokens, prompt_length=length, logits=logits, words=words)


def compare(before: list[Answer], model: Any, tokenizer: Any, prompts: list[str]) -> Likeness:
    """The model's answers beside those that another gave before."""
    after = answered(model, tokenizer, prompts)
    rounds = zip(prompts, before, after, strict=True)
    differences = [
        Difference(prompt=prompt, before=one.words, after=other.words)
        for prompt, one, other in rounds
        if not torch.equal(one.tokens.cpu(), other.tokens.cpu())
    ]
    largest = max(apart(one, model) for one in before)
    return Likeness(prompts=len(prompts), differences=differences, largest_difference=largest)


def apart(one: Answer, model: Any) -> float:
    with torch.inference_mode():
        logits = model(one.tokens.to(model.device)).logits[0].float()
    width = min(logits.shape[-1], one.logits.shape[-1])
    return (logits[:, :width] - one.logits.to(logits.device)[:, :width]).abs().max().item()
