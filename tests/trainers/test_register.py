from typing import ClassVar

import pytest
from pydantic import Field

from training_methods.trainers import DataFormat, MethodType, Trainer, base, register


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


def test_it_needs_something_to_do():
    class Idle(Trainer):
        slug, label, method_type, data_formats = "idle", "Idle", MethodType.SFT, ()

    with pytest.raises(TypeError, match=r"Idle defines no train\(run\)"):
        register(Idle)


def test_it_takes_no_other_class():
    with pytest.raises(TypeError, match="int is no subclass of Trainer"):
        register(int)
