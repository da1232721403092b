"""Room on the disk that jobs write to: some is kept free, so that a training that has to stop can still save."""

import shutil

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from training_methods.trainers.events import Cause, Failure

GIGABYTE = 10**9


def free() -> float:
    """Gigabytes."""
    return shutil.disk_usage(settings.DATA_DIR).free / GIGABYTE


def reserve() -> float:
    """Gigabytes that are kept free."""
    return settings.DISK_RESERVE_GB


def is_enough_to_start() -> bool:
    """Twice the reserve: a training that starts has some way to go."""
    return free() >= 2 * settings.DISK_RESERVE_GB


def too_full_to_start() -> str:
    """Why no training starts, in a sentence; empty if one can."""
    if is_enough_to_start():
        return ""
    said = _("The disk is nearly full: %(free)s GB are free, and no train starts below %(needed)s GB.")
    return said % {"free": number_format(free(), 1), "needed": number_format(2 * reserve(), 1)}


def is_enough_to_go_on() -> bool:
    return free() >= settings.DISK_RESERVE_GB


def ran_out() -> Failure:
    return Failure(
        cause=Cause.DISK_FULL,
        message=f"The training was stopped while it could still save: {free():.1f} GB were left on the disk of "
        f"{settings.DATA_DIR}, and {settings.DISK_RESERVE_GB:g} GB are kept free.",
        hint="Delete models and jobs that are not needed any more, or enlarge the disk, then start the job anew.",
    )
