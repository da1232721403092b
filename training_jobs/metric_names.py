"""Names of metrics: which belong together, which come first, and whether more of one is better."""

import re
from collections.abc import Iterable

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

GROUPS: dict[str, str | Promise] = {
    "learning": _("Loss and reward"),
    "evaluation": _("On the rows kept for evaluation"),
    "rewards": _("Rewards, one by one"),
    "answers": _("Answers"),
    "steps": _("Learning rate and gradient"),
    "other": _("Further metrics"),
    "speed": _("Speed and volume"),
}
FOLDED = {"other", "speed"}  # until somebody asks
FIRST = ["loss", "eval_loss", "reward", "reward_std", "eval_reward", "mean_token_accuracy", "kl", "entropy"]
SPEED = re.compile(r"runtime|per_second|step_time|memory|epoch|num_tokens|flos")
LEARNING = re.compile(r"(^|_)(loss|perplexity|accuracy|reward|reward_std|kl|entropy)$")
LESS_IS_BETTER = re.compile(r"loss|perplexity|error|(^|_)kl$")
MORE_IS_BETTER = re.compile(r"reward(?!_std)|accurac|margin|per_second|score")


def group_of(name: str) -> str:
    if SPEED.search(name):
        return "speed"
    for start, group in (("eval_", "evaluation"), ("rewards/", "rewards"), ("completions/", "answers")):
        if name.startswith(start):
            return group
    if name in ("learning_rate", "grad_norm"):
        return "steps"
    return "learning" if LEARNING.search(name) else "other"


def rank(name: str) -> str:
    """Sorts names as they are shown."""
    importance = FIRST.index(name) if name in FIRST else len(FIRST)
    return f"{list(GROUPS).index(group_of(name))}.{importance}.{name}"


def in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=rank)


def best_of(name: str, values: Iterable[float | None]) -> float | None:
    """None: nobody can say which is better, or there are none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    if LESS_IS_BETTER.search(name):
        return min(known)
    return max(known) if MORE_IS_BETTER.search(name) else None
