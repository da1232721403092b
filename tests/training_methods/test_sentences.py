"""What trainers have said, in the reader's language."""

import time
from pathlib import Path

import pytest
from django.template import Context, Template
from django.utils import translation

from training_methods import sentences
from training_methods.trainers import objections
from training_methods.trainers.survey import Request, survey


def in_language(language: str, text: str) -> str:
    with translation.override(language):
        return sentences.translated(text)


def in_german(text: str) -> str:
    return in_language("de", text)


def test_it_fills_a_translated_pattern_with_what_was_filled_in():
    [(_, said)] = objections.to_groups(8, 3)

    assert in_german(said).startswith("8 Antworten je Schritt lassen sich nicht in Gruppen zu 3 teilen: ")


def test_it_says_the_same_in_english():
    assert in_language("en", "in turn 3, “content” is empty") == "in turn 3, “content” is empty"


def test_a_name_ends_with_its_quotation_mark():
    said = "“bf16” is used; “4-bit base model” is not used: the Python package bitsandbytes is not installed here."

    assert "is used" not in in_german(said)


@pytest.mark.parametrize(
    ("said", "german"),
    [
        ("in turn 3, “content” is empty", "in Beitrag 3: „content“ ist leer"),
        (
            "The dataset cannot be read: it is not UTF-8: in line 3, byte 7 is 0xFF. Save it as UTF-8.",
            "Der Datensatz kann nicht gelesen werden: "
            "Er ist kein UTF-8: In Zeile 3 ist Byte 7 0xFF. Speichern Sie sie in UTF-8.",
        ),
        (
            "The script train.py ended with exit code 1: ValueError: boom",
            "Das Skript train.py endete mit Exit-Code 1: ValueError: boom",
        ),
        (
            "12 rows with 345 tokens, 33 of them to be learnt. 2 rows were cut at 4 tokens.",
            "12 Zeilen mit 345 Tokens, davon werden 33 gelernt. 2 Zeilen wurden bei 4 Tokens abgeschnitten.",
        ),
        (
            "12 rows with 1,940 tokens, 33 of them to be learnt.",
            "12 Zeilen mit 1.940 Tokens, davon werden 33 gelernt.",
        ),
        (
            "The base model cannot be loaded: OSError: no such file",
            "Das Basismodell kann nicht geladen werden: OSError: no such file",
        ),
        (
            "it has other columns than the first row: it lacks “a”; it adds “b”, “c”",
            "sie hat andere Spalten als die erste Zeile: es fehlt “a”; zusätzlich ist “b”, “c” da",
        ),
        (
            "The training was asked to end here with its result, and did not hear of it in 5 minutes.",
            "Das Training wurde aufgefordert, hier mit seinem Ergebnis zu enden, und hat es in 5 Minuten nicht gehört.",
        ),
    ],
)
def test_it_translates_a_sentence_within_another_and_each_of_several(said, german):
    assert in_german(said) == german


def test_chinese_has_its_own_full_stops_and_no_space_behind_them():
    said = "It answers with values that are no numbers. Save the model with its tokenizer."

    assert in_language("zh-hans", said) == "它的回答含有不是数字的值。请将模型与其分词器一起保存。"


def test_a_name_in_quotation_marks_stays_what_it_is():
    assert in_german("“text” is text where a list of turns is needed") == (
        "„text“ ist Text, wo eine Liste von Beiträgen nötig ist"
    )


@pytest.mark.parametrize("said", ["My own words, and nobody else's.", "The dataset bores me.", "The training 7ed."])
def test_a_sentence_that_nobody_knows_stays_as_it_is(said):
    assert in_german(said) == said


def test_what_the_survey_refuses_is_told_in_chinese(tmp_path: Path):
    file = tmp_path / "rows.jsonl"
    file.write_text('{"messages": [{"role": "assistant", "content": "Hi"}]}\n')

    refusal = survey(Request(path=file)).refusal

    assert in_language("zh-hans", refusal) == "第 1 行有误：在第 1 轮，还没有人提问，助手就发言了"


@pytest.mark.parametrize(
    "said",
    [
        "<script>alert(1)</script> {name} {0} %s %(name)s %d",
        "{" * 500 + "%" * 500,
        ".*+?()[]\\d{3}^$|",
        "a" * 100_000,
        "“" * 4000,
        "has a bad line 1: " * 200,
        "in turn 1, in round 2 of “" * 150,
        "The dataset cannot be read: it x. " * 120,
        "; 8 answers a step cannot be divided into groups of " * 70,
    ],
)
def test_hostile_text_does_no_harm_and_takes_no_time(said):
    began = time.process_time()
    shown = in_german(f"“{said}” is empty"), in_german(said)

    assert shown[0] in (f"„{said}“ ist leer", f"“{said}” is empty")
    assert time.process_time() - began < 1


def test_a_page_escapes_what_was_filled_in():
    page = Template("{% load console %}{{ said|translated }}")

    with translation.override("de"):
        assert page.render(Context({"said": "“<b>{0}%s” is empty"})) == "„&lt;b&gt;{0}%s“ ist leer"
