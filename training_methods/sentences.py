"""What trainers and checks have said, which is English, in the reader's language.

They are plain Python and know no catalog, and a record is read by people of several languages: a sentence stays as it
was said until a page shows it. There it is known again by the pattern that it was made from, one of
`gathered_sentences.py`: “in turn {place}, {bad}” made “in turn 3, “content” is empty”. What fills it in may be a
sentence itself.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from django.utils.translation import get_language, gettext

from training_methods.gathered_sentences import SENTENCES
from training_methods.numbers import retold

LONGEST = 4000  # characters: what is longer is nobody's sentence
DEEPEST = 6  # sentences within one another, and among others
MOST = 20  # sentences in one text
FEW_WORDS = 2  # fit many a sentence of somebody else's: they count if what fills them in is known, a number or a name

FIELD = re.compile(r"(?<!\{)\{(\w+)\}|%\((\w+)\)[sd]|%[sd]")
ENDS = ".:;"
ENDS_IN = {"zh-hans": "。：；"}
BETWEEN = (r"(?<=[.!?])(\s+)", r"(?<=;)(\s+)", r"(?<=:)(\s+)")
"""What may stand between sentences, those that part them most first."""
MEASURED = re.compile(r"[\d.,]+|“.*”", re.DOTALL)


@dataclass(frozen=True)
class Pattern:
    """A sentence with fields, between `literals`. The text of a field ends where the next literal begins first."""

    words: str
    literals: tuple[str, ...]

    @classmethod
    def of(cls, words: str) -> "Pattern":
        literals, place = [], 0
        for field in FIELD.finditer(words):
            literals.append(words[place : field.start()])
            place = field.end()
        literals.append(words[place:].rstrip(ENDS))
        brackets = "%" not in words
        return cls(words, tuple(one.replace("{{", "{").replace("}}", "}") if brackets else one for one in literals))

    @property
    def is_vague(self) -> bool:
        return len(re.findall("[A-Za-z]+", " ".join(self.literals))) <= FEW_WORDS

    def values_in(self, text: str) -> list[str] | None:
        """What fills it in to make the text. Looks at each character once, whatever the text holds."""
        first, *between, last = self.literals
        place, end = len(first), len(text) - len(last)
        if place > end or not (text.startswith(first) and text.endswith(last)):
            return None
        values = []
        for literal in between:
            found = text.find(literal, place, end)
            if found < 0:
                return None
            values.append(text[place:found])
            place = found + len(literal)
        values.append(text[place:end])
        spans = any(self.is_quoted(field) and "”" in value for field, value in enumerate(values))
        return None if spans else values

    def is_quoted(self, field: int) -> bool:
        """A name, not something that was said."""
        return self.literals[field].endswith("“") and self.literals[field + 1].startswith("”")

    def filled(self, values: list[str]) -> str:
        fields = list(FIELD.finditer(self.words))
        named = {field[1] or field[2]: value for field, value in zip(fields, values, strict=True)}
        if "%" not in self.words:
            return gettext(self.words).format(**named)
        return gettext(self.words) % (tuple(values) if None in named else named)


@cache
def plain() -> dict[str, str]:
    """Sentences without a field, as they are looked up."""
    return {words.rstrip(ENDS): words for words in SENTENCES if not FIELD.search(words)}


@cache
def patterns() -> list[Pattern]:
    """Those that say most by themselves first."""
    found = [Pattern.of(words) for words in SENTENCES if FIELD.search(words)]
    return sorted(found, key=lambda pattern: -sum(map(len, pattern.literals)))


def translated(text: str) -> str:
    """Words of the catalog, or sentences that were made from such, as far as they are known. Others stay."""
    language = get_language() or "en"
    if not text or language.startswith("en"):
        return text
    words = gettext(text)
    return words if words != text or len(text) > LONGEST else in_language(text, language)


@lru_cache(maxsize=1000)
def in_language(text: str, language: str) -> str:
    """`language` is the active one."""
    return read(text, DEEPEST)


def read(text: str, depth: int) -> str:
    """One sentence that is known, else each of several by itself."""
    if not depth:
        return text
    sentences = re.split(BETWEEN[0], text, maxsplit=MOST)
    each = [known(sentence, depth) for sentence in sentences[::2]]
    if all(each):
        return joined(each, sentences[1::2])
    if whole := known(text, depth):
        return whole
    for between in BETWEEN:
        said = re.split(between, text, maxsplit=MOST)
        if len(said) > 1:
            return joined([read(one, depth - 1) for one in said[::2]], said[1::2])
    return text


def joined(sentences: list[str], spaces: list[str]) -> str:
    """Chinese has no space behind a full stop."""
    wide = tuple(ENDS_IN["zh-hans"])
    apart = [one if one.endswith(wide) else one + space for one, space in zip(sentences, [*spaces, ""], strict=True)]
    return "".join(apart)


def known(text: str, depth: int) -> str:
    """The sentence in the reader's language, or nothing."""
    said = text.rstrip(ENDS)
    end = text[len(said) :]
    return next((ended(one, end) for one in meanings(said, depth)), "")


def ended(sentence: str, end: str) -> str:
    """With what stood behind it, as its language has that."""
    ends = ENDS_IN.get(get_language() or "", ENDS)
    return sentence.rstrip(ENDS + ends) + end.translate(str.maketrans(ENDS, ends))


def meanings(said: str, depth: int) -> Iterator[str]:
    if said in plain():
        yield gettext(plain()[said]).format()
    for pattern in patterns():
        values = pattern.values_in(said)
        if values is None:
            continue
        quoted = [pattern.is_quoted(field) for field in range(len(values))]
        told = [value if name else read(value, depth - 1) for value, name in zip(values, quoted, strict=True)]
        if not pattern.is_vague or any(quoted) or told != values or any(map(MEASURED.fullmatch, values)):
            yield pattern.filled([one if name else retold(one) for one, name in zip(told, quoted, strict=True)])
