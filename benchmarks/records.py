"""Records that the benchmarks work on."""

from training_jobs.models import TrainingJob


def a_job(name: str = "benchmark") -> TrainingJob:
    return TrainingJob.objects.create(
        name=name,
        method_snapshot={"trainer": "lora", "display_name": "LoRA", "config": {}},
        base_model_snapshot={"name": "base"},
        dataset_snapshot={"name": "data"},
        parameters={},
    )
