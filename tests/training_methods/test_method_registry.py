"""The one way in: the gate, the checks, and what happens when two come at once."""

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection

from training_methods import registry
from training_methods.licensing import NotAllowed
from training_methods.models import TrainingMethod

pytestmark = pytest.mark.django_db


def a_method(**given) -> TrainingMethod:
    fields = {"internal_name": "mine", "display_name": "Mine", "method_type": "SFT", "trainer": "sft"}
    return TrainingMethod(**fields | given)


def mistakes_of(**given) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as refused:
        registry.add(a_method(**given), user=None)
    return refused.value.message_dict


def test_it_adds(licensed, engineer):
    registry.add(a_method(), engineer)

    method = TrainingMethod.objects.get(internal_name="mine")
    assert (method.created_by, method.updated_by, method.is_builtin) == (engineer, engineer, False)
    assert method.history.get().history_user == engineer


def test_it_does_not_add_without_a_license(engineer):
    with pytest.raises(NotAllowed, match="this site has no license installed"):
        registry.add(a_method(), engineer)

    assert not TrainingMethod.objects.exists()


def test_it_asks_the_license_at_the_machine_itself_too(lora):
    with pytest.raises(NotAllowed):
        registry.add(a_method(), user=None)
    with pytest.raises(NotAllowed):
        registry.delete(lora, user=None)


def test_it_changes_without_a_license(custom, engineer):
    custom.display_name = "Ours"

    registry.change(custom, engineer)

    custom.refresh_from_db()
    assert (custom.display_name, custom.updated_by) == ("Ours", engineer)


def test_it_does_not_let_an_expert_change(custom, expert):
    with pytest.raises(NotAllowed, match="a permission that your account does not have"):
        registry.change(custom, expert)


def test_it_never_changes_an_internal_name(custom):
    custom.internal_name = "custom99"

    with pytest.raises(ValidationError, match="“custom01” cannot be changed"):
        registry.change(custom, user=None)


@pytest.mark.parametrize("name", ["", "Mine", "my method", "-mine", "mine-", "a--b", "ünicode", "mine\n", "x" * 65])
def test_it_refuses_an_internal_name_that_is_no_slug(licensed, name):
    assert "internal_name" in mistakes_of(internal_name=name)


def test_it_refuses_the_name_of_a_page(licensed):
    assert "internal_name" in mistakes_of(internal_name="add")


def test_it_refuses_names_in_use(licensed, lora):
    found = mistakes_of(internal_name="lora", display_name="lora FINE-tuning")

    assert found == {
        "internal_name": ["A training method with this internal name exists already."],
        "display_name": ["A training method with this display name exists already."],
    }


def test_it_tells_all_mistakes_at_once(licensed):
    found = mistakes_of(
        internal_name="No", display_name="", method_type="MAGIC", config={"resources": {"gpus": -1}, "x": 1}
    )

    assert set(found) == {"internal_name", "display_name", "method_type", "config"}
    assert found["config"][0] == "resources.gpus: -1 is too small: the least is 0."


def test_it_refuses_a_trainer_that_is_not_there(licensed):
    assert mistakes_of(trainer="nonesuch") == {"trainer": ["There is no trainer “nonesuch”."]}


def test_it_keeps_a_method_whose_trainer_is_away(custom):
    TrainingMethod.objects.update(trainer="gone")
    custom.refresh_from_db()
    custom.description = "Still ours."

    assert registry.change(custom, user=None).trainer == "gone"


def test_it_lets_the_first_of_two_have_the_name(licensed, monkeypatch):
    """Both pass the check; the database decides, and the second one reads why at the field."""
    second = a_method(display_name="Second")
    check, checks = registry.validate, []

    def somebody_is_quicker(method, kept_trainer):
        check(method, kept_trainer)
        if not checks:
            checks.append(method)
            registry.add(a_method(display_name="First"), user=None)

    monkeypatch.setattr(registry, "validate", somebody_is_quicker)
    with pytest.raises(ValidationError) as refused:
        registry.add(second, user=None)

    assert list(refused.value.message_dict) == ["internal_name"]
    assert TrainingMethod.objects.get(internal_name="mine").display_name == "First"


def test_it_deletes_once(licensed, lora):
    again = TrainingMethod.objects.get(pk=lora.pk)
    registry.delete(lora, user=None)

    with pytest.raises(registry.MethodGone, match="“LoRA fine-tuning” is not there any more"):
        registry.delete(again, user=None)

    assert TrainingMethod.history.filter(internal_name="lora", history_type="-").count() == 1


def test_it_does_not_bring_back_what_was_deleted_meanwhile(licensed, lora):
    stale = TrainingMethod.objects.get(pk=lora.pk)
    registry.delete(lora, user=None)

    with pytest.raises(registry.MethodGone):
        registry.change(stale, user=None)

    assert not TrainingMethod.objects.exists()


def test_the_database_holds_the_rules_by_itself(custom):
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute("UPDATE training_methods_trainingmethod SET internal_name = 'Not a slug'")
