import re
from typing import ClassVar

import pytest
from pydantic import ConfigDict, Field, ValidationError

from training_methods.trainers import DataFormat, MethodType, Trainer, base, register
from training_methods.trainers.parameters import mistakes, parameters_of, values_model


@pytest.fixture(autouse=True)
def own_register(monkeypatch):
    monkeypatch.setattr(base, "REGISTERED", [])


def trainer(slug: str) -> type[Trainer]:
    class Kettle(Trainer):
        label: ClassVar = "Kettle"
        method_type: ClassVar = MethodType.SFT
        data_formats: ClassVar = (DataFormat.TEXT,)

        def train(self, run):
            pass

    Kettle.slug = slug
    return Kettle


def test_it_registers_a_trainer():
    kettle = register(trainer("kettle"))

    assert kettle in base.REGISTERED


@pytest.mark.parametrize("slug", ["", "Kettle", "two words", "-kettle", "kettle--two", "../kettle"])
def test_it_refuses_what_is_no_slug(slug):
    with pytest.raises(ValueError, match="is no slug"):
        register(trainer(slug))


def test_it_refuses_a_slug_that_is_taken():
    register(trainer("kettle"))

    with pytest.raises(ValueError, match="“kettle” is registered twice"):
        register(trainer("kettle"))


def test_it_says_what_a_class_lacks():
    class Bare(Trainer):
        slug = "bare"

    with pytest.raises(TypeError, match="does not say its label, method_type, data_formats"):
        register(Bare)


def test_a_field_that_refers_to_a_base_model_is_text():
    class Pupil(trainer("pupil")):
        teacher: int = Field(json_schema_extra={"refers_to": "causal-lm"})

    with pytest.raises(TypeError, match="“teacher” refers to a base model by its name, so it has to be text"):
        register(Pupil)


@pytest.mark.parametrize(
    ("default", "sentence"),
    [("fast", "“fast” is not a number"), (-1.0, "-1.0 is too small"), (float("nan"), "is not a finite number")],
)
def test_it_refuses_a_default_that_nobody_could_give(default, sentence):
    class Fast(trainer("fast")):
        speed: float = Field(default, gt=0)

    with pytest.raises(ValueError, match=f"The default of “speed” does not fit. .*{sentence}"):
        register(Fast)


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        (Field("abc", pattern="^[0-9]{2}$"), "“abc” does not match the pattern “^[0-9]{2}$”."),
        (Field("abc", max_length=2), "“abc” is too long: the most characters are 2."),
        (Field("abc", min_length=4), "“abc” is too short: the fewest characters are 4."),
        (Field(default_factory=lambda: "abc", max_length=2), "“abc” is too long: the most characters are 2."),
    ],
)
def test_it_refuses_a_default_that_its_own_field_would_not_take(field, sentence):
    class Labelled(trainer("labelled")):
        mark: str = field

    with pytest.raises(ValueError, match=re.escape(f"The default of “mark” does not fit. {sentence}")):
        register(Labelled)


def test_it_refuses_a_default_that_is_no_multiple():
    class Even(trainer("even")):
        size: int = Field(3, multiple_of=2)

    with pytest.raises(ValueError, match=re.escape("The default of “size” does not fit. 3 is no multiple of 2.")):
        register(Even)


class Marked(trainer("marked")):
    mark: str = Field("ab", min_length=2, max_length=4, pattern="^[a-z]+$")
    size: int | None = Field(None, multiple_of=8)
    share: float = Field(0.5, multiple_of=0.25)


@pytest.mark.parametrize(
    "given", [{"mark": "a"}, {"mark": "abcde"}, {"mark": "AB"}, {"mark": 7}, {"size": 12}, {"share": 0.3}]
)
def test_its_parameters_refuse_what_its_fields_would_with_the_same_sentence(given):
    with pytest.raises(ValidationError) as trainers:
        Marked(**given)
    with pytest.raises(ValidationError) as forms:
        values_model(parameters_of(Marked)).model_validate(given)

    assert mistakes(forms.value) == mistakes(trainers.value) != {}


def test_its_parameters_take_what_its_fields_would():
    given = {"mark": "abc", "size": 16, "share": 0.75}

    assert values_model(parameters_of(Marked)).model_validate(given).model_dump() == given


def test_a_pattern_that_may_take_for_ever_is_left_to_its_run():
    class Patient(trainer("patient")):
        model_config = ConfigDict(regex_engine="python-re")
        mark: str = Field("a", pattern="^(?=a)(a+)+$")

    (mark,) = parameters_of(Patient)

    assert mark.pattern is None


def test_a_factory_s_value_is_the_default():
    class Made(trainer("made")):
        size: int = Field(default_factory=lambda: 3, gt=0)

    register(Made)

    (size,) = parameters_of(Made)
    assert (size.default, size.required) == (3, False)


def test_it_refuses_a_default_that_is_made_of_other_fields():
    class Double(trainer("double")):
        size: int = 2
        twice: int = Field(default_factory=lambda data: 2 * data["size"])

    with pytest.raises(TypeError, match="The default of “twice” is made of other fields"):
        register(Double)


def test_it_needs_something_to_do():
    class Idle(Trainer):
        slug, label, method_type, data_formats = "idle", "Idle", MethodType.SFT, ()

    with pytest.raises(TypeError, match=r"Idle defines no train\(run\)"):
        register(Idle)


async def waits(self, run): ...
def yields(self, run): yield  # fmt: skip


def takes_nothing(self): ...
def takes_more(self, run, rows): ...
def takes_what_may_be_left_out(self, run, rows=None, **more): ...


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        (waits, "A call of Odd.train would do nothing"),
        (yields, "A call of Odd.train would do nothing"),
        (takes_nothing, "Odd defines train(), and it is called with the run alone."),
        (takes_more, "Odd defines train(run, rows), and it is called with the run alone."),
    ],
)
def test_it_refuses_what_cannot_be_called_with_a_run(train, sentence):
    class Odd(trainer("odd")):
        pass

    Odd.train = train

    with pytest.raises(TypeError, match=re.escape(sentence)):
        register(Odd)


@pytest.mark.parametrize(
    "train", [takes_what_may_be_left_out, staticmethod(print), classmethod(takes_what_may_be_left_out)]
)
def test_it_takes_what_can(train):
    class Odd(trainer("odd")):
        pass

    Odd.train = train

    register(Odd)


def test_it_takes_no_other_class():
    with pytest.raises(TypeError, match="int is no subclass of Trainer"):
        register(int)
