"""What metrics are called on a page. Where they are stored, sent and exported they keep their names."""

import re

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

IN_EVALUATION = "eval_"

LABELS: dict[str, Promise] = {
    # Learning
    "loss": gettext_lazy("Loss"),
    "train_loss": gettext_lazy("Average loss"),
    "nll_loss": gettext_lazy("Loss on chosen answers"),
    "aux_loss": gettext_lazy("Loss from uneven use of experts"),
    "policy_loss": gettext_lazy("Loss of the policy"),
    "value_loss": gettext_lazy("Loss of the value model"),
    "perplexity": gettext_lazy("Perplexity"),
    "mean_token_accuracy": gettext_lazy("Tokens guessed right"),
    "entropy": gettext_lazy("Entropy"),
    "kl": gettext_lazy("Distance from the reference (KL)"),
    "learning_rate": gettext_lazy("Learning rate"),
    "grad_norm": gettext_lazy("Length of the gradient"),
    # Pairs and judged answers
    "accuracy": gettext_lazy("Pairs told apart"),
    "margin": gettext_lazy("Margin between chosen and rejected"),
    "rewards/accuracies": gettext_lazy("Pairs told apart"),
    "rewards/margins": gettext_lazy("Margin between chosen and rejected"),
    "rewards/chosen": gettext_lazy("Reward of chosen answers"),
    "rewards/rejected": gettext_lazy("Reward of rejected answers"),
    "logps/chosen": gettext_lazy("Log probability of chosen answers"),
    "logps/rejected": gettext_lazy("Log probability of rejected answers"),
    "logits/chosen": gettext_lazy("Logits of chosen answers"),
    "logits/rejected": gettext_lazy("Logits of rejected answers"),
    "log_odds_chosen": gettext_lazy("Log odds of chosen answers"),
    "log_odds_ratio": gettext_lazy("Log odds, chosen to rejected"),
    # Answers of the model, rated
    "reward": gettext_lazy("Reward"),
    "reward_std": gettext_lazy("Spread of the rewards"),
    "mean_reward": gettext_lazy("Average reward"),
    "min_reward": gettext_lazy("Lowest reward"),
    "max_reward": gettext_lazy("Highest reward"),
    "frac_reward_zero_std": gettext_lazy("Prompts whose answers are rated alike"),
    "clip_fraction": gettext_lazy("Share of clipped updates"),
    "clip_ratio/region_mean": gettext_lazy("Share of clipped updates"),
    "clip_ratio/low_mean": gettext_lazy("Share clipped below"),
    "clip_ratio/low_min": gettext_lazy("Share clipped below, lowest"),
    "clip_ratio/high_mean": gettext_lazy("Share clipped above"),
    "clip_ratio/high_max": gettext_lazy("Share clipped above, highest"),
    "completions/mean_length": gettext_lazy("Average length of answers"),
    "completions/min_length": gettext_lazy("Shortest answer"),
    "completions/max_length": gettext_lazy("Longest answer"),
    "completions/mean_terminated_length": gettext_lazy("Average length of finished answers"),
    "completions/min_terminated_length": gettext_lazy("Shortest finished answer"),
    "completions/max_terminated_length": gettext_lazy("Longest finished answer"),
    "completions/clipped_ratio": gettext_lazy("Share of answers cut off"),
    "completions/ended": gettext_lazy("Share of finished answers"),
    # Speed and volume
    "epoch": gettext_lazy("Epoch"),
    "num_tokens": gettext_lazy("Tokens seen"),
    "step_time": gettext_lazy("Seconds a step"),
    "runtime": gettext_lazy("Seconds taken"),
    "train_runtime": gettext_lazy("Seconds taken"),
    "tokens_per_second": gettext_lazy("Tokens a second"),
    "samples_per_second": gettext_lazy("Rows a second"),
    "train_samples_per_second": gettext_lazy("Rows a second"),
    "steps_per_second": gettext_lazy("Steps a second"),
    "train_steps_per_second": gettext_lazy("Steps a second"),
    "total_flos": gettext_lazy("Floating-point operations"),
}
OF_ONE_REWARD: dict[re.Pattern[str], Promise] = {
    re.compile(r"rewards/(.+)/std"): gettext_lazy("Spread of the reward “%(name)s”"),
    re.compile(r"rewards/(.+?)(?:/mean)?"): gettext_lazy("Reward “%(name)s”"),
}


def label_of(name: str) -> str:
    """In the reader's language. A metric that nobody here knows is called by its name."""
    if name in LABELS:
        return str(LABELS[name])
    for pattern, words in OF_ONE_REWARD.items():
        if found := pattern.fullmatch(name):
            return words % {"name": found[1]}
    rest = name.removeprefix(IN_EVALUATION)
    if rest != name and (label := label_of(rest)) != rest:
        return _("%(metric)s in evaluation") % {"metric": label}
    return name
