"""What a train that is being put together will take: told from its settings, from what was counted or measured, and
from earlier trains of this site. Each line says what it rests on; what nothing is known of says so.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from training_jobs import memory_needs, room, step_counts, waiting
from training_jobs.drafts import Draft, Mistake
from training_jobs.known import Known
from training_jobs.memory_needs import BF16, FP32
from training_jobs.models import FoundationModel, Status, TrainingJob
from training_jobs.waiting import Wait
from training_methods import config
from training_methods.numbers import in_short, percent, rounded
from training_methods.templatetags.console import duration

EARLIER = 5  # trains that are looked at
CHECKPOINTS = 2  # that are kept
ADAM = 3  # a checkpoint's numbers for each that learns: its weight and the optimizer's two


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing to expect. `basis` says what it rests on."""

    what: str
    value: str
    basis: str = ""
    is_unknown: bool = False


@dataclass(frozen=True, kw_only=True)
class Rail:
    """What stands beside the form."""

    lines: list[Line] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)
    is_complete: bool = False


def of(draft: Draft, user: Any) -> Rail:
    """A fixed number of queries, and no row of the dataset is read."""
    if not draft.settings:
        return Rail()
    known = Known.of(draft)
    lines = [line for made in (rows, tokens, trained, steps, time, memory, disk) for line in made(known)]
    lines += place(draft, user)
    return Rail(lines=lines, mistakes=draft.mistakes_in_settings, is_complete=draft.snapshots is not None)


def rows(known: Known) -> Iterator[Line]:
    if found := known.rows:
        count = known.row_count or 0
        words = ngettext("%(count)s row", "%(count)s rows", count) % {"count": intcomma(count)}
        held_out = _("%(count)s held out to evaluate") % {"count": intcomma(found.held_out)} if found.held_out else ""
        yield Line(what=_("Rows"), value=words, basis=held_out)


def tokens(known: Known) -> Iterator[Line]:
    if not (found := known.tokens):
        return
    number, basis = found
    if basis:
        yield Line(what=_("Tokens"), value=_("about %(count)s") % {"count": approximately(number)}, basis=basis)
        return
    assert known.counted
    learnt = _("counted; %(count)s of them learnt") % {"count": intcomma(known.counted.learnt)}
    yield Line(what=_("Tokens"), value=intcomma(number), basis=learnt if known.counted.learnt else _("counted"))


def trained(known: Known) -> Iterator[Line]:
    draft, found = known.draft, known.trained
    if not (draft.base_model and draft.values is not None):
        return
    if found is None:
        unknown = _("This trainer's own code decides.")
        yield Line(what=_("What is trained"), value=_("Not known"), basis=unknown, is_unknown=True)
    elif found.parameters is None:
        basis = _("How many parameters shows once it runs.")
        yield Line(what=_("What is trained"), value=found.what, basis=basis)
    else:
        share = found.parameters / draft.base_model.parameter_count if draft.base_model.parameter_count else None
        count = _("about %(count)s parameters") % {"count": in_short(found.parameters)}
        if share and not found.is_whole:
            count = _("%(count)s, %(share)s of the base model") % {"count": count, "share": percent(share)}
        yield Line(what=_("What is trained"), value=found.what, basis=count)


def steps(known: Known) -> Iterator[Line]:
    if not known.rows:
        return
    if known.steps is None:
        packed = known.values.get("packing") and known.draft.trainer and step_counts.is_known(known.draft.trainer)
        basis = _("Packing decides: “Check” counts them.") if packed else _("This trainer's own code decides.")
        yield Line(what=_("Steps"), value=_("Not known yet"), basis=basis, is_unknown=True)
        return
    basis = "" if known.is_counted or known.values.get("max_steps") else _("if no row has to be left out")
    yield Line(what=_("Steps"), value=intcomma(known.steps), basis=basis)


def time(known: Known) -> Iterator[Line]:
    if not known.rows:
        return
    found = seconds(known)
    if not found and known.measured and known.measured.seconds_a_step:
        each, basis = (
            rounded(known.measured.seconds_a_step, 2),
            _("by a micro-run; how many steps there are is not known"),
        )
        yield Line(what=_("Time"), value=_("%(seconds)s s a step") % {"seconds": each}, basis=basis)
        return
    if not found:
        unknown = _("No train of this method and base model has ended here yet. A micro-run measures it.")
        if answers_itself(known):
            unknown = _("How long the model's answers get shows once it runs. A micro-run measures it.")
        yield Line(what=_("Time"), value=_("Not known yet"), basis=unknown, is_unknown=True)
        return
    yield Line(what=_("Time"), value=_("about %(time)s") % {"time": duration(found[0])}, basis=found[1])


def seconds(known: Known) -> tuple[float, str] | None:
    """From a micro-run, or else from the speed of earlier trains."""
    if known.measured and known.measured.seconds_a_step and known.steps:
        slowest = _("at most, by a micro-run on the longest rows: %(seconds)s s a step")
        words = slowest % {"seconds": rounded(known.measured.seconds_a_step, 2)}
        return known.steps * known.measured.seconds_a_step, words
    speeds = speeds_of_earlier(known.draft)
    seen = tokens_trained(known)
    if not speeds or seen is None:
        return None
    words = ngettext(
        "estimated from an earlier train of this method and base model",
        "estimated from %(count)s earlier trains of this method and base model",
        len(speeds),
    )
    return seen / median(speeds), words % {"count": len(speeds)}


