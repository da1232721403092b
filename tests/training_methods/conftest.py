import pytest

from training_jobs.models import TrainingJob
from training_methods import registry
from training_methods.models import TrainingMethod


@pytest.fixture
def lora(db) -> TrainingMethod:
    """The built-in LoRA method."""
    return registry.restore("lora")


@pytest.fixture
def custom(db) -> TrainingMethod:
    """The built-in method that everybody may make their own."""
    return registry.restore("custom01")


@pytest.fixture
def written() -> dict[str, str]:
    """The form of a method as it is filled in well."""
    return {
        "internal_name": "support-lora",
        "display_name": "Support LoRA",
        "method_type": "PEFT",
        "description": "For the support desk.",
        "trainer": "lora",
        "config": '{"resources": {"gpus": 1}}',
    }


@pytest.fixture
def jobs_of():
    """Jobs that a method was used for."""

    def jobs_of(method: TrainingMethod, number: int) -> list[TrainingJob]:
        snapshot = {"internal_name": method.internal_name, "display_name": method.display_name}
        return [
            TrainingJob.objects.create(
                name=f"Train {index}",
                method=method,
                method_snapshot=snapshot,
                base_model_snapshot={"name": "base"},
                dataset_snapshot={"name": "rows"},
                parameters={},
            )
            for index in range(number)
        ]

    return jobs_of
