"""Deleting a job that has ended, with its curves, its log and its folder. The customized model that it left stays."""

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from training_jobs import removals
from training_jobs.models import TrainingJob


class NotEnded(Exception):
    """The message says which job, and what to do first."""


def delete(job: TrainingJob, *, user: AbstractUser | AnonymousUser | None) -> None:
    """No user: a command on the machine itself. Raises PermissionDenied or NotEnded."""
    if user and not job.may_be_deleted_by(user):
        raise PermissionDenied(_("“%(train)s” was started by somebody else: staff can delete it.") % {"train": job})
    with transaction.atomic():
        ended = TrainingJob.objects.ended().select_for_update().filter(pk=job.pk).first()
        if ended is None:
            raise NotEnded(_("“%(train)s” has not ended: cancel it first.") % {"train": job})
        folder = ended.directory
        ended.delete()
        removals.let_go(folder)  # not before that: a job without its files would be one that says what is not so