def speeds_of_earlier(draft: Draft) -> list[float]:
    """Tokens a second of the last that succeeded."""
    if not (draft.method and draft.base_model):  # trains whose base model was deleted have none either
        return []
    ended = TrainingJob.objects.filter(method=draft.method, base_model=draft.base_model, status=Status.SUCCEEDED)
    found = ended.filter(tokens_per_second__gt=0).order_by("-created_at").values_list("tokens_per_second", flat=True)
    return [speed for speed in found[:EARLIER] if speed]


def answers_itself(known: Known) -> bool:
    """Whether the model learns from its own answers, so that the tokens of the rows are not those that it takes."""
    return "max_completion_length" in known.values


def tokens_trained(known: Known) -> float | None:
    """In all epochs, where rows are learnt as they are."""
    if not (known.tokens and known.rows and known.rows.used) or answers_itself(known):
        return None
    learnt = known.tokens[0] * known.rows.learnt / known.rows.used
    if known.values.get("max_steps"):
        batch = known.values.get("batch_size", 1) * known.values.get("gradient_accumulation_steps", 1)
        return tokens_a_sequence(known, learnt) * known.values["max_steps"] * batch
    return learnt * known.values["epochs"] if "epochs" in known.values else None


def tokens_a_sequence(known: Known, learnt: float) -> float:
    """Of one of the rows that are learnt, or of as many as packing puts together."""
    assert known.rows
    if not known.values.get("packing"):
        return learnt / max(known.rows.learnt, 1)
    if known.counted and known.counted.packed:
        return learnt / known.counted.packed
    return min(known.values["max_length"], learnt)


def memory(known: Known) -> Iterator[Line]:
    if not known.rows:
        return
    if not (known.measured and known.measured.memory):
        yield memory_at_least(known)
        return
    measured = known.measured
    value = filesizeformat(measured.gpu_memory or measured.memory or 0)
    where = _("of the GPU, at the peak of a micro-run") if measured.gpu_memory else _("at the peak of a micro-run")
    yield Line(what=_("Memory"), value=value, basis=where)


def memory_at_least(known: Known) -> Line:
    """Nothing was measured yet."""
    lowest = memory_needs.at_least(known)
    if lowest is None or known.trained is None:
        unknown = _("A micro-run of five steps measures it.")
        return Line(what=_("Memory"), value=_("Not known yet"), basis=unknown, is_unknown=True)
    if known.trained.is_whole:
        basis = _("a lower bound: weights, gradients and the optimizer's state; a micro-run measures it")
    else:
        basis = _("a lower bound: the base model's weights alone; a micro-run measures it")
    return Line(what=_("Memory"), value=_("at least %(size)s") % {"size": filesizeformat(lowest)}, basis=basis)


def disk(known: Known) -> Iterator[Line]:
    if not known.rows:
        return
    free = _("%(size)s are free") % {"size": filesizeformat(room.free() * room.GIGABYTE)}
    needed = bytes_needed(known)
    if needed is None:
        yield Line(what=_("Disk"), value=_("Not known yet"), basis=free, is_unknown=True)
        return
    basis = _("estimated for the result and %(count)s checkpoints; %(free)s") % {"count": CHECKPOINTS, "free": free}
    yield Line(what=_("Disk"), value=_("about %(size)s") % {"size": filesizeformat(needed)}, basis=basis)


def bytes_needed(known: Known) -> int | None:
    trained = known.trained
    if not (trained and trained.parameters and known.draft.base_model):
        return None
    checkpoint = trained.parameters * FP32 * ADAM
    return CHECKPOINTS * checkpoint + bytes_of_result(known, trained.parameters)


def bytes_of_result(known: Known, learning: int) -> int:
    """A whole model is saved as its base model is stored, a GGUF file in bf16; a reward model's adapter is merged."""
    assert known.trained and known.draft.base_model and known.draft.trainer
    if not known.trained.is_whole and known.draft.trainer.slug != "reward":
        return learning * FP32
    base_model = known.draft.base_model
    if base_model.weights == FoundationModel.Weights.GGUF and base_model.parameter_count:
        return base_model.parameter_count * BF16
    return base_model.size_bytes


def place(draft: Draft, user: Any) -> Iterator[Line]:
    if draft.method:
        wait = wait_of(draft, user)
        yield Line(what=_("In the queue"), value=wait.sentence, is_unknown=wait.is_stuck)


def wait_of(draft: Draft, user: Any) -> Wait:
    """As if it were submitted now."""
    assert draft.method
    needed = config.resources(draft.method.config)
    whose = getattr(user, "pk", None)
    job = TrainingJob(queue=needed.queue, gpus=needed.gpus, created_by_id=whose, created_at=timezone.now())
    scene = waiting.look()
    before = [other for other in scene.turn if other.priority >= draft.priority]
    return replace(scene, turn=before).wait_of(job)


def approximately(number: int) -> str:
    """With two digits that count: nobody should take it for exact."""
    digits = max(len(str(number)) - 2, 0)
    return intcomma(round(number, -digits))
