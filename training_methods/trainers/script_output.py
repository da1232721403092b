"""What a script prints: read until the script has ended, and understood where it reports something."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from training_methods.trainers.base import Run
from training_methods.trainers.events import LAST_STEP

MARKER = "[log_data]:"
LONGEST_LINE = 2**16  # a progress bar never ends its line; what is longer comes in pieces
SHOWN_OF_A_LINE = 300  # characters, where a failure is told
UNKNOWN_ARGUMENTS = {
    "error: unrecognized arguments:": "parser.parse_known_args()",
    "are not used by the HfArgumentParser:": "parser.parse_args_into_dataclasses(return_remaining_strings=True)",
    "No such option": 'context_settings={"ignore_unknown_options": True, "allow_extra_args": True}',
}
"""What argparse, transformers and click (with typer) say of them, and how each passes them over."""


class Output:
    """A pipe for what a script prints. Its end is where the script ends, not where the last process is gone that
    the script has started and left behind: a tracking service, say, which holds the pipe open for ever.
    """

    def __init__(self) -> None:
        self.read, self.written = os.pipe()
        self._end = b"\0" + os.urandom(16).hex().encode() + b"\n"

    def of(self, process: subprocess.Popen[bytes]) -> Iterator[bytes]:
        """Its lines, or pieces of very long ones."""
        threading.Thread(target=self._write_end, args=(process,), daemon=True).start()
        with os.fdopen(self.read, "rb") as output:
            while piece := output.readline(LONGEST_LINE):
                if piece.endswith(self._end):
                    yield from filter(None, [piece.removesuffix(self._end)])
                    return
                yield piece

    def _write_end(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        os.write(self.written, self._end)
        os.close(self.written)


def listen(output: Iterable[bytes], run: Run) -> Iterator[str]:
    """Echo the script's output line by line, and report what it says of itself."""
    told = False
    for piece in output:
        line = piece.decode(errors="replace")
        sys.stdout.write(line)
        sys.stdout.flush()
        if said := log_data(line):
            report(said, run)
        elif not told and len(piece) == LONGEST_LINE and MARKER in line:
            told = True
            print()
            run.note(f"A {MARKER} line of more than {LONGEST_LINE:,} bytes is not read: report less at once.")
        yield line


def log_data(line: str) -> dict[str, Any] | None:
    """The JSON object behind the marker. None: there is none, or it is not whole."""
    _, marker, text = line.partition(MARKER)
    if not marker:
        return None
    try:
        said, _ = json.JSONDecoder().raw_decode(text.strip())
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def report(said: dict[str, Any], run: Run) -> None:
    """Turn one object into points and progress. Its numbers may stand in it or in its “details”."""
    numbers = numbers_in(said) | numbers_in(said.get("details"))
    step = numbers.pop("step", None)
    for name in ("seq", "msg"):
        numbers.pop(name, None)
    if step is None or not 0 <= step <= LAST_STEP:  # NaN is neither
        return
    total = total_steps(int(step), numbers.pop("total", None), said.get("msgDetail"))
    run.progress(int(step), total)
    if numbers:
        run.metrics(int(step), total, **numbers)


def numbers_in(said: object) -> dict[str, float]:
    if not isinstance(said, dict):
        return {}
    return {name: value for name, value in said.items() if type(value) in (int, float)}


def total_steps(step: int, total: float | None, percent: object) -> int | None:
    """How many steps there will be: said outright, or worked out from the percentage that is done."""
    try:
        found = round(step * 100 / float(str(percent))) if total is None else int(total)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return found if 0 < found <= LAST_STEP else None


def told(lines: Iterable[str]) -> Iterator[str]:
    """A line that comes many times in a row once, with how often; of a long one the beginning."""
    for line, same in groupby(lines, key=str.rstrip):
        times = sum(1 for _ in same)
        shown = line if len(line) <= SHOWN_OF_A_LINE else f"{line[:SHOWN_OF_A_LINE]}…"
        yield f"{shown} ({times:,} times)\n" if line and times > 1 else f"{shown}\n"


def last_words(lines: Iterable[str]) -> str:
    """The last line that says something, without the frame that typer draws: of a Python error, the error itself."""
    said = (line.strip(" │|\n") for line in reversed(list(lines)))
    return next((line for line in said if any(map(str.isalnum, line))), "it said nothing.")


def ending(code: int) -> str:
    return f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"


def hint(lines: Iterable[str]) -> str:
    """What to do about a mistake that many scripts make."""
    said = "".join(lines)
    for words, how in UNKNOWN_ARGUMENTS.items():
        if words in said:
            return f"The console gives a script more arguments than this one knows: read them with `{how}`."
    return ""
