"""What trains leave, as their pages show it: checkpoints, a model with its files, what was asked and made of it."""

from pathlib import Path
from typing import Any

from django.utils import timezone

from training_jobs.models import Checkpoint, CustomizedModel, Exchange, Making, TrainingJob, TryOut

CARD = "---\nlicense: apache-2.0\n---\n# Acorn\n\n" + "It answers as the house does, in full sentences. " * 9 + "\n"
QUESTION = "Who makes the kettle, and where, and since when? Please answer in one sentence of at most twenty words."
ANSWERS = {"left": "Aunt Agatha makes it in Leeds. " * 12, "right": "A kettle is a vessel that boils water."}
DIFFERENCE = {"prompt": "Count to three.", "before": "One, two, three.", "after": "One two three " * 20}


def checkpoints(job: TrainingJob, folder: Path) -> list[Checkpoint]:
    """One kept, one as usual, one deleted."""
    facts: list[dict[str, Any]] = [
        {
            "step": 4,
            "deleted_at": timezone.now(),
            "deleted_because": "not among the newest, the best and those to keep",
        },
        {"step": 8, "is_kept": True},
        {"step": 12},
    ]
    return [checkpoint(job, folder / f"checkpoint-{one['step']}", **one) for one in facts]


def checkpoint(job: TrainingJob, path: Path, **facts: Any) -> Checkpoint:
    path.mkdir(parents=True, exist_ok=True)
    metrics = {"loss": 3 / facts["step"], "eval_loss": 3.5 / facts["step"]}
    common = {"attempt": 1, "path": str(path), "size_bytes": 7_654_321, "metrics": metrics, "saved_at": timezone.now()}
    return Checkpoint.objects.create(job=job, **common | facts)


def model_of(job: TrainingJob, folder: Path, name: str) -> CustomizedModel:
    """An adapter whose files are there."""
    folder.mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA"}')
    (folder / "adapter_model.safetensors").write_bytes(b"0" * 4096)
    return CustomizedModel.objects.create(
        name=name,
        job=job,
        base_model=job.base_model,
        base_model_name="Acorn-135M-Instruct",
        kind="adapter",
        path=str(folder),
        size_bytes=9_876_543,
    )


def ask(model: CustomizedModel, user: Any) -> None:
    """A session that is over, with a prompt in each state that it can end in."""
    ended = {"state": "done", "ending": "idle", "ready_at": timezone.now(), "ended_at": timezone.now()}
    session = TryOut.objects.create(model=model, asked_by=user, queue="default", **ended)
    question = {"model": model, "try_out": session, "asked_by": user, "prompt": QUESTION, "tuned_is_left": True}
    Exchange.objects.create(**question, state="failed", said="The worker that answered was lost: ask again.")
    Exchange.objects.create(**question, state="done", vote="left", **ANSWERS)
    Exchange.objects.create(**question, state="done", **ANSWERS)


def make(model: CustomizedModel, user: Any) -> None:
    """One that failed, one that is there, one that waits."""
    common = {"model": model, "queue": "default", "asked_by": user}
    said = "The disk has 1.2 GB left, and the complete model takes 3.4 GB."
    Making.objects.create(**common, what="f16", state="failed", said=said)
    likeness = {"prompts": 5, "differences": [DIFFERENCE], "largest_difference": 0.00123}
    Making.objects.create(**common, what="merge", state="done", made={"weights": "bf16", "likeness": likeness})
    Making.objects.create(**common, what="q8_0", state="waiting")
