"""The arithmetic of PPO as pure functions of tensors.

Shapes: B answers, T tokens each (padded at their ends), V words. A mask is True where a token belongs to its answer,
up to and with the one that ends it. What lies outside it counts nowhere.
"""

from typing import Literal

import torch
from torch import Tensor

KlEstimator = Literal["k1", "k3"]


def answer_ends(answers: Tensor, ends: list[int]) -> Tensor:
    """(B, T) of token ids → (B, T): which of them are one of `ends`."""
    return torch.isin(answers, torch.tensor(ends, dtype=answers.dtype, device=answers.device))


def answer_mask(answers: Tensor, ends: list[int]) -> Tensor:
    """(B, T) of token ids → (B, T). `ends` are the tokens with which an answer may end."""
    is_end = answer_ends(answers, ends)
    return is_end.cumsum(1) - is_end.long() == 0


def log_probabilities(logits: Tensor, tokens: Tensor) -> Tensor:
    """Of each token among all words: (B, T, V) and (B, T) → (B, T)."""
    return torch.log_softmax(logits, dim=-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)


def entropy(logits: Tensor) -> Tensor:
    """How undecided each word is, in nats: (B, T, V) → (B, T)."""
    logs = torch.log_softmax(logits, dim=-1)
    return -(logs.exp() * logs).sum(-1)


def kl_divergence(logs: Tensor, reference: Tensor, estimator: KlEstimator) -> Tensor:
    """Per token, from log-probabilities of what the policy said: k1 is plain, k3 varies less and is never negative.

    See http://joschu.net/blog/kl-approx.html.
    """
    ratio = reference - logs
    return -ratio if estimator == "k1" else ratio.exp() - 1 - ratio


def token_rewards(scores: Tensor, penalties: Tensor, mask: Tensor) -> Tensor:
    """An answer's score (B,) at its last token, and what each token (B, T) is fined."""
    rewards = -penalties * mask
    rewards[torch.arange(len(scores)), mask.sum(1) - 1] += scores
    return rewards


def generalized_advantages(rewards: Tensor, values: Tensor, *, gamma: float, lam: float) -> tuple[Tensor, Tensor]:
    """Advantages and returns (https://arxiv.org/abs/1506.02438). Rewards and values are 0 outside the mask."""
    following = torch.cat([values[:, 1:], torch.zeros_like(values[:, :1])], dim=1)
    surprises = rewards + gamma * following - values
    advantages = torch.zeros_like(values)
    summed = torch.zeros_like(values[:, 0])
    for step in reversed(range(values.shape[1])):
        summed = surprises[:, step] + gamma * lam * summed
        advantages[:, step] = summed
    return advantages, advantages + values


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum()


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Shifted to mean 0 and scaled to variance 1 (Bessel's), 0 outside the mask."""
    shifted = (values - masked_mean(values, mask)) * mask
    variance = (shifted**2).sum() / (mask.sum() - 1).clamp(min=1)
    return shifted * torch.rsqrt(variance + 1e-8)


def policy_loss(logs: Tensor, old: Tensor, advantages: Tensor, mask: Tensor, clip: float) -> tuple[Tensor, Tensor]:
    """The clipped objective, and the share of tokens at which the clip bites (https://arxiv.org/abs/1707.06347)."""
    ratio = ((logs - old) * mask).exp()
    free, clipped = -advantages * ratio, -advantages * ratio.clamp(1 - clip, 1 + clip)
    return masked_mean(torch.max(free, clipped), mask), masked_mean((clipped > free).float(), mask)


def value_loss(values: Tensor, old: Tensor, returns: Tensor, mask: Tensor, clip: float) -> Tensor:
    """Half the squared error, with values that may leave the old ones by `clip` and no more."""
    near = torch.clamp(values, old - clip, old + clip)
    return 0.5 * masked_mean(torch.max((values - returns) ** 2, (near - returns) ** 2), mask)
