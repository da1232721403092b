"""What the tokens of a dataset say for or against a train: told of a preview, for the token view and the report."""

from collections.abc import Iterator
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from training_methods import sentences
from training_methods.numbers import percent
from training_methods.trainers.preview import Preview

MANY_CUT, MOST_CUT = 0.01, 0.5  # of the rows
MANY_ALIKE = 0.01
Said = dict[str, Any]  # what a finding is made of


def of(seen: Preview) -> Iterator[Said]:
    """Of a count of all rows, or of the first ones alone."""
    if seen.kind == "watched":
        yield from watched(seen)
        return
    if not seen.problem:
        yield from unhindered(seen)
        return
    problem, hint = sentences.translated(seen.problem), sentences.translated(seen.hint)
    yield said("red", _("Rows"), problem, hint, seen.setting)
    is_said = {seen.setting} - {""}
    yield from (one for one in unhindered(seen) if one["about"] != _("Rows") and one["setting"] not in is_said)


def unhindered(seen: Preview) -> Iterator[Said]:
    """What is there to say beside a problem that would end the train."""
    yield from alarms(seen)
    if seen.kept is None:
        yield from cut_off(seen)
        return
    rows = {"count": intcomma(seen.rows)}
    if not seen.complete:
        yield said("amber", _("Rows"), _("Only the first %(count)s rows were read in the time there was.") % rows)
    else:
        words = ngettext("%(count)s row can be read.", "All %(count)s rows can be read.", seen.rows)
        yield said("green", _("Rows"), words % rows)
    yield from length(seen)
    yield from repeats(seen)


def alarms(seen: Preview) -> Iterator[Said]:
    """What the first examples show already: nothing learnt, no end, a template that does not fit."""
    if not seen.examples:
        return
    if seen.kind != "prompts":  # those have no answer to learn: the model gives it
        yield from of_answers(seen)
    if seen.replaces_template:
        words = _("The chosen chat template takes the place of the one that the base model was trained with.")
        yield said("red", _("Chat template"), words, _("Set “Chat template” to own."), "chat_template")


def of_answers(seen: Preview) -> Iterator[Said]:
    unlearnt = sorted({example.row for example in seen.examples if not example.learnt})
    if unlearnt and not seen.dropped:  # else all such rows are counted, and said beside the length
        rows = ", ".join(map(str, unlearnt))
        words = ngettext("Nothing is learnt of row %(rows)s.", "Nothing is learnt of rows %(rows)s.", len(unlearnt))
        fix = _("Raise “Maximum length”: it cuts at %(length)s tokens, before the answer begins.")
        if not any(example.cut for example in seen.examples):
            fix = _("Set “Learn from” to everything, or choose rows with an answer of the assistant.")
        yield said(
            "red", _("Learnt tokens"), words % {"rows": rows}, fix % {"length": intcomma(seen.max_length)}, "max_length"
        )
    if not all(example.ends for example in seen.examples):
        words = _(
            "What is learnt does not end with the end of a sequence (%(end)s): the model would not learn to stop."
        )
        fix = _("Set “Chat template” to plain, or to chatml where the base model knows its marks.")
        yield said("red", _("End of sequence"), words % {"end": seen.end or "–"}, fix, "chat_template")
    elif any(example.learnt and not example.cut for example in seen.examples):
        yield said("green", _("End of sequence"), _("Answers end with %(end)s.") % {"end": seen.end})


def watched(seen: Preview) -> Iterator[Said]:
    """Of what a site's own code gave its model. What its settings are called nobody knows."""
    labelled = [example for example in seen.examples if example.is_labelled]
    if bare := [str(example.row) for example in labelled if not example.learnt]:
        words = ngettext("Nothing is learnt of example %(all)s.", "Nothing is learnt of examples %(all)s.", len(bare))
        fix = _("Look at the labels that its code makes: all of them are -100.")
        yield said("red", _("Learnt tokens"), words % {"all": ", ".join(bare)}, fix)
    if not all(example.ends for example in labelled):
        words = _("What is learnt does not end with the end of a sequence (%(end)s): the model may not learn to stop.")
        fix = _("See that its code puts it after each answer, and that it has a label.")
        yield said("amber", _("End of sequence"), words % {"end": seen.end or "–"}, fix)


def cut_off(seen: Preview) -> Iterator[Said]:
    """Of the first rows, where the others were not counted."""
    if seen.kind != "prompts" and any(example.cut and example.learnt for example in seen.examples):
        words = _("An answer is cut off at %(length)s tokens: its end is not learnt.") % {
            "length": intcomma(seen.max_length)
        }
        fix = _("Raise “Maximum length”, as far as the base model and the memory allow.")
        yield said("amber", _("Length"), words, fix, "max_length")


def length(seen: Preview) -> Iterator[Said]:
    if seen.kind == "prompts":
        yield from long_prompts(seen)
        return
    about, share = _("Length"), seen.cut / seen.rows if seen.rows else 0
    words = {
        "count": intcomma(seen.cut),
        "share": percent(share),
        "length": intcomma(seen.max_length),
        "out": intcomma(seen.dropped),
    }
    fix = _("Raise “Maximum length”, as far as the base model and the memory allow.")
    left_out = _("%(out)s rows are left out, since nothing of their answers remains.") % words if seen.dropped else ""
    if seen.cut:
        level = "red" if share >= MOST_CUT else "amber" if share >= MANY_CUT or left_out else "green"
        cut = _("%(count)s rows (%(share)s) are cut at %(length)s tokens.") % words
        yield said(level, about, f"{cut} {left_out}".strip(), "" if level == "green" else fix, "max_length")
    elif left_out:
        yield said("amber", _("Learnt tokens"), left_out, fix, "max_length")
    else:
        yield said("green", about, _("No row is cut at %(length)s tokens.") % words)


def long_prompts(seen: Preview) -> Iterator[Said]:
    words = {"count": intcomma(seen.dropped), "length": intcomma(seen.max_length)}
    if not seen.dropped:
        yield said("green", _("Length"), _("No prompt has more than %(length)s tokens.") % words)
        return
    fix = _("Raise “Maximum prompt length”, or lower that of answers.")
    left_out = _("%(count)s prompts with more than %(length)s tokens are left out.") % words
    yield said("amber", _("Length"), left_out, fix, "max_prompt_length")


def repeats(seen: Preview) -> Iterator[Said]:
    if not seen.rows:
        return
    if seen.duplicates / seen.rows < MANY_ALIKE:
        yield said("green", _("Repeated rows"), _("Hardly any row is there twice."))
        return
    words = ngettext("%(count)s row repeats an earlier one.", "%(count)s rows repeat earlier ones.", seen.duplicates)
    fix = _("Take repeated rows out of the file: they count as often as they stand there.")
    yield said("amber", _("Repeated rows"), words % {"count": intcomma(seen.duplicates)}, fix)


def said(level: str, about: str, says: str, fix: str = "", setting: str = "") -> Said:
    return {"level": level, "about": about, "says": says, "fix": fix, "setting": setting}
