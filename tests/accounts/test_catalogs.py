"""The catalogs of words: complete, whole, compiled, and up to date with what the trainers say."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages import pofile
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from django.conf import settings

from deepext import trainer_words

LANGUAGES = {"de": 2, "zh_Hans": 1}  # how many forms a number has there
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}")
CATALOGS = [(language, domain) for language in LANGUAGES for domain in ("django", "djangojs")]
each_catalog = pytest.mark.parametrize(("language", "domain"), CATALOGS)


def path_of(language: str, domain: str, ending: str) -> Path:
    return settings.BASE_DIR / "deepext" / "locale" / language / "LC_MESSAGES" / f"{domain}.{ending}"


def catalog_of(language: str, domain: str) -> Catalog:
    with path_of(language, domain, "po").open("rb") as file:
        return pofile.read_po(file, abort_invalid=True)


def messages_of(language: str, domain: str) -> Iterator[Message]:
    return (message for message in catalog_of(language, domain) if message.id)


def forms_of(words: str | tuple[str, ...] | list[str]) -> list[str]:
    return [words] if isinstance(words, str) else list(words)


def key_of(message: Message) -> tuple[str | None, ...]:
    return message.context or None, *forms_of(message.id)


@each_catalog
def test_every_word_is_translated(language, domain):
    for message in messages_of(language, domain):
        assert not message.fuzzy, message.id
        assert all(forms_of(message.string)), message.id
        if message.pluralizable:
            assert len(message.string) == LANGUAGES[language], message.id


@each_catalog
def test_what_is_filled_in_is_the_same(language, domain):
    """In one of the forms at least: “one minute” needs no number, in whichever language."""
    for message in messages_of(language, domain):
        asked = {placeholder for form in forms_of(message.id) for placeholder in PLACEHOLDER.findall(form)}
        for form in forms_of(message.string):
            assert set(PLACEHOLDER.findall(form)) <= asked, message.id
        assert set(PLACEHOLDER.findall(forms_of(message.string)[-1])) == asked, message.id


@each_catalog
def test_it_is_compiled_as_it_is_written(language, domain):
    with path_of(language, domain, "mo").open("rb") as file:
        compiled = {key_of(message): forms_of(message.string) for message in read_mo(file) if message.id}

    written = messages_of(language, domain)
    assert compiled == {key_of(message): forms_of(message.string) for message in written}


def test_what_trainers_say_is_gathered():
    assert trainer_words.LIST.read_text() == trainer_words.as_python(), "`make words` gathers it anew."


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_trainers_say_is_translated(language):
    translated = {forms_of(message.id)[0] for message in messages_of(language, "django")}

    assert set(trainer_words.gathered()) <= translated
