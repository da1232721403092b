"""The preflight report: what speaks against a train before it starts, each finding with its way out.

The quick part rests on the form and on what is known already. The rest needs every row read, which `previews` does.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import filesizeformat
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from training_jobs import estimates, memory_needs, room, token_findings
from training_jobs.drafts import Draft
from training_jobs.known import Known
from training_jobs.models import TrainingJob, Worker
from training_jobs.submission import unfit_method, wrong_priority
from training_methods import config
from training_methods.numbers import in_short, rounded
from training_methods.trainers.events import storable

Level = Literal["red", "amber", "green"]
FAR = 10  # times the usual learning rate, or a tenth of it
FEW_ROWS, MANY_EPOCHS, FEW_STEPS = 200, 5, 10
LARGE = 10**9  # parameters: such a model wants a GPU


@dataclass(frozen=True, kw_only=True)
class Finding:
    """`fix` says what to change, `setting` which setting that is; `link` leads to what it is about."""

    level: Level
    about: str
    says: str
    fix: str = ""
    setting: str = ""
    link: str = ""

    @property
    def symbol(self) -> str:
        return {"red": "failed", "amber": "warning", "green": "succeeded"}[self.level]

    @property
    def word(self) -> str:
        return {"red": _("Stop"), "amber": _("Look"), "green": _("Good")}[self.level]


@dataclass(frozen=True, kw_only=True)
class Report:
    """`is_whole`: every row that is used was counted."""

    findings: list[Finding]
    is_whole: bool = False

    def of_level(self, level: Level) -> list[Finding]:
        return [finding for finding in self.findings if finding.level == level]

    @property
    def reds(self) -> list[Finding]:
        return self.of_level("red")

    @property
    def ambers(self) -> list[Finding]:
        return self.of_level("amber")

    @property
    def in_order(self) -> list[Finding]:
        """What matters most first."""
        return [*self.reds, *self.ambers, *self.of_level("green")]

    @property
    def headline(self) -> str:
        if reds := len(self.reds):
            return ngettext("%(count)s thing stands in the way.", "%(count)s things stand in the way.", reds) % {
                "count": reds
            }
        if ambers := len(self.ambers):
            return ngettext("%(count)s thing to look at.", "%(count)s things to look at.", ambers) % {"count": ambers}
        return _("Nothing speaks against it.")


def to_keep(draft: Draft, user: Any) -> dict[str, Any]:
    """As the job keeps it: in every language, since others read it than whoever starts the train."""
    reports = {}
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            reports[language] = report(draft, user)
    return {
        "at": timezone.now().isoformat(),
        "is_whole": reports[settings.LANGUAGE_CODE].is_whole,
        "findings": {language: [asdict(one) for one in made.in_order] for language, made in reports.items()},
    }


def read(kept: dict[str, Any] | None) -> Report | None:
    """A job's own report in the reader's language; an earlier one has that of whoever started the train alone."""
    if not kept:
        return None
    said = kept["findings"]
    if isinstance(said, dict):
        said = said.get(translation.get_language()) or said[settings.LANGUAGE_CODE]
    return Report(findings=[Finding(**one) for one in said], is_whole=kept["is_whole"])


def report(draft: Draft, user: Any) -> Report:
    """With what is known by now; nobody is asked, and no row is read."""
    known = Known.of(draft)
    seen = known.counted or known.first or (known.measured and known.measured.seen)
    rows = [Finding(**one) for one in token_findings.of(seen)] if seen else []
    is_hindered = any(one.level == "red" and one.setting for one in rows)
    found = [*name(draft), *choices(draft, user, is_hindered=is_hindered), *learning_rate(known), *amount(known)]
    found += [*disk(known), *memory(known), *workers(draft, user), *rows]
    return Report(findings=gravest(found), is_whole=bool(known.counted and known.counted.complete))


def gravest(found: list[Finding]) -> list[Finding]:
    """Without what is good, or only to be looked at, where something graver is said about the same."""
    graver: dict[Level, set[str]] = {"red": set(), "amber": set(), "green": set()}
    for one in found:
        about = {one.about, one.setting} - {""}
        graver["green"] |= about if one.level != "green" else set()
        graver["amber"] |= about if one.level == "red" else set()
    return [one for one in found if not {one.about, one.setting} & graver[one.level]]


def name(draft: Draft) -> Iterator[Finding]:
    about = _("Train name")
    if sentence := draft.refused.get("name"):
        yield Finding(level="red", about=about, says=sentence)
    elif other := namesake(draft):
        fix = _("Choose another name if you want to tell the two apart.")
        yield Finding(level="amber", about=about, says=is_taken(draft), fix=fix, link=other.get_absolute_url())


def is_taken(draft: Draft) -> str:
    return _("There is a train named “%(name)s” already.") % {"name": draft.name.strip()}


def namesake(draft: Draft) -> TrainingJob | None:
    """The newest train that has the name already, whoever started it."""
    return TrainingJob.objects.filter(name=storable(draft.name).strip()).order_by("-created_at").only("pk").first()


def choices(draft: Draft, user: Any, *, is_hindered: bool) -> Iterator[Finding]:
    """What `submit` would refuse. `is_hindered`: the rows stand against a setting."""
    about, labels = _("Choices"), draft.labels
    wrong = wrong_priority(draft.priority, user) | draft.mistakes | draft.refused
    if draft.method and draft.trainer and (unfit := unfit_method(draft.method, draft.trainer)):
        wrong["method"] = unfit
    wrong.pop("name", None)
    for setting, sentence in wrong.items():
        yield Finding(level="red", about=labels.get(setting, about), says=sentence, setting=setting)
    if not wrong and not is_hindered and draft.snapshots:
        yield Finding(level="green", about=about, says=_("Method, base model, dataset and settings go together."))


def learning_rate(known: Known) -> Iterator[Finding]:
    usual, rate = default_of(known.draft, "learning_rate"), known.values.get("learning_rate")
    if not usual or not rate:
        return
    times = max(rate / usual, usual / rate)
    about = _("Learning rate")
    words = {"rate": rounded(rate, 6), "usual": rounded(usual, 6), "times": intcomma(round(times))}
    if rate / usual >= FAR * 0.999:
        says = _("%(rate)s is %(times)s times this method's usual %(usual)s: the loss may jump and never come back.")
        yield Finding(level="amber", about=about, says=says % words, fix=near(words), setting="learning_rate")
    elif usual / rate >= FAR * 0.999:
        says = _(
            "%(rate)s is %(times)s times smaller than this method's usual %(usual)s: it may learn next to nothing."
        )
        yield Finding(level="amber", about=about, says=says % words, fix=near(words), setting="learning_rate")
    else:
        yield Finding(level="green", about=about, says=_("%(rate)s is near this method's usual %(usual)s.") % words)


def near(words: dict[str, str]) -> str:
    return _("Begin with %(usual)s.") % words


def default_of(draft: Draft, name: str) -> Any:
    parameters = draft.settings.form.parameters if draft.settings else []
    return next((one.default for one in parameters if one.name == name), None)


def amount(known: Known) -> Iterator[Finding]:
    """Rows, epochs and steps."""
    if not known.rows or (known.counted and known.counted.problem):
        return
    about, learnt, epochs = _("Amount"), known.rows.learnt, known.values.get("epochs") or 0
    words = {"rows": intcomma(learnt), "epochs": rounded(epochs, 6), "steps": intcomma(known.steps or 0)}
    if learnt < FEW_ROWS and epochs > MANY_EPOCHS and not known.values.get("max_steps"):
        says = _("%(epochs)s epochs over %(rows)s rows: it may learn them by heart and nothing else.") % words
        fix = _("Take fewer epochs or more rows, or hold some out (“Share held out”) to see when it does.")
        yield Finding(level="amber", about=about, says=says, fix=fix, setting="epochs")
    elif known.steps is not None and known.steps < FEW_STEPS:
        says = ngettext(
            "Only %(steps)s step: little can be learnt.", "Only %(steps)s steps: little can be learnt.", known.steps
        )
        fix = _("Take more epochs, or a smaller batch.")
        yield Finding(level="amber", about=about, says=says % words, fix=fix, setting="epochs")
    elif known.steps is not None:
        says = _("%(rows)s rows in %(steps)s steps.") % words
        yield Finding(level="green", about=about, says=says)


def disk(known: Known) -> Iterator[Finding]:
    about, free = _("Disk"), room.free() * room.GIGABYTE
    words = {"free": filesizeformat(free), "reserve": rounded(settings.DISK_RESERVE_GB, 6)}
    tidy = _("Delete models and jobs that are not needed any more, or enlarge the disk.")
    needed = estimates.bytes_needed(known) if known.rows else None
    words["needed"] = filesizeformat(needed or 0)
    if not room.is_enough_to_start():
        says = _("%(free)s are free, and %(reserve)s GB are kept: no train starts before there is more room.") % words
        yield Finding(level="red", about=about, says=says, fix=tidy)
    elif needed is None:
        yield Finding(level="green", about=about, says=_("%(free)s are free; what it needs is not known.") % words)
    elif needed > free - settings.DISK_RESERVE_GB * room.GIGABYTE:
        says = _("About %(needed)s are needed, and %(free)s are free.") % words
        yield Finding(level="red", about=about, says=says, fix=tidy)
    else:
        says = _("About %(needed)s are needed, and %(free)s are free.") % words
        yield Finding(level="green", about=about, says=says)


def memory(known: Known) -> Iterator[Finding]:
    if not known.rows:
        return
    about, measured = _("Memory"), known.measured
    if not (measured and measured.memory):
        says = _("What it takes at its peak is not known.")
        yield Finding(level="amber", about=about, says=says, fix=_("A micro-run measures it."))
        return
    says = _("It took %(size)s at the peak of a micro-run.")
    size = filesizeformat(measured.gpu_memory or measured.memory)
    yield Finding(level="green", about=about, says=says % {"size": size})
    yield from (Finding(**one) for one in memory_needs.findings(known))


def workers(draft: Draft, user: Any) -> Iterator[Finding]:
    if not draft.method or not room.is_enough_to_start():  # nobody takes it then, which the disk's finding says
        return
    about, wait = _("Workers"), estimates.wait_of(draft, user)
    if wait.is_stuck:
        fix = _("Ask whoever runs the workers. It can be started meanwhile, and waits.")
        yield Finding(level="amber", about=about, says=wait.sentence, fix=fix)
        return
    yield Finding(level="green", about=about, says=wait.sentence)
    size = draft.base_model.parameter_count if draft.base_model else None
    if size and size >= LARGE and not serving_with_cards(config.resources(draft.method.config).queue):
        says = _("No worker of its queue has a GPU, and the base model has %(size)s parameters: this takes very long.")
        fix = _("Choose a smaller base model, or a method whose queue has GPUs.")
        yield Finding(level="amber", about=_("GPU"), says=says % {"size": in_short(size)}, fix=fix)


def serving_with_cards(queue: str) -> bool:
    return any(worker.cards and queue in worker.queue_names for worker in Worker.objects.heard())
