"""What a job leaves: its output folder becomes a customized model."""

import re
import shutil
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.translation import gettext as _

from training_jobs import base_models
from training_jobs.models import CustomizedModel, FoundationModel, TrainingJob
from training_methods.trainers import model_card
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
        kind=kind_of(folder, finished.result),
        path=str(folder),
        size_bytes=size_of(folder),
    )


def size_of(folder: Path) -> int:
    """Bytes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def move(output: Path, folder: Path) -> None:
    """May be asked twice: a database that was away for a moment had forgotten the first time."""
    if not output.exists():
        return
    if folder.exists():  # an earlier attempt's, whose worker was lost before the database had heard of it
        shutil.rmtree(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(output, folder)


def kind_of(folder: Path, said: str | None = None) -> CustomizedModel.Kind:
    """What its files tell; where they do not, what the trainer `said`."""
    if model_card.is_scorer(folder):
        return CustomizedModel.Kind.REWARD
    is_adapter = said == "adapter" or (not said and model_card.is_adapter(folder))
    return CustomizedModel.Kind.ADAPTER if is_adapter else CustomizedModel.Kind.COMPLETE


def may_register(model: CustomizedModel, user: AbstractBaseUser | AnonymousUser) -> bool:
    """An adapter is no model by itself."""
    return model.kind != CustomizedModel.Kind.ADAPTER and base_models.may_change(user)


def register(model: CustomizedModel, *, user: AbstractBaseUser | AnonymousUser) -> FoundationModel:
    """Take its folder on record as a base model. Raises BadBaseModel or PermissionDenied."""
    if there := FoundationModel.objects.filter(path=model.path).first():
        raise base_models.BadBaseModel(_("It is the base model “%(name)s” already.") % {"name": there.name})
    return base_models.add(model.path, name=free_name(model.name), user=user)


def free_name(wanted: str) -> str:
    """As a base model, whose names are shorter: the end, which tells models of one base apart, stays."""
    room = FoundationModel._meta.get_field("name").max_length or 0
    return wanted if len(wanted) <= room else f"{wanted[: room - 41]}…{wanted[-40:]}"
