"""How a training is getting on, in words: what its curves show, and what to try."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from django.core.cache import cache
from django.utils.formats import get_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from training_jobs import metrics
from training_jobs.metrics import Curve
from training_jobs.models import TrainingJob

MOST_POINTS = 400  # of a curve: its shape is what counts
ENOUGH = 10  # points, before anything is said
AS_GOOD_AS_ZERO = 1e-4
SECONDS_GOOD = 10  # while the training goes on

Curves = Mapping[str, Curve]


@dataclass(frozen=True, kw_only=True)
class Health:
    """What is seen, and where that is not well, what to try."""

    seen: str
    advice: str = ""

    @property
    def is_well(self) -> bool:
        return not self.advice


def of(job: TrainingJob) -> Health | None:
    """None: it is too early to tell. Kept for some seconds, since every page that shows the job asks."""
    key = f"health-{job.pk}-{job.attempt}-{job.status}-{get_language()}"
    return cache.get_or_set(key, lambda: read(metrics.read(job.pk, most=MOST_POINTS).curves), SECONDS_GOOD)


def read(curves: Curves) -> Health | None:
    """The first trouble that the curves show, or how they move."""
    return next(filter(None, (rule(curves) for rule in RULES)), None)


def values_of(curves: Curves, name: str) -> list[float]:
    """Those that are numbers; nothing where they are too few to say something."""
    values = [value for value in curves[name].values if value is not None] if name in curves else []
    return values if len(values) >= ENOUGH else []


def windows(values: list[float]) -> Iterator[float]:
    """Medians of a tenth of the curve each, which single odd rows do not move. The last one may lap over."""
    size = max(len(values) // 10, ENOUGH // 2)
    for start in (*range(0, len(values) - size, size), len(values) - size):
        yield median(values[start : start + size])


def lost_its_numbers(curves: Curves) -> Health | None:
    for name, sentence in (
        ("loss", _("The loss is not a number any more.")),
        ("reward", _("The reward is not a number any more.")),
    ):
        if name in curves and curves[name].values and curves[name].values[-1] is None:
            return Health(
                seen=sentence,
                advice=_("Stop the train and start it again with a lower learning rate or a longer warm-up."),
            )
    return None


def has_no_spread(curves: Curves) -> Health | None:
    """All answers to a prompt are worth the same, so that none is better than another."""
    spread = values_of(curves, "reward_std")
    if not spread or max(spread[-ENOUGH:]) > AS_GOOD_AS_ZERO:
        return None
    return Health(
        seen=_("All answers to a prompt are rated alike, so there is nothing to learn from them."),
        advice=_("Try a higher temperature, prompts of another difficulty, or rewards that tell answers apart."),
    )


def is_at_zero(curves: Curves) -> Health | None:
    """Methods that rate answers have a loss near zero by nature."""
    loss = values_of(curves, "loss")
    if not loss or "reward" in curves or max(map(abs, loss[-ENOUGH:])) > AS_GOOD_AS_ZERO:
        return None
    return Health(
        seen=_("The loss is flat at zero."),
        advice=_("Either the rows are known by heart, then stop here; or nothing of them is learnt: look at the rows."),
    )


def said(**numbers: float) -> dict[str, str]:
    """With the four digits that matter, as the reader writes numbers."""
    point = get_format("DECIMAL_SEPARATOR")
    return {name: f"{number:.4g}".replace(".", point) for name, number in numbers.items()}


def diverges(curves: Curves) -> Health | None:
    loss = values_of(curves, "loss")
    if not loss or "reward" in curves:
        return None
    *_earlier, last = course = list(windows(loss))
    lowest = min(course)
    rises = last > lowest + max(0.5 * abs(lowest), 0.1) and last > course[0] * 0.9
    start = median(loss[:3])  # a rate far too large ruins all within a window
    is_ruined = last > 2 * start > 0 and max(course) > 3 * start
    if not (rises or is_ruined):
        return None
    return Health(
        seen=_("The loss rises: it was %(lowest)s and is %(last)s.") % said(lowest=min(lowest, start), last=last),
        advice=_("Try a third of the learning rate, or a longer warm-up."),
    )


def overfits(curves: Curves) -> Health | None:
    """The evaluation loss has risen twice in a row since its best while the training loss goes on falling."""
    loss = values_of(curves, "loss")
    evaluation = [value for value in curves["eval_loss"].values if value is not None] if "eval_loss" in curves else []
    if len(evaluation) < 3 or not loss:
        return None
    best = min(evaluation)
    rises = best < evaluation[-2] <= evaluation[-1]
    falls = list(windows(loss))[-1] < median(loss)
    if not (rises and falls):
        return None
    return Health(
        seen=_("The loss falls, and on rows held out it rises: from %(best)s to %(last)s.")
        % said(best=best, last=evaluation[-1]),
        advice=_("Stop and save, or train anew with fewer epochs, “Keep the best”, or more rows."),
    )


def moves(curves: Curves) -> Health | None:
    """What the first and the last part of the curve are, where no rule saw any trouble."""
    for name, sentence in (
        ("reward", _("The reward went from %(first)s to %(last)s.")),
        ("loss", _("The loss went from %(first)s to %(last)s.")),
    ):
        if values := values_of(curves, name):
            first, *_between, last = windows(values)
            return Health(seen=sentence % said(first=first, last=last))
    return None


RULES: tuple[Callable[[Curves], Health | None], ...] = (
    lost_its_numbers,
    has_no_spread,
    is_at_zero,
    diverges,
    overfits,
    moves,
)
