"""Base models: a folder, or a model from the hub, is taken on record, and taken off it."""

from dataclasses import asdict
from pathlib import Path

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from training_jobs import hub
from training_jobs.model_folders import BadBaseModel, inspect
from training_jobs.models import FoundationModel, TrainingJob


def may_change(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Staff, since whoever adds a base model names folders of the server."""
    return bool(getattr(user, "is_staff", False))


def refuse_others(user: AbstractBaseUser | AnonymousUser | None) -> None:
    if user and not may_change(user):
        raise PermissionDenied(_("Base models are folders of the server, so staff add and delete them."))


def needed_by(model: FoundationModel) -> list[str]:
    """The names of jobs, three at most, that have not ended and start from it or refer to it."""
    return list(TrainingJob.objects.that_use(model).unended().values_list("name", flat=True)[:3])


def delete(model: FoundationModel, *, user: AbstractBaseUser | AnonymousUser | None = None) -> None:
    """Deletes the record. The folder stays, and so do the jobs that started from it. Raises BadBaseModel."""
    refuse_others(user)
    if needed := needed_by(model):
        sentence = _("“%(name)s” is needed by %(trains)s: wait for the end, or cancel first.")
        raise BadBaseModel(sentence, name=model.name, trains=", ".join(needed))
    model.delete()


def add(folder_or_hub_id: str, *, name: str, user: AbstractBaseUser | AnonymousUser | None = None) -> FoundationModel:
    """Takes a local folder on record, or downloads a model of the hub first. Raises BadBaseModel."""
    refuse_others(user)
    name = unused_name(name.strip())
    folder, hub_id = located(folder_or_hub_id.strip())
    found = asdict(inspect(folder))
    try:
        with transaction.atomic():
            return FoundationModel.objects.create(
                name=name, path=str(folder), hub_id=hub_id, created_by_id=user.pk if user else None, **found
            )
    except IntegrityError:
        raise name_in_use(name) from None


def located(folder_or_hub_id: str) -> tuple[Path, str]:
    """The folder, and the hub id where it was downloaded for one."""
    if not folder_or_hub_id:
        raise BadBaseModel(_("A base model is named by its folder, or by its id on the hub."))
    folder = Path(folder_or_hub_id).absolute()
    if not hub.HUB_ID.fullmatch(folder_or_hub_id) or folder.exists():
        return folder, ""
    try:
        return hub.download(folder_or_hub_id), folder_or_hub_id
    except hub.NotDownloaded as error:
        raise BadBaseModel(str(error)) from error


def unused_name(name: str) -> str:
    if not name or len(name) > 100 or not name.isprintable():
        sentence = _("“%(name)s” cannot be a base model's name: it takes 1 to 100 printable characters.")
        raise BadBaseModel(sentence, name=name[:40])
    if FoundationModel.objects.filter(name__iexact=name).exists():
        raise name_in_use(name)
    return name


def name_in_use(name: str) -> BadBaseModel:
    return BadBaseModel(_("A base model named “%(name)s” exists already: choose another name."), name=name)
