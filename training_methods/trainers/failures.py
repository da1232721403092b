"""Finds the words for what went wrong, for a reader who did not write the code."""

import errno
import linecache
import traceback
from pathlib import Path

from pydantic import ValidationError

from training_methods.trainers import discovery
from training_methods.trainers.base import TrainingError
from training_methods.trainers.events import Cause, Failure
from training_methods.trainers.parameters import mistakes
from training_methods.trainers.row_files import Unreadable

LESS_MEMORY = (
    "Choose a smaller batch size or maximum length, switch gradient checkpointing on, or take a smaller base model."
)
MORE_ROOM = "Delete models and jobs that are not needed any more, or enlarge the disk."
INSTALL = "Install it where the worker runs."
SEE_LOG = "The end of the train log may say why."
LOOK = "Look whether the machine ran out of memory or was restarted, then start the job anew."
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")
DISK_FULL = ("no space left on device", "disk quota exceeded")

NO_ROOM = 74  # exit code of a run that found no room on the disk for its last words


def disk_full(evidence: str) -> Failure:
    return Failure(cause=Cause.DISK_FULL, message="The disk is full.", hint=MORE_ROOM, evidence=evidence)


def failure(error: BaseException, own_file: Path | None = None) -> Failure:
    """The event that says why a run ended early. `own_file`: the site's own code that it ran, if that was its own."""
    match error:
        case TrainingError():
            return Failure(
                cause=error.cause,
                message=str(error),
                hint=error.hint,
                evidence=error.evidence,
                traceback=traced(error.__cause__) if error.__cause__ else "",
                changes=error.changes,
            )
        case Unreadable():
            hint = "Correct the file and import it again."
            return Failure(cause=Cause.DATASET, message=f"The dataset cannot be read: it {error}.", hint=hint)
        case ValidationError():
            wrong = "; ".join(f"{name}: {sentence}" for name, sentence in mistakes(error).items())
            return Failure(message=f"The parameters do not fit this trainer. {wrong}")
        case SystemExit():
            message = f"The trainer ended the process by itself (exit code {error.code})."
            return Failure(message=message, hint=SEE_LOG, evidence=place(error, own_file))
    cause, message, hint = told(error, own_file)
    return Failure(cause=cause, message=message, hint=hint, evidence=place(error, own_file), traceback=traced(error))


def told(error: BaseException, own_file: Path | None) -> tuple[Cause | None, str, str]:
    """The kind of failure, what happened, and what to do about it."""
    if has_words(error, OUT_OF_MEMORY) or isinstance(error, MemoryError):
        if "CUDA" in str(error):
            return Cause.OUT_OF_GPU_MEMORY, "The graphics card ran out of memory.", LESS_MEMORY
        return Cause.OUT_OF_MEMORY, "The machine ran out of memory.", LESS_MEMORY
    if has_words(error, DISK_FULL) or (isinstance(error, OSError) and error.errno == errno.ENOSPC):
        return Cause.DISK_FULL, "The disk is full.", MORE_ROOM
    if isinstance(error, ModuleNotFoundError):
        return Cause.CODE, f"The Python package “{error.name}” is not installed here.", INSTALL
    first_line = next(iter(str(error).strip().splitlines()), "")
    what = f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
    message = f"The training stopped with an error the trainer did not expect: {what}"
    return (Cause.CODE, message, try_it(own_file)) if own_file else (None, message, SEE_LOG)


def of_output(text: str, own_file: Path) -> tuple[Cause | None, str]:
    """The kind of failure of a script, by the end of what it printed, and what to do about it."""
    said = text.lower()
    if any(words in said for words in (*OUT_OF_MEMORY, "memoryerror")):
        return Cause.OUT_OF_GPU_MEMORY if "CUDA" in text else Cause.OUT_OF_MEMORY, LESS_MEMORY
    if any(words in said for words in DISK_FULL):
        return Cause.DISK_FULL, MORE_ROOM
    if "ModuleNotFoundError: " in text:
        return Cause.CODE, INSTALL
    return (Cause.CODE, try_it(own_file)) if "Traceback (most recent call last)" in text else (None, SEE_LOG)


def has_words(error: BaseException, words: tuple[str, ...]) -> bool:
    return any(one in str(error).lower() for one in words)


def not_loading(file: Path, error: BaseException) -> TrainingError:
    """For a file of the site's own code that cannot be imported."""
    line = discovery.line_of(error, file)
    where = f"{file.name}, line {line}" if line else file.name
    hint = INSTALL if isinstance(error, ModuleNotFoundError) else try_it(file)
    words = f"The trainer's file does not load: {where}: {discovery.reason(error)}"
    return TrainingError(words, hint, evidence=place(error, file), cause=Cause.CODE)


def try_it(file: Path) -> str:
    return f"Correct it. “manage.py check_trainer {file.stem}” tries it on a tiny model."


def place(error: BaseException, own_file: Path | None = None) -> str:
    """The line on which it was raised: as deep as the traceback knows the site's own code, or else at the deepest."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return as_shown(error.filename, error.lineno)
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if own_file and frame.filename == str(own_file)]
    return as_shown(frame.filename, frame.lineno or 0) if (frame := next(reversed(own or frames), None)) else ""


def as_shown(file: str, line: int) -> str:
    return f"{file}, line {line}\n    {linecache.getline(file, line).strip()}".rstrip()


def traced(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
