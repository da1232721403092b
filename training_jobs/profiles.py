"""Profiles: the settings of a job under a name, for whoever starts the next one."""

from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from training_jobs.models import ParameterProfile, TrainingJob
from training_jobs.submission import unfit_method
from training_methods import catalog, config
from training_methods.catalog import UnknownTrainer


def save(job: TrainingJob, name: str, user: AbstractBaseUser | AnonymousUser) -> ParameterProfile:
    """Keep the values that the job was started with, defaults too, so that later defaults do not change them.

    Raises ValidationError where the name is taken, or the method cannot be asked what it takes.
    """
    if reason := why_not(job):
        raise ValidationError(reason)
    profile = ParameterProfile(method=job.method, name=name.strip(), values=values_of(job), created_by_id=user.pk)
    profile.full_clean()
    try:
        with transaction.atomic():
            profile.save()
    except IntegrityError:
        profile.full_clean()  # somebody else took the name just now
        raise
    return profile


def why_not(job: TrainingJob) -> str:
    """Why there can be no profile of its settings, or nothing."""
    if job.method is None:
        sentence = _("The training method “%(method)s” is deleted, and its profiles with it.")
        return sentence % {"method": job.method_snapshot["display_name"]}
    try:
        trainer = catalog.get(job.method.trainer)
    except UnknownTrainer as unknown:
        return str(unknown)
    return unfit_method(job.method, trainer)


def values_of(job: TrainingJob) -> dict[str, Any]:
    """Those of the job's parameters that its method has now."""
    assert job.method
    offered = config.offered(catalog.get(job.method.trainer), job.method.config)
    return {one.name: job.parameters[one.name] for one in offered if one.name in job.parameters}


def delete(profile: ParameterProfile, user: AbstractUser | AnonymousUser) -> None:
    """Jobs that were started with it keep their values. Raises PermissionDenied."""
    if not profile.may_be_deleted_by(user):
        sentence = _("“%(profile)s” was saved by somebody else: administrators can delete it.")
        raise PermissionDenied(sentence % {"profile": profile})
    profile.delete()
