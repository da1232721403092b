"""Starts a training script: `python launch.py SCRIPT [--name value …]`.

Needs nothing but the standard library of Python 3.8, since the interpreter is of the method's choice.

Three things differ from starting it directly. argparse reads the words true and false: `type=bool` would take every
text that is not empty for true, and a flag (`store_true`) would take no word at all, as flags of click and typer would
not. `import train_callback` finds the module beside this file. And a traceback begins in the script. In a micro-run its
model is watched as well.
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
CLICK = ("click.core", "typer._click.core")  # typer brings its own
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
        words = sys.argv[1:] if args is None else args
        return parse(self, as_flags(flags_of_argparse(self._actions), words), namespace)

    argparse.ArgumentParser.__init__ = with_booleans  # type: ignore[method-assign]
    argparse.ArgumentParser.parse_known_args = parse_with_flags  # type: ignore[method-assign]


def read_booleans_of_click(core) -> None:
    """Make every command take a word behind a flag."""
    parse = core.Command.parse_args

    def parse_with_flags(self, context, args):
        return parse(self, context, as_flags(flags_of_click(self.get_params(context)), args))

    core.Command.parse_args = parse_with_flags


def flags_of_argparse(actions) -> dict:
    """Each flag's opposite, or None."""
    options = {option for action in actions if action.nargs == 0 for option in action.option_strings}
    opposites = {option: "--no-" + option.lstrip("-") for option in options}
    return {option: opposite if opposite in options else None for option, opposite in opposites.items()}


def flags_of_click(parameters) -> dict:
    flags = [one for one in parameters if getattr(one, "is_flag", False)]
    off = {option: next(iter(flag.secondary_opts), None) for flag in flags for option in flag.opts}
    return {**off, **{option: flag.opts[0] for flag in flags for option in flag.secondary_opts}}


def as_flags(opposites, words) -> list:
    """`--flag True` as a flag knows it, `--flag`; and `--flag False` as nothing, or as `--no-flag` if there is one."""
    kept = []  # type: list
    for word in words:
        is_flag = bool(kept) and kept[-1] in opposites
        if not (is_flag and word.lower() in WORDS):
            kept.append(word)
        elif not WORDS[word.lower()]:
            opposite = opposites[kept.pop()]
            kept += [opposite] if opposite else []
    return kept


def follow_imports() -> None:
    import deepext_witness  # type: ignore  # beside this file, which leads the path as yet

    sys.meta_path[:0] = [deepext_witness.AfterImport(name, read_booleans_of_click) for name in CLICK]
    if "DEEPEXT_WITNESS" in os.environ:
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
    follow_imports()
    sys.excepthook = show
    here = sys.path[0]
    sys.path[0] = str(Path(script).parent)
    sys.path.append(here)
    sys.argv = sys.argv[1:]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
