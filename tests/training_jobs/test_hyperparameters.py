import re

import pytest
from django.utils import translation

from training_jobs.hyperparameters import HyperparametersForm
from training_methods.trainers.parameters import Parameter

RATE = Parameter(
    name="learning_rate", type="number", default=2e-4, exclusive_minimum=0, exclusive_maximum=1, basic=True
)
EPOCHS = Parameter(name="epochs", type="integer", default=1, minimum=1, maximum=100)
PACKING = Parameter(name="packing", type="boolean", default=True)
MAX_STEPS = Parameter(name="max_steps", type="integer", nullable=True, exclusive_minimum=0, group="Length")
SCHEDULE = Parameter(name="schedule", type="string", default="cosine", choices=["cosine", "linear"])
NAME = Parameter(name="name", type="string", default="")
MARK = Parameter(name="mark", type="string", default="ab", min_length=2, max_length=4, pattern="^[a-z]+$")
HEADS = Parameter(name="heads", type="integer", default=8, multiple_of=8)
RANK = Parameter(name="rank", type="integer", default=8, choices=[4, 8, 16])

ALL = [RATE, EPOCHS, PACKING, MAX_STEPS, SCHEDULE, NAME, MARK, HEADS, RANK]
TYPED = {
    "p-learning_rate": "0.001",
    "p-epochs": "3",
    "p-packing": "on",
    "p-max_steps": "",
    "p-schedule": "linear",
    "p-name": "first",
    "p-mark": "abc",
    "p-heads": "16",
    "p-rank": "16",
}


def test_it_gives_values_of_the_parameters_types():
    form = HyperparametersForm(ALL, TYPED)

    assert form.is_valid(), form.errors
    assert form.cleaned_data == {
        "learning_rate": 0.001,
        "epochs": 3,
        "packing": True,
        "max_steps": None,
        "schedule": "linear",
        "name": "first",
        "mark": "abc",
        "heads": 16,
        "rank": 16,
    }


@pytest.mark.parametrize(
    ("name", "typed", "sentence"),
    [
        ("learning_rate", "1", "1 is too large: it must be below 1.0."),
        ("learning_rate", "fast", "“fast” is not a number."),
        ("learning_rate", "nan", "“nan” is not a finite number."),
        ("learning_rate", "", "A value is needed."),
        ("epochs", "0", "0 is too small: the least is 1."),
        ("epochs", "1.5", "“1.5” is not a whole number."),
        ("epochs", "", "A value is needed."),
        ("max_steps", "0", "0 is too small: it must be above 0."),
        ("schedule", "square", "“square” does not fit: it must be cosine or linear."),
        ("mark", "a", "“a” is too short: the fewest characters are 2."),
        ("mark", "abcde", "“abcde” is too long: the most characters are 4."),
        ("mark", "AB", "“AB” does not match the pattern “^[a-z]+$”."),
        ("heads", "12", "12 is no multiple of 8."),
        ("rank", "5", "“5” does not fit: it must be 4 or 8 or 16."),
    ],
)
def test_it_puts_each_mistake_at_its_field(name, typed, sentence):
    form = HyperparametersForm(ALL, {**TYPED, f"p-{name}": typed})

    assert form.errors == {name: [sentence]}


def test_it_shows_all_mistakes_at_once():
    form = HyperparametersForm(ALL, {**TYPED, "p-learning_rate": "2", "p-epochs": "", "p-max_steps": "x"})

    assert set(form.errors) == {"learning_rate", "epochs", "max_steps"}


def test_an_unchecked_box_is_false_even_where_the_default_is_true():
    form = HyperparametersForm([PACKING], {"p-other": ""})

    assert form.is_valid()
    assert form.cleaned_data == {"packing": False}


def test_a_number_that_was_not_sent_does_not_take_its_default():
    form = HyperparametersForm([EPOCHS], {"p-other": ""})

    assert form.errors == {"epochs": ["A value is needed."]}


def test_a_locked_parameter_keeps_the_sites_value():
    locked = PACKING.model_copy(update={"locked": True, "default": False})

    form = HyperparametersForm([locked], {"p-packing": "on"}, initial={"packing": True})

    assert form.is_valid()
    assert form.cleaned_data == {"packing": False}
    assert "disabled" in str(form["packing"])
    assert "Fixed by this site" in form["packing"].help_text


def test_a_choice_without_an_answer_can_be_told_from_no():
    offload = Parameter(name="offload", type="boolean", nullable=True)

    given = [HyperparametersForm([offload], {"p-offload": typed}) for typed in ("", "True", "False")]

    assert [form.is_valid() and form.cleaned_data["offload"] for form in given] == [None, True, False]


def test_it_shows_bounds_in_words_and_as_attributes():
    form = HyperparametersForm(ALL)

    assert 'min="1" max="100" step="1"' in str(form["epochs"])
    assert form["epochs"].help_text == "From 1 to 100."
    assert form["learning_rate"].help_text == "Above 0, below 1."
    assert form["max_steps"].help_text == "At least 1."


def test_bounds_are_written_as_the_reader_writes_numbers():
    half = Parameter(name="half", type="number", default=0.1, minimum=0, maximum=0.5)

    with translation.override("de"):
        field = HyperparametersForm([half])["half"]

    assert field.help_text == "Von 0 bis 0,5."
    assert 'max="0.5"' in str(field) and 'value="0.1"' in str(field)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Size of a step (LEARNING_RATE).", "Size of a step. At least 0. <span><code>LEARNING_RATE</code></span>"),
        ("每步的幅度（LEARNING_RATE）。", "每步的幅度. At least 0. <span><code>LEARNING_RATE</code></span>"),
        (
            "A share (WARMUP_STEPS, as a share).",
            "A share. At least 0. <span><code>WARMUP_STEPS</code>, as a share</span>",
        ),
        ("How it ends (SIGTERM).", "How it ends (SIGTERM). At least 0."),
    ],
)
def test_the_name_in_scripts_stands_behind_the_help(words, shown):
    form = HyperparametersForm([Parameter(name="x", type="integer", default=1, help=words, minimum=0)])

    assert re.sub(r"<(\w+) [^>]*>", r"<\1>", form["x"].help_text) == shown


def test_it_shows_basic_parameters_first_and_the_rest_by_heading():
    form = HyperparametersForm(ALL)

    assert [field.name for field in form.basic_fields] == ["learning_rate"]
    assert list(form.other_fields) == ["Training", "Length"]


def test_help_from_a_sites_configuration_is_text_and_not_markup():
    form = HyperparametersForm([Parameter(name="x", type="integer", default=1, help="<script>alert(1)</script>")])

    assert "<script>" not in form["x"].help_text


def test_a_copy_starts_from_other_values():
    form = HyperparametersForm(ALL, initial={"epochs": 7, "unknown": 1})

    assert form["epochs"].value() == 7
    assert form["learning_rate"].value() == 2e-4
