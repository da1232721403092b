"""Ties a child process to the one that started it, so that no training goes on unwatched."""

import ctypes
import os
import signal
import sys
import threading

PR_SET_PDEATHSIG = 1


def hold() -> None:
    """From now on this process and its group end at once when their supervisor is gone.

    The kernel's signal is the fast way, on Linux and for a parent that dies; the pipe on stdin is heard everywhere,
    also when the parent's thread lives on but the worker behind it has closed its end.
    """
    die_with_parent()
    threading.Thread(target=end_with_stdin, name="lifeline", daemon=True).start()


def die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    end_group()


def end_group() -> None:
    """Kill this process and all it has started; never the group of somebody else."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(137)
