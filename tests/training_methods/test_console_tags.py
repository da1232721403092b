"""Filters that every page uses."""

import pytest
from django.utils import translation

from training_methods.numbers import in_short, percent, retold, rounded, written
from training_methods.templatetags.console import opening, plain, significant


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (307_200.0, "307,200"),
        (1234.4, "1,234"),
        (123.4, "123.4"),
        (0.5, "0.5000"),
        (-0.25, "-0.2500"),
        (0.00001, "1.000e-05"),
        (1e20, "1.000e+20"),
        (float("inf"), "inf"),
        (None, "–"),
    ],
)
def test_a_measured_value_has_the_digits_that_matter(number, shown):
    assert significant(number) == shown


def test_a_setting_that_is_whole_has_no_fraction():
    assert [plain(value) for value in (3.0, 0.5, 7, True, "3.0", None, 1e20)] == [3, 0.5, 7, True, "3.0", None, 1e20]
    assert isinstance(plain(3.0), int)


def test_the_first_paragraph_tells_what_a_trainer_is_about():
    assert opening("Boils\nkettles.\n\nEdit it in the folder.") == "Boils kettles."


def test_it_is_written_as_the_reader_writes_numbers():
    with translation.override("de"):
        assert (significant(307_200.0), significant(1.5)) == ("307.200", "1,500")


@pytest.mark.parametrize(
    ("number", "digits", "shown"),
    [(134.515, 4, "134,5"), (0.12, 4, "0,12"), (1345.4, 4, "1.345"), (70_000.0, 4, "70.000"), (3.58, 2, "3,6")],
)
def test_so_is_one_that_is_rounded(number, digits, shown):
    with translation.override("de"):
        assert rounded(number, digits) == shown


@pytest.mark.parametrize(
    ("language", "shown"),
    [
        ("en", ("135 M", "1.2 B", "12%", "0.0002", "1,940")),
        ("de", ("135 Mio.", "1,2 Mrd.", "12\xa0%", "0,0002", "1.940")),
        ("zh-hans", ("135 M", "1.2 B", "12%", "0.0002", "1,940")),
    ],
)
def test_so_are_large_ones_shares_settings_and_what_trainers_wrote(language, shown):
    with translation.override(language):
        assert (in_short(135 * 10**6), in_short(12 * 10**8), percent(0.12), written(0.0002), retold("1,940")) == shown


@pytest.mark.parametrize("value", [42, True, "0.5 of them", "lora", "all, 0.5"])
def test_what_is_no_fraction_stays_as_it_is(value):
    with translation.override("de"):
        assert (written(value), retold(str(value))) == (str(value), str(value))
