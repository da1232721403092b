"""What the bench says: the lines of its table, and where in a trainer's file something went wrong."""

import re
from pathlib import Path
from typing import Literal

from django.utils.translation import gettext_noop
from pydantic import BaseModel, ConfigDict

from training_methods import catalog
from training_methods.catalog import TrainerInfo

LAST_LINES, LAST_CHARACTERS = 20, 4_000  # of a log, to show where it went wrong

Outcome = Literal["passed", "failed", "not asked"]


LOADS, DESCRIBED = gettext_noop("loads"), gettext_noop("describes itself")


class Check(BaseModel):
    """One line of the bench's table."""

    model_config = ConfigDict(frozen=True)

    name: str
    outcome: Outcome
    said: str
    file: str = ""
    line: int | None = None
    """Where in the trainer's file it went wrong, if it is known."""
    evidence: str = ""
    """The end of the log, where there is one."""


def missing(slug: str) -> Check:
    """Why a trainer that the catalog does not have cannot be tried."""
    for one in catalog.broken():
        if slug in one.slugs:
            return Check(name=LOADS, outcome="failed", said=one.reason, file=one.file, line=one.line)
    return Check(name=LOADS, outcome="failed", said=f"The trainer “{slug}” is not here.")


def passed(name: str, said: str) -> Check:
    return Check(name=name, outcome="passed", said=said)


def not_asked(name: str, why: str) -> Check:
    return Check(name=name, outcome="not asked", said=why)


def loads(info: TrainerInfo, interpreter: Path | None) -> Check:
    run_by = f", run by {interpreter}" if interpreter else ""
    return passed(LOADS, f"{info.file or info.source}{run_by}")


def described(info: TrainerInfo) -> Check:
    formats = ", ".join(info.data_formats)
    return passed(DESCRIBED, f"{info.label}: {len(info.parameters)} parameters; reads {formats}")


def line_in(log: Path, file: str) -> int | None:
    """The deepest line of the file in the log's last traceback; Python's own at an abort begins with the deepest."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [int(line) for line in re.findall(rf'File "{re.escape(file)}", line (\d+)', text)]
    aborted = "Fatal Python error: Aborted" in text
    return lines[0 if aborted else -1] if lines else None


def end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LAST_LINES:])[-LAST_CHARACTERS:]
