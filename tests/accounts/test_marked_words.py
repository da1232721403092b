"""Every word that is marked in the source is in the catalogs, and every word of a page's template is marked."""

import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from django.conf import settings
from django.utils.translation.template import templatize

from tests.accounts.test_catalogs import LANGUAGES, forms_of, messages_of

KEYWORDS = DEFAULT_KEYWORDS | {
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
RENAMED = re.compile(r"import \w*gettext\w* as (?!_\b)\w+|^from .*translation import .*gettext\w* as (?!_\b)\w+", re.M)
SPOKEN = {"DeepExtension", "CSV", "PNG", "JSON", "SHA-256"}  # the same in every language
UNSPOKEN = (
    r"{#.*?#}",
    r"{% comment %}.*?{% endcomment %}",
    r"{% blocktranslate.*?{% endblocktranslate %}",
    r"<(code|kbd|pre|script|style)\b.*?</\1>",
    r"{%.*?%}",
    r"{{.*?}}",
)
READ_OUT = re.compile(r'(?:aria-label|title|placeholder|alt)="([^"]*)"')


def source_files(ending: str) -> list[Path]:
    folders = [
        settings.BASE_DIR / name for name in ("deepext", "training_jobs", "training_methods", "templates", "static/js")
    ]
    return [file for folder in folders for file in sorted(folder.rglob(f"*{ending}")) if "migrations" not in file.parts]


def marked(text: str, method: str = "python") -> set[str]:
    found = extract(method, BytesIO(text.encode()), KEYWORDS, options={"encoding": "utf-8"})
    return {forms_of(words)[0] for _, words, _, _ in found}


def as_python(template: str) -> str:
    """What Django makes of it for makemessages: lines of calls, at any depth."""
    return "\n".join(line.strip() for line in templatize(template).splitlines())


@cache
def marked_in_the_source(domain: str) -> set[str]:
    return {words for words in found_in_the_source(domain) if words}


def found_in_the_source(domain: str) -> Iterator[str]:
    if domain == "djangojs":
        for file in source_files(".js"):
            yield from marked(file.read_text(), "javascript")
        return
    for file in source_files(".py"):
        yield from marked(file.read_text())
    for file in source_files(".html"):
        yield from marked(as_python(file.read_text()))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("domain", ["django", "djangojs"])
def test_what_is_marked_is_in_the_catalog(domain, language):
    there = {forms_of(message.id)[0] for message in messages_of(language, domain)}
    found = marked_in_the_source(domain)

    assert sorted(found - there) == [], "`make words` gathers them."
    assert sorted(there - found) == [], "Nothing says these any more: `make words` takes them out."


def test_words_are_marked_by_the_names_that_are_looked_for():
    """Under another name neither makemessages nor this test would find them."""
    assert [str(file) for file in source_files(".py") if RENAMED.search(file.read_text())] == []


def test_templates_say_nothing_that_is_not_marked():
    found = {str(file): bare for file in source_files(".html") if (bare := unmarked(file.read_text()))}

    assert found == {}


def unmarked(template: str) -> set[str]:
    for unspoken in UNSPOKEN:
        template = re.sub(unspoken, "\0", template, flags=re.S)
    texts = [
        *re.split("\0|<[^>]*>", template),
        *(part for said in READ_OUT.findall(template) for part in said.split("\0")),
    ]
    words = {" ".join(text.split()) for text in texts if re.search("[A-Za-z]{2}", text)}
    return {text for text in words if text.strip(" ·:") not in SPOKEN}
