"""Finds the words for what went wrong, for a reader who did not write the code."""

import errno
import traceback

from pydantic import ValidationError

from training_methods.trainers.base import TrainingError
from training_methods.trainers.events import Failure
from training_methods.trainers.parameters import mistakes
from training_methods.trainers.row_files import Unreadable

LESS_MEMORY = (
    "Choose a smaller batch size or maximum length, switch gradient checkpointing on, or take a smaller base model."
)
OUT_OF_MEMORY = ("out of memory", "can't allocate memory", "cannot allocate memory")


def failure(error: BaseException) -> Failure:
    """The event that says why a run ended early."""
    match error:
        case TrainingError():
            return Failure(message=str(error), hint=error.hint, evidence=error.evidence)
        case Unreadable():
            return Failure(message=f"The dataset cannot be read: {error}.")
        case ValidationError():
            wrong = "; ".join(f"{name}: {sentence}" for name, sentence in mistakes(error).items())
            return Failure(message=f"The parameters do not fit this trainer. {wrong}")
        case SystemExit():
            return Failure(message=f"The trainer ended the process by itself (exit code {error.code}).")
    message, hint = sentence(error)
    return Failure(message=message, hint=hint, traceback="".join(traceback.format_exception(error)))


def sentence(error: BaseException) -> tuple[str, str]:
    """What happened, and what to do about it."""
    if is_out_of_memory(error):
        device = "graphics card" if "CUDA" in str(error) else "machine"
        return f"The {device} ran out of memory.", LESS_MEMORY
    if isinstance(error, ModuleNotFoundError):
        return f"The Python package “{error.name}” is not installed here.", "Install it where the worker runs."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "The disk is full.", "Delete models and jobs that are not needed any more, or enlarge the disk."
    first_line = next(iter(str(error).strip().splitlines()), "")
    what = f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
    return f"The training stopped with an error the trainer did not expect: {what}", ""


def is_out_of_memory(error: BaseException) -> bool:
    return isinstance(error, MemoryError) or any(words in str(error).lower() for words in OUT_OF_MEMORY)
