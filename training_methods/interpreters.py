"""Which Python runs a script. Whoever names it names a program that every worker starts: an administrator."""

import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from training_methods import child_process
from training_methods.models import TrainingMethod

OLDEST = (3, 8)
PATIENCE = 10  # seconds; a conda environment on a network drive takes a few
ASK_VERSION = "import sys; print('%d.%d.%d' % sys.version_info[:3])"
ADMINISTRATORS_ONLY = gettext_lazy(
    "Only an administrator may say which program runs a script, since every worker will start it: ask one, or leave it."
)


def of(method: TrainingMethod) -> str | None:
    """As the method's configuration has it, whatever else is wrong with that."""
    named = method.config.get("interpreter") if isinstance(method.config, dict) else None
    return named if isinstance(named, str) else None


def refuse_change(method: TrainingMethod, stored: TrainingMethod | None, user: Any) -> None:
    """Raises ValidationError where somebody else than an administrator gives the method another interpreter.

    No user: a command on the machine itself, whose owner can start any program anyway.
    """
    if of(method) != (of(stored) if stored else None) and user is not None and not user.is_superuser:
        raise ValidationError({"config": [f"interpreter: {ADMINISTRATORS_ONLY}"]})


def check_change(method: TrainingMethod, stored: TrainingMethod | None, user: Any) -> None:
    """The same, and a new interpreter is asked what it is. Not for inside a transaction: that may take seconds."""
    refuse_change(method, stored, user)
    path = of(method)
    if path and path != (of(stored) if stored else None) and (sentence := problem(path)):
        raise ValidationError({"config": [f"interpreter: {sentence}"]})


def problem(path: str) -> str:
    """Why no script can be run with it, or nothing."""
    file = Path(path)
    if not file.is_absolute():
        sentence = _("“%(path)s” is no full path: write it from the root on, such as /opt/envs/train/bin/python.")
        return sentence % {"path": path}
    try:
        if file.is_dir():
            sentence = _("“%(path)s” is a folder: name the Python in it, such as %(file)s/bin/python.")
            return sentence % {"path": path, "file": file}
        if not file.exists():
            return _("There is no file “%(path)s” on this machine.") % {"path": path}
    except (OSError, ValueError) as error:
        return _("“%(path)s” cannot be looked at: %(why)s.") % {"path": path, "why": error}
    if not os.access(file, os.X_OK):
        return _("“%(path)s” is no program that may be started here.") % {"path": path}
    return problem_with_answer(path)


def problem_with_answer(path: str) -> str:
    try:
        answer = asked(path)
    except subprocess.TimeoutExpired:
        return _("“%(path)s” gave no answer within %(seconds)d s.") % {"path": path, "seconds": PATIENCE}
    except OSError as error:
        return _("“%(path)s” cannot be started: %(why)s.") % {"path": path, "why": error.strerror}
    version = re.fullmatch(r"(\d+)\.(\d+)\.\d+", answer)
    if not version:
        sentence = _("“%(path)s” does not answer as a Python does: it said “%(answer)s”.")
        return sentence % {"path": path, "answer": answer[:80]}
    if (int(version[1]), int(version[2])) < OLDEST:
        known = {"path": path, "version": answer, "oldest": ".".join(map(str, OLDEST))}
        return _("“%(path)s” is Python %(version)s: scripts need %(oldest)s or newer.") % known
    return ""


def asked(path: str) -> str:
    """What it says its version is: in a process group of its own, all of which ends when the time is up."""
    with subprocess.Popen(
        [path, "-I", "-c", ASK_VERSION],
        env=child_process.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as child:
        try:
            said, _ = child.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            raise
    return said.decode(errors="replace").strip()
