import io

import pytest
from django.core.management import CommandError, call_command

from training_methods import registry
from training_methods.models import TrainingMethod
from training_methods.trainers.discovery import BUILT_IN

pytestmark = pytest.mark.django_db


def seed(*options: str) -> str:
    out = io.StringIO()
    call_command("seed_methods", *options, stdout=out)
    return out.getvalue()


def test_it_brings_in_the_built_in_methods_without_a_license():
    seed()

    names = TrainingMethod.objects.filter(is_builtin=True).values_list("internal_name", flat=True)
    assert set(names) == set(BUILT_IN)


def test_it_touches_none_that_is_there(custom):
    custom.display_name = "Ours"
    registry.change(custom, user=None)

    said = seed()

    custom.refresh_from_db()
    assert custom.display_name == "Ours"
    assert "custom01   is there already" in said
    assert "custom02   created" in said


def test_it_restores_one(custom, lora):
    TrainingMethod.objects.update(description="Ours", config={"resources": {"gpus": 1}})

    seed("--reset", "custom01")

    custom.refresh_from_db()
    lora.refresh_from_db()
    assert custom.config == {}
    assert custom.description.startswith("Your own training.")
    assert lora.description == "Ours"


def test_it_brings_back_one_that_was_deleted(licensed, lora):
    registry.delete(lora, user=None)

    assert "lora       created" in seed()


def test_it_says_why_one_cannot_be_created(licensed, lora):
    registry.delete(lora, user=None)
    registry.add(
        TrainingMethod(internal_name="ours", display_name="LoRA fine-tuning", method_type="PEFT", trainer="lora"),
        user=None,
    )

    with pytest.raises(CommandError, match="lora cannot be created: A training method with this display name exists"):
        seed()


def test_it_knows_no_other():
    with pytest.raises(CommandError, match="nonesuch"):
        seed("--reset", "nonesuch")
