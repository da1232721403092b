"""Starts a training script: `python launch.py SCRIPT [--name value …]`.

Needs nothing but the standard library of Python 3.8, since the interpreter is of the method's choice.

Two things differ from starting it directly. `type=bool` of argparse reads the words true and false, where it would
take every text that is not empty for true; and `import train_callback` finds the module beside this file.
"""

import argparse
import ctypes
import runpy
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def boolean(word: str) -> bool:
    if word.lower() not in {**WORDS, "": False}:
        raise argparse.ArgumentTypeError(f"“{word}” is neither true nor false")
    return WORDS.get(word.lower(), False)


def read_booleans() -> None:
    """Make every parser look up `bool` as `boolean`."""
    plain = argparse.ArgumentParser.__init__

    def with_booleans(self, *args, **kwargs) -> None:
        plain(self, *args, **kwargs)
        self.register("type", bool, boolean)

    argparse.ArgumentParser.__init__ = with_booleans  # type: ignore[method-assign]


def main(script: str) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    read_booleans()
    here = sys.path[0]
    sys.path[0] = str(Path(script).parent)
    sys.path.append(here)
    sys.argv = sys.argv[1:]
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])
