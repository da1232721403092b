"""What ends a training: its supervisor's end, or the time that the supervisor's beats name. Nothing holds that up."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.trainers.child import ROOT, is_gone, wait_for
from training_methods.trainers.keeper import LOG_HEAD, LOG_TAIL, clock

pytestmark = pytest.mark.skipif(not hasattr(os, "killpg"), reason="this system has no process groups")

HOLD = "import os, re, signal, subprocess, sys, time\nfrom pathlib import Path\n"
HOLD += "from training_methods.trainers import lifeline\nlifeline.hold(Path.cwd())\n"
WAIT = "print('ready', flush=True)\ntime.sleep(600)"
KEEPS_THE_INTERPRETER = "print('ready', flush=True)\nre.match('(a+)+$', 'a' * 60 + 'b')"
SAVES_WHEN_ASKED = """
def save(*_):
    print("saved", flush=True)
    os._exit(0)
signal.signal(signal.SIGTERM, save)
"""


class Child:
    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log = log

    def beat(self, stop_in: float, gone_in: float) -> None:
        self.process.stdin.write(f"{clock() + stop_in} {clock() + gone_in}\n".encode())  # type: ignore[union-attr]
        self.process.stdin.flush()  # type: ignore[union-attr]

    def says(self, word: str) -> None:
        wait_for(lambda: word in self.log.read_text())

    def number(self) -> int:
        """The one that it printed before it was ready."""
        self.says("ready")
        return int(self.log.read_text().split()[0])


@contextmanager
def a_child(folder: Path, code: str) -> Iterator[Child]:
    log = folder / "train.log"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD + code],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    with process:
        try:
            yield Child(process, log)
        finally:
            process.stdin.close()  # type: ignore[union-attr]
            process.kill()


def keeper_of(child: Child) -> int:
    return int(subprocess.check_output(["pgrep", "-P", str(child.process.pid), "-f", "keeper.py"], text=True))


def test_it_asks_a_training_to_save_before_its_time_is_over(tmp_path):
    with a_child(tmp_path, SAVES_WHEN_ASKED + WAIT) as child:
        child.says("ready")

        child.beat(0, 600)

        assert child.process.wait(60) == 0
        child.says("saved")


@pytest.mark.parametrize("code", [WAIT, KEEPS_THE_INTERPRETER], ids=["waits", "in a native call"])
def test_it_ends_a_training_whose_time_is_over(tmp_path, code):
    with a_child(tmp_path, "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + code) as child:
        child.says("ready")

        child.beat(0, 0.1)

        assert child.process.wait(60) == -signal.SIGKILL


def test_it_ends_a_training_that_is_frozen(tmp_path):
    with a_child(tmp_path, WAIT) as child:
        child.says("ready")
        os.killpg(child.process.pid, signal.SIGSTOP)

        child.beat(0, 0.1)

        assert child.process.wait(60) == -signal.SIGKILL


def test_a_later_beat_gives_more_time(tmp_path):
    with a_child(tmp_path, SAVES_WHEN_ASKED + WAIT) as child:
        child.beat(1, 1)
        child.beat(600, 600)
        child.says("ready")

        with pytest.raises(subprocess.TimeoutExpired):
            child.process.wait(4)


def test_it_ends_what_has_left_the_process_group(tmp_path):
    left = "print(subprocess.Popen(['sleep', '600'], start_new_session=True).pid)\n"
    with a_child(tmp_path, left + WAIT) as child:
        grandchild = child.number()

        child.process.stdin.close()

        assert child.process.wait(60) == -signal.SIGKILL
    wait_for(lambda: is_gone(grandchild))


def test_it_ends_what_a_training_left_behind_when_it_ended(tmp_path):
    with a_child(tmp_path, "print(subprocess.Popen(['sleep', '600']).pid)\nprint('ready', flush=True)") as child:
        grandchild = child.number()

        child.process.wait(60)

        wait_for(lambda: is_gone(grandchild))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells others' memory")
def test_it_ends_a_fork_that_has_left_the_group_and_hears_no_signal(tmp_path):
    forks = """
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.setsid()
        os.closerange(3, 1000)
        print(os.getpid(), "ready", flush=True)
        time.sleep(600)
    while "ready" not in open("train.log").read():
        time.sleep(0.05)
    """
    with a_child(tmp_path, textwrap.dedent(forks)) as child:
        fork = child.number()

        child.process.wait(60)

        wait_for(lambda: is_gone(fork))


def test_no_training_goes_on_without_its_keeper(tmp_path):
    with a_child(tmp_path, WAIT) as child:
        child.says("ready")

        os.kill(keeper_of(child), signal.SIGKILL)

        assert child.process.wait(60) == -signal.SIGKILL


def test_it_keeps_standard_input_for_itself(tmp_path):
    with a_child(tmp_path, "print(repr(sys.stdin.read()))\n" + WAIT) as child:
        child.beat(600, 600)

        child.says("''\nready")


@pytest.mark.skipif(sys.platform != "linux", reason="holes in files are Linux's")
def test_it_keeps_the_first_and_the_last_of_a_log_that_grows_without_end(tmp_path):
    prints = "for n in range(200): os.write(1, b'%07d\\n' % n * 131072)\n"
    with a_child(tmp_path, prints + WAIT) as child:
        wait_for(lambda: child.log.stat().st_size > 200 * 2**20)

        wait_for(lambda: child.log.stat().st_blocks * 512 < LOG_HEAD + 3 * LOG_TAIL)

        text = child.log.read_bytes()
        assert (text[:8], text[-14:]) == (b"0000000\n", b"0000199\nready\n")
        assert text[LOG_HEAD - 8 : LOG_HEAD] == b"0000001\n"
