"""What is said of a setting beside it. People who come from DeepExtension's own scripts search for the name that it
had there, and find it behind the sentences, where it keeps nobody else from reading them."""

import re

from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from training_methods.numbers import written
from training_methods.trainers.parameters import Parameter

LOCKED = gettext_lazy("Fixed by this site for every train")
NAME_IN_SCRIPTS = re.compile(r"\s*[(（]([A-Z]+(?:_[A-Z0-9]+)+)([^()（）]*)[)）](?=[.。]?$)")
"""“… at its peak (LEARNING_RATE).”, or “… (WARMUP_STEPS, as a share).”"""


def help_of(parameter: Parameter) -> SafeString:
    """Help and bounds in sentences, as HTML, since it is printed as it is."""
    words, name = parted(_(parameter.help)) if parameter.help else ("", SafeString())
    bounds, fixed = parameter.bounds_in(_, written), LOCKED if parameter.locked else ""
    return format_html("{}{}", in_sentences(words, bounds, fixed), name)


def shown(words: str) -> SafeString:
    """Help alone, with its name set apart in the same way."""
    return format_html("{}{}", *parted(words))


def in_sentences(*said: str | Promise) -> SafeString:
    """Each with its full stop, as its language has that."""
    ended = ((_("%(sentence)s.") % {"sentence": str(one).rstrip(".。")},) for one in said if one)
    return format_html_join(" ", "{}", ended)


def parted(words: str) -> tuple[str, SafeString]:
    """Without the name in scripts, and that name."""
    found = NAME_IN_SCRIPTS.search(words)
    if not found:
        return words, SafeString()
    title, (name, more) = _("Its name in DeepExtension's scripts"), found.groups()
    named = format_html(' <span title="{}"><code class="code-name">{}</code>{}</span>', title, name, more)
    return NAME_IN_SCRIPTS.sub("", words), named
