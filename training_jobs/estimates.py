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

from training_jobs import previews, rehearsals, room, step_counts, trained_parts, waiting
from training_jobs.drafts import Draft, Mistake
from training_jobs.models import Status, TrainingJob
from training_jobs.rehearsals import Measured
from training_jobs.step_counts import Rows
from training_jobs.trained_parts import Trained
from training_jobs.waiting import Wait
from training_methods import config
from training_methods.numbers import in_short, percent, rounded
from training_methods.templatetags.console import duration
from training_methods.trainers.base import DataFormat
from training_methods.trainers.preview import Preview

CHARACTERS = 4  # of English text, to a token
EARLIER = 5  # trains that are looked at
CHECKPOINTS = 2  # that are kept
ADAM = 3  # a checkpoint's numbers for each that learns: its weight and the optimizer's two
FLOAT = 4  # bytes


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


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that an estimate may rest on."""

    draft: Draft
    first: Preview | None
    counted: Preview | None
    measured: Measured | None

    @classmethod
    def of(cls, draft: Draft) -> "Known":
        first, counted = (previews.known(draft, whole=whole) for whole in (False, True))
        return cls(draft=draft, first=first, counted=counted, measured=rehearsals.measured(draft))

    @property
    def values(self) -> dict[str, Any]:
        return self.draft.values or {}

    @property
    def is_counted(self) -> bool:
        return previews.learnt_rows(self.counted) is not None

    @property
    def row_count(self) -> int | None:
        """Rows of the dataset that are read."""
        if not (self.draft.dataset and self.draft.values is not None):
            return None
        return step_counts.used_of(self.draft.dataset.row_count, self.values)

    @property
    def rows(self) -> Rows | None:
        """Examples that are made of them: as many, unless some were left out, or a pair makes two."""
        if not (self.draft.dataset and self.draft.trainer and self.row_count is not None):
            return None
        left = previews.learnt_rows(self.counted)
        if left is None:
            in_pairs = self.draft.dataset.data_format in (DataFormat.PREFERENCE, DataFormat.PAIRS)
            left = self.row_count * (2 if in_pairs and self.draft.trainer.slug == "kto" else 1)
        return step_counts.divided(left, self.values)

    @property
    def steps(self) -> int | None:
        """None: it is not known before it runs, or not before the rows are counted."""
        if not (self.rows and self.draft.trainer and step_counts.is_known(self.draft.trainer)):
            return None
        learnt: int | None = self.rows.learnt
        if self.values.get("packing") and not self.values.get("max_steps"):
            learnt = self.counted.packed if self.counted else None
        return None if learnt is None else step_counts.total(self.values, learnt)

    @property
    def tokens(self) -> tuple[int, str] | None:
        """In the rows that are used, and what that rests on."""
        if not (self.row_count and self.draft.dataset):
            return None
        if self.counted and self.is_counted:
            return self.counted.tokens, ""
        if self.first and self.first.examples:
            rows = len({example.row for example in self.first.examples})
            each = sum(example.tokens for example in self.first.examples) / rows
            basis = ngettext("estimated from the first row", "estimated from the first %(count)s rows", rows)
            return round(each * self.row_count), basis % {"count": rows}
        share = self.row_count / self.draft.dataset.row_count
        characters = _("estimated from the size of the file, at %(count)s characters a token") % {"count": CHARACTERS}
        return round(self.draft.dataset.size_bytes * share / CHARACTERS), characters

    @property
    def trained(self) -> Trained | None:
        draft = self.draft
        if not (draft.trainer and draft.base_model and draft.values is not None):
            return None
        return trained_parts.of(draft.trainer, draft.values, draft.base_model)


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
        packed = known.values.get("packing") and step_counts.is_known(known.draft.settings.trainer)  # type: ignore[union-attr]
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
    ended = TrainingJob.objects.filter(method=draft.method, base_model=draft.base_model, status=Status.SUCCEEDED)
    found = ended.filter(tokens_per_second__gt=0).order_by("-created_at").values_list("tokens_per_second", flat=True)
    return [speed for speed in found[:EARLIER] if speed]


def tokens_trained(known: Known) -> float | None:
    """In all epochs, where rows are learnt as they are."""
    if not (known.tokens and known.rows and known.rows.used) or "num_generations" in known.values:
        return None
    each = known.tokens[0] / known.rows.used
    if known.values.get("max_steps") and not known.values.get("packing"):
        batch = known.values.get("batch_size", 1) * known.values.get("gradient_accumulation_steps", 1)
        return each * known.values["max_steps"] * batch
    return each * known.rows.learnt * known.values["epochs"] if "epochs" in known.values else None


def memory(known: Known) -> Iterator[Line]:
    if not known.rows:
        return
    if not (known.measured and known.measured.memory):
        unknown = _("A micro-run of five steps measures it.")
        yield Line(what=_("Memory"), value=_("Not known yet"), basis=unknown, is_unknown=True)
        return
    measured = known.measured
    value = filesizeformat(measured.gpu_memory or measured.memory or 0)
    where = _("of the GPU, at the peak of a micro-run") if measured.gpu_memory else _("at the peak of a micro-run")
    yield Line(what=_("Memory"), value=value, basis=where)


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
    checkpoint = trained.parameters * FLOAT * ADAM
    result = known.draft.base_model.size_bytes if trained.is_whole else trained.parameters * FLOAT
    return CHECKPOINTS * checkpoint + result


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
