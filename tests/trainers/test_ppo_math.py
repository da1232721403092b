"""PPO's arithmetic, against numbers worked out by hand and against those of TRL's own PPO.

ppo_numbers.json holds what TRL 1.12.0, the last version with a PPO, had in its hands at its last loss: `python -m
benchmarks ppo` runs it on a tiny model and records them (see benchmarks/trl_ppo.py).
"""

import json
from math import log
from pathlib import Path

import pytest

NUMBERS = Path(__file__).with_name("ppo_numbers.json")


@pytest.fixture(scope="module")
def torch():
    import torch

    return torch


@pytest.fixture(scope="module")
def ppo_math(torch):
    from training_methods.trainers import ppo_math

    return ppo_math


@pytest.fixture
def mask(torch):
    return torch.tensor([[True, True, False], [True, True, True]])


@pytest.fixture(scope="module")
def trl(torch):
    given = json.loads(NUMBERS.read_text())
    return {name: torch.tensor(values) for name, values in given.items()}


def close(one, other, tolerance=1e-6):
    return (one - other).abs().max().item() < tolerance


def test_an_answer_goes_up_to_the_token_that_ends_it(torch, ppo_math):
    answers = torch.tensor([[5, 2, 2], [5, 6, 7], [9, 5, 5]])

    assert ppo_math.answer_mask(answers, [2, 9]).tolist() == [[True, True, False], [True] * 3, [True, False, False]]
    assert ppo_math.answer_mask(answers, []).all()


def test_it_knows_how_likely_a_token_was(torch, ppo_math):
    logits = torch.tensor([[[0.0, log(3)], [0.0, 0.0]]])

    logs = ppo_math.log_probabilities(logits, torch.tensor([[1, 0]]))

    assert close(logs, torch.tensor([[log(0.75), log(0.5)]]))
    assert close(ppo_math.entropy(logits), torch.tensor([[-0.75 * log(0.75) - 0.25 * log(0.25), log(2)]]))


def test_it_knows_both_estimators_of_the_divergence(torch, ppo_math):
    logs, reference = torch.tensor([[log(0.5)]]), torch.tensor([[log(0.25)]])

    assert ppo_math.kl_divergence(logs, reference, "k1").item() == pytest.approx(log(2))
    assert ppo_math.kl_divergence(logs, reference, "k3").item() == pytest.approx(0.5 - 1 + log(2))


def test_the_rating_comes_with_the_last_token_and_the_fine_with_each(torch, ppo_math, mask):
    rewards = ppo_math.token_rewards(torch.tensor([2.0, 1.0]), torch.full((2, 3), 0.1), mask)

    assert close(rewards, torch.tensor([[-0.1, 1.9, 0.0], [-0.1, -0.1, 0.9]]))


def test_advantages_add_up_the_surprises_that_follow(torch, ppo_math):
    rewards, values = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0.5, 0.6, 0.7]])

    advantages, returns = ppo_math.generalized_advantages(rewards, values, gamma=0.9, lam=0.8)

    assert close(advantages, torch.tensor([[0.04 + 0.72 * 0.246, 0.03 + 0.72 * 0.3, 0.3]]))
    assert close(returns, advantages + values)


def test_whitened_values_have_mean_0_and_variance_1(torch, ppo_math):
    whitened = ppo_math.whiten(torch.tensor([[1.0, 3.0, 100.0]]), torch.tensor([[True, True, False]]))

    assert close(whitened, torch.tensor([[-(0.5**0.5), 0.5**0.5, 0.0]]))


def test_a_single_token_is_whitened_to_0(torch, ppo_math):
    assert ppo_math.whiten(torch.tensor([[3.0]]), torch.tensor([[True]])).item() == 0


def test_the_policy_gains_nothing_beyond_the_clip(torch, ppo_math):
    logs = torch.tensor([[log(1.5), log(0.5), log(1.5), log(0.5), 50.0]])
    advantages = torch.tensor([[1.0, 1.0, -1.0, -1.0, 9.0]])
    mask = torch.tensor([[True, True, True, True, False]])

    loss, clipped = ppo_math.policy_loss(logs, torch.zeros(1, 5), advantages, mask, 0.2)

    assert loss.item() == pytest.approx((-1.2 - 0.5 + 1.5 + 0.8) / 4)
    assert clipped.item() == 0.5


def test_values_gain_nothing_beyond_the_clip(torch, ppo_math):
    values, old, returns = torch.tensor([[1.0, 9.0]]), torch.tensor([[0.5, 9.0]]), torch.tensor([[2.0, 0.0]])

    loss = ppo_math.value_loss(values, old, returns, torch.tensor([[True, False]]), 0.2)

    assert loss.item() == pytest.approx(0.5 * (2 - 0.7) ** 2)


def test_trl_comes_to_the_same_advantages_and_returns(ppo_math, trl):
    mask = ~trl["padding_mask"]

    advantages, returns = ppo_math.generalized_advantages(trl["rewards"], trl["values"], gamma=1.0, lam=0.95)

    assert mask.sum(1).unique().numel() > 1  # answers of several lengths
    assert close(returns, trl["returns"], 1e-5)
    assert close(ppo_math.whiten(advantages, mask), trl["advantages"], 1e-5)


def test_trl_comes_to_the_same_losses(ppo_math, trl):
    rows = trl["micro_batch_inds"]
    said, foreseen = ~trl["padding_mask"][rows], ~trl["padding_mask_p1"][rows]

    loss, clipped = ppo_math.policy_loss(trl["new_logprobs"], trl["logprobs"][rows], trl["advantages"][rows], said, 0.2)
    value_loss = ppo_math.value_loss(trl["vpred"], trl["values"][rows], trl["returns"][rows], foreseen, 0.2)

    assert loss.item() == pytest.approx(trl["pg_loss"].item(), abs=1e-5)
    assert 0 < clipped < 1
    assert value_loss.item() == pytest.approx(trl["vf_loss"].item(), abs=1e-5)
