"""What metrics are called: in words where they are well known, else by the name that they came with."""

import pytest
from django.utils import translation

from training_jobs.metric_labels import label_of


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("mean_token_accuracy", "Tokens guessed right"),
        ("eval_loss", "Loss in evaluation"),
        ("rewards/chosen", "Reward of chosen answers"),
        ("rewards/length/mean", "Reward “length”"),
        ("rewards/length", "Reward “length”"),
        ("rewards/length/std", "Spread of the reward “length”"),
        ("eval_rewards/a/b/mean", "Reward “a/b” in evaluation"),
    ],
)
def test_a_metric_that_is_well_known_is_called_in_words(name, label):
    assert label_of(name) == label


@pytest.mark.parametrize("name", ["warp", "eval_warp", "eval_", "rewards/", "%(name)s", "LOSS", ""])
def test_others_are_called_by_their_name(name):
    assert label_of(name) == name


@pytest.mark.parametrize(
    ("language", "label"), [("de", "Belohnung „length“ der Auswertung"), ("zh-hans", "评估时的奖励“length”")]
)
def test_they_are_called_in_the_readers_language(language, label):
    with translation.override(language):
        assert label_of("eval_rewards/length/mean") == label
