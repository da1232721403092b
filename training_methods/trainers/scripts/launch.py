"""Starts a training script: `python launch.py SCRIPT [--name value …]`.

Needs nothing but the standard library of Python 3.8, since the interpreter is of the method's choice.

Three things differ from starting it directly. argparse reads the words true and false: `type=bool` would take every
text that is not empty for true, and a flag (`store_true`) would take no word at all. `import train_callback` finds the
module beside this file. And a traceback begins in the script. In a micro-run its model is watched as well.
"""

import argparse
import ctypes
import os
import runpy
import signal
import sys
import traceback
from pathlib import Path

PR_SET_PDEATHSIG = 1
WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def boolean(word: str) -> bool:
    if word.lower() not in {**WORDS, "": False}:
        raise argparse.ArgumentTypeError(f"“{word}” is neither true nor false")
    return WORDS.get(word.lower(), False)


def read_booleans() -> None:
    """Make every parser look up `bool` as `boolean`, and take a word behind a flag."""
    plain, parse = argparse.ArgumentParser.__init__, argparse.ArgumentParser.parse_known_args

    def with_booleans(self, *args, **kwargs) -> None:
        plain(self, *args, **kwargs)
        self.register("type", bool, boolean)

    def parse_with_flags(self, args=None, namespace=None):
        return parse(self, as_flags(self, sys.argv[1:] if args is None else args), namespace)

    argparse.ArgumentParser.__init__ = with_booleans  # type: ignore[method-assign]
    argparse.ArgumentParser.parse_known_args = parse_with_flags  # type: ignore[method-assign]


def as_flags(parser, words):
    """`--flag True` as a flag knows it, `--flag`; and `--flag False` as nothing, or as `--no-flag` if there is one."""
    options = {option for action in parser._actions if action.nargs == 0 for option in action.option_strings}
    kept: list[str] = []
    for word in words:
        is_flag = bool(kept) and kept[-1] in options
        if not (is_flag and word.lower() in WORDS):
            kept.append(word)
        elif not WORDS[word.lower()]:
            opposite = "--no-" + kept.pop().lstrip("-")
            kept += [opposite] if opposite in options else []
    return kept


def watch() -> None:
    if "DEEPEXT_WITNESS" in os.environ:
        import deepext_witness  # type: ignore  # beside this file, which leads the path as yet

        deepext_witness.watch(Path(os.environ["DEEPEXT_WITNESS"]))


def show(kind, error, trace) -> None:
    """The traceback without the frames of this file and of what it starts the script with."""
    first = trace
    while first and first.tb_frame.f_code.co_filename != sys.argv[0]:
        first = first.tb_next
    traceback.print_exception(kind, error, first or trace)


def main(script: str) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    read_booleans()
    watch()
    sys.excepthook = show
    here = sys.path[0]
    sys.path[0] = str(Path(script).parent)
    sys.path.append(here)
    sys.argv = sys.argv[1:]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
