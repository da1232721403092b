"""The first examples as the model sees them, for the page: tokens in runs of what becomes of them."""

from dataclasses import dataclass
from itertools import groupby

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from training_methods.trainers.preview import Example, Preview


@dataclass(frozen=True, kw_only=True)
class Run:
    """Neighbouring tokens of which the same becomes. `word` says it to those who do not see colours."""

    state: str
    word: str
    tokens: list[str]


@dataclass(frozen=True, kw_only=True)
class Text:
    """One example."""

    title: str
    facts: str
    runs: list[Run]


def texts(preview: Preview) -> list[Text]:
    is_watched = preview.kind == "watched"
    return [
        Text(title=title(one, is_watched=is_watched), facts=facts(one, preview), runs=runs(one))
        for one in preview.examples
    ]


def title(example: Example, *, is_watched: bool) -> str:
    names = {
        "chosen": _("chosen"),
        "rejected": _("rejected"),
        "good": _("good"),
        "bad": _("bad"),
        "prompt": _("prompt"),
    }
    row = (_("Example %(number)s") if is_watched else _("Row %(number)s")) % {"number": example.row}
    return f"{row} · {names.get(example.name, example.name)}" if example.name else row


def facts(example: Example, preview: Preview) -> str:
    words = {"tokens": intcomma(example.tokens), "learnt": intcomma(example.learnt), "cut": intcomma(example.cut)}
    if preview.kind == "prompts":
        return _("%(tokens)s tokens; the model answers by itself") % words
    if not example.is_labelled:
        return _("%(tokens)s tokens; its code decides what is learnt of them") % words
    if example.cut:
        return _("%(tokens)s tokens, %(learnt)s learnt, %(cut)s cut off") % words
    return _("%(tokens)s tokens, %(learnt)s learnt") % words


def runs(example: Example) -> list[Run]:
    words = {"read": "", "learnt": _("learnt:"), "cut": _("cut off:")}
    found = [
        Run(state=state, word=words[state], tokens=[visible(text) for text, _state in pieces])
        for state, pieces in groupby(example.pieces, key=lambda piece: piece[1])
    ]
    if example.hidden:
        gap = _("… %(count)s more …") % {"count": intcomma(example.hidden)}
        found.insert(max(len(found) // 2, 1), Run(state="gap", word="", tokens=[gap]))
    return found


def visible(token: str) -> str:
    """A line break can be seen, and breaks the line."""
    return token.replace("\n", "↵\n")
