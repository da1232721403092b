"""Deleting a customized model: its record first, then its files. Jobs' folders go the same way.

The folder is noted down where the record is deleted, in one transaction. So whatever dies in between, either the model
is all there, or the note is, and the next sweep of any worker removes what is left.
"""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from training_jobs.models import CustomizedModel, FoundationModel, Making, RemovedFolder, TrainingJob, TryOut

logger = logging.getLogger(__name__)


class InUse(Exception):
    """The message says of what."""


def may_remove(model: CustomizedModel, user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whoever started its train may, and staff."""
    train = model.train
    return bool(getattr(user, "is_staff", False)) or bool(
        train and train.created_by_id and train.created_by_id == user.pk
    )


def remove(model: CustomizedModel, *, user: AbstractBaseUser | AnonymousUser) -> None:
    """Raises PermissionDenied or InUse. A model that was merged from it takes its place as what the train left."""
    if not may_remove(model, user):
        raise PermissionDenied(_("Whoever started the train deletes its model, and staff."))
    with transaction.atomic():
        held = CustomizedModel.objects.select_for_update().filter(pk=model.pk).first()
        if held is None:  # somebody else was first
            return
        if reason := use_of(held):
            raise InUse(reason)
        if is_ours(Path(held.path)):
            let_go(Path(held.path))
        heir = CustomizedModel.objects.filter(merged_from=held).values_list("pk", flat=True).first()
        held.delete()
        if heir:
            CustomizedModel.objects.filter(pk=heir).update(job=held.job_id)


def use_of(model: CustomizedModel) -> str:
    """Who would miss its files, in a sentence; empty if nobody."""
    base_model = FoundationModel.objects.filter(path=model.path).first()
    if base_model:
        return use_as_base(base_model)
    if job := next((name for name, paths in unended_jobs() if model.path in paths), None):
        return _("The train “%(name)s” has not ended, and starts from it.") % {"name": job}
    return work_on(model)


def work_on(model: CustomizedModel) -> str:
    """What waits or runs with it, in a sentence. Who closed the page, and a worker that was lost, need it no more."""
    makings = Making.objects.filter(model=model, state__in=Making.UNENDED)
    if making := next((one for one in makings if one.is_unended), None):
        said = _("“%(what)s” is being made of it: wait for the end, or cancel it first.")
        return said % {"what": making.get_what_display()}
    try_outs = TryOut.objects.filter(model=model, state__in=TryOut.UNENDED, left_at=None)
    if any(one.is_unended for one in try_outs):
        return _("Somebody tries it: wait for the end, or end it first where it is tried.")
    return ""


def use_as_base(base_model: FoundationModel) -> str:
    models = base_model.customized_models.count()
    come = ngettext(
        "%(count)s customized model comes from it.", "%(count)s customized models come from it.", models
    ) % {"count": models}
    said = _("It is the base model “%(name)s” as well: delete that on its own page first.") % {"name": base_model}
    return f"{said} {come}" if models else said


def unended_jobs() -> Iterator[tuple[str, set[str]]]:
    """The name of each, and the folders it reads."""
    jobs = TrainingJob.objects.unended()
    for name, base, others in jobs.values_list("name", "base_model_snapshot", "reference_snapshots"):
        yield name, {snapshot.get("path", "") for snapshot in (base, *others.values())}


def is_ours(folder: Path) -> bool:
    """Whether a train put it there. Anything else on this machine is left alone."""
    return folder.parent == Path(settings.DATA_DIR) / "models"


def let_go(folder: Path) -> None:
    """In the transaction that deletes its record: its files go once that is committed."""
    if folder.exists():
        RemovedFolder.objects.create(path=str(folder))
        transaction.on_commit(remove_files, robust=True)


def remove_files() -> None:
    """Of every folder that was noted down. A folder that cannot be removed now is tried again by the next sweep."""
    for note in RemovedFolder.objects.all():
        try:
            remove_folder(note)
        except OSError as error:
            logger.warning("The files of a deleted record stay for now: %s", error)
        else:
            note.delete()


def remove_folder(note: RemovedFolder) -> None:
    """Set aside first, so that a new model of the same name is never taken for it."""
    folder = Path(note.path)
    aside = folder.with_name(f".removed-{note.pk}")
    if folder.exists() and not aside.exists() and not CustomizedModel.objects.filter(path=note.path).exists():
        folder.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)  # another worker may be at it too
    if aside.exists():
        raise OSError(f"“{aside}” cannot be removed.")
