"""Answers drawn from a policy, and what policy, reference and value model make of every token of them.

Imports the training stack, so it is imported inside `train` alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig

from training_methods.trainers import ppo_math


@dataclass(frozen=True)
class Answers:
    """B prompts, padded to P tokens on their left, and the answers drawn for them, padded to T on their right."""

    tokens: Tensor  # (B, P + T)
    attention: Tensor  # (B, P + T), 1 for what is no padding
    mask: Tensor  # (B, T), True up to and with the token that ends an answer

    @property
    def drawn(self) -> Tensor:
        """(B, T): the answers alone."""
        return self.tokens[:, -self.mask.shape[1] :]

    def part(self, rows: Tensor) -> "Answers":
        return Answers(self.tokens[rows], self.attention[rows], self.mask[rows])

    def parts(self, size: int) -> Iterator["Answers"]:
        return (self.part(rows) for rows in torch.arange(len(self.tokens)).split(size))


@dataclass(frozen=True)
class Rollout:
    """Answers with all that is learnt from them, in the order of `plan`: (updates, minibatches, rows)."""

    answers: Answers
    logs: Tensor  # (B, T), under the policy that drew them
    values: Tensor  # (B, T)
    advantages: Tensor  # (B, T)
    returns: Tensor  # (B, T)
    plan: Tensor
    curves: dict[str, float]
    done: list[dict[str, float]]
    """What each update so far has reported."""

    def state(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, state: dict[str, Any], device: str) -> "Rollout":
        moved = {name: value.to(device) if isinstance(value, Tensor) else value for name, value in state.items()}
        answers = Answers(**{name: value.to(device) for name, value in state["answers"].items()})
        return cls(**moved | {"answers": answers, "plan": state["plan"]})


def prepare(model: Any, *, gradient_checkpointing: bool) -> None:
    """No dropout: what is learnt from is the very model that gave the answers."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.eval()
    if gradient_checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})


def learning(model: Any) -> dict[str, Tensor]:
    """The weights that learn, by name."""
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def sampling(model: Any, tokenizer: Any, *, temperature: float, top_p: float, max_tokens: int) -> GenerationConfig:
    """How answers are drawn: by the words' probabilities, whatever else the model's own settings prefer."""
    named = model.generation_config.eos_token_id
    ends = {*(named if isinstance(named, list) else [named]), tokenizer.eos_token_id} - {None}
    return GenerationConfig(
        do_sample=True,
        temperature=temperature,
        top_p=top_p,
        top_k=0,
        repetition_penalty=1.0,
        max_new_tokens=max_tokens,
        eos_token_id=sorted(ends),
        pad_token_id=tokenizer.pad_token_id,
    )


def draw(policy: Any, prompts: list[list[int]], config: GenerationConfig, stop: Callable[[], bool]) -> Answers:
    """One answer to each prompt. Where `stop` says so they break off, and are good for nothing."""
    longest = max(map(len, prompts))
    padded = torch.tensor([[config.pad_token_id] * (longest - len(row)) + row for row in prompts])
    attention = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in prompts])

    def stops(tokens: Tensor, scores: Any, **_: Any) -> Tensor:
        return torch.full((len(tokens),), stop(), device=tokens.device)

    tokens = policy.generate(
        input_ids=padded.to(policy.device),
        attention_mask=attention.to(policy.device),
        generation_config=config,
        stopping_criteria=[stops],
    )
    mask = ppo_math.answer_mask(tokens[:, longest:], config.eos_token_id)
    return Answers(tokens, torch.cat([attention.to(mask.device), mask.long()], dim=1), mask)


def logits(model: Any, answers: Answers, temperature: float) -> Tensor:
    """(B, T, V): what each token of the answers was drawn from."""
    positions = (answers.attention.cumsum(1) - 1).clamp(min=0)
    read = model(input_ids=answers.tokens, attention_mask=answers.attention, position_ids=positions, use_cache=False)
    return read.logits[:, -answers.mask.shape[1] - 1 : -1].float() / temperature


def log_probabilities(model: Any, answers: Answers, temperature: float, *, at_once: int) -> Tensor:
    """(B, T): of the tokens drawn. The model reads so many answers at once."""
    parts = answers.parts(at_once)
    return torch.cat([ppo_math.log_probabilities(logits(model, part, temperature), part.drawn) for part in parts])


def values(scorer: Any, answers: Answers) -> Tensor:
    """(B, T): the rating that is foreseen before each token of the answers; 0 outside the mask."""
    positions = (answers.attention.cumsum(1) - 1).clamp(min=0)
    backbone = getattr(scorer, scorer.base_model_prefix)
    read = backbone(input_ids=answers.tokens, attention_mask=answers.attention, position_ids=positions, use_cache=False)
    before = read.last_hidden_state[:, -answers.mask.shape[1] - 1 : -1]
    return scorer.score(before).squeeze(-1).float() * answers.mask


def ended(answers: Answers, config: GenerationConfig) -> Tensor:
    """(B,): which answers end by themselves, and not where they are cut off."""
    last = answers.drawn.gather(1, answers.mask.sum(1, keepdim=True) - 1)
    return ppo_math.answer_ends(last, config.eos_token_id).squeeze(1)


def texts(answers: Answers, tokenizer: Any) -> list[str]:
    pairs = zip(answers.drawn, answers.mask, strict=True)
    return [tokenizer.decode(tokens[mask], skip_special_tokens=True) for tokens, mask in pairs]
