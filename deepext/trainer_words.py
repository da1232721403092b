"""What the built-in trainers and methods say of themselves, which is English: where it is gathered and translated.

Trainers are plain Python and know no Django, so their words are not marked. They are gathered here, listed in
`gathered_words.py` for makemessages to find, and looked up where they are shown: `{{ parameter.help|translated }}`
in a template, `gettext(parameter.help)` in Python. A word of somebody's own trainer is in no catalog, and stays.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from training_methods import catalog
from training_methods.builtin_methods import BUILTIN_METHODS
from training_methods.catalog import TrainerInfo
from training_methods.trainers import MethodType
from training_methods.trainers.parameters import BOUNDS, MODELS_OF_THE_SITE, OR, SENTENCES
from training_methods.trainers.row_files import FileType
from training_methods.trainers.rows import FORMATS

LIST = Path(__file__).parent / "gathered_words.py"
HEAD = '''"""Written by `manage.py gather_words`, for makemessages to find; nothing imports it."""

from django.utils.translation import gettext_noop

'''


def gathered() -> list[str]:
    """Each once, in the order of the alphabet."""
    return sorted({words for words in found() if words and not words.isspace()})


def found() -> Iterator[str]:
    for method in BUILTIN_METHODS.values():
        yield from (method["display_name"], method["description"])
    yield from (kind.label for kind in MethodType)
    yield from (shape.label for shape in FORMATS.values())
    yield from (*SENTENCES.values(), *BOUNDS.values(), *MODELS_OF_THE_SITE.values(), OR)
    yield from {shape.unit for shape in FileType}
    for trainer in catalog.trainers().values():
        if trainer.source == catalog.BUILT_IN:
            yield from words_of(trainer)


def words_of(trainer: TrainerInfo) -> Iterator[str]:
    yield from (trainer.label, trainer.doc)
    for parameter in trainer.parameters:
        yield from (parameter.label, parameter.help, parameter.group)


def as_python() -> str:
    return HEAD + "".join(f"{marked(words)}\n" for words in gathered())


def marked(words: str) -> str:
    """As xgettext finds it: one string in double quotation marks."""
    escaped = re.sub(r'(["\\])', r"\\\1", words).replace("\n", "\\n")
    return f'gettext_noop("{escaped}")'
