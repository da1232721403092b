"""What a job leaves: its output folder becomes a customized model."""

import re
import shutil
from pathlib import Path

from django.conf import settings

from training_jobs.models import CustomizedModel, TrainingJob
from training_methods.trainers.events import Finished

LONGEST_NAME = 200  # bytes, so that file systems take it with room for an ending


def name_of(job: TrainingJob) -> str:
    """The name of the job's customized model, safe as a folder's; longer where another job's has the same four."""
    base, suffix = CustomizedModel.name_for(job).rsplit("_", 2)[0], f"_{job.created_at:%Y%m%d}_{job.pk}"
    name = as_folder(base) + suffix[: len("_20260131_1234")]
    taken = CustomizedModel.objects.filter(name=name).exclude(job=job).exists()
    return as_folder(base) + suffix if taken else name


def as_folder(text: str) -> str:
    """Letters, digits, dots, hyphens and underscores, beginning with none of the marks; not too long."""
    plain = re.sub(r"[^\w.-]+", "-", text).lstrip(".-") or "model"
    return plain.encode()[:LONGEST_NAME].decode(errors="ignore")


def keep(job: TrainingJob, finished: Finished, output: Path) -> CustomizedModel | None:
    """Move the output to the models' folder. None: the training left nothing there."""
    name = name_of(job)
    folder = Path(settings.DATA_DIR) / "models" / name
    move(output, folder)
    if not any(folder.iterdir()):
        folder.rmdir()
        return None
    return CustomizedModel.objects.create(
        name=name,
        job=job,
        base_model=job.base_model,
        base_model_name=job.base_model_snapshot["name"],
        kind=finished.result or kind_of(folder),
        path=str(folder),
        size_bytes=sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()),
    )


def move(output: Path, folder: Path) -> None:
    """May be asked twice: a database that was away for a moment had forgotten the first time."""
    if not output.exists():
        return
    if folder.exists():  # an earlier attempt's, whose worker was lost before the database had heard of it
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(output, folder)


def kind_of(folder: Path) -> CustomizedModel.Kind:
    is_adapter = (folder / "adapter_config.json").exists()
    return CustomizedModel.Kind.ADAPTER if is_adapter else CustomizedModel.Kind.COMPLETE
