"""What a training may take: its memory, and a cgroup that holds it and all that it starts."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.training_jobs.engine import has_gone, wait_for
from tests.training_jobs.own_run import SUCCEEDS, own_run
from training_jobs import cgroups
from training_jobs.cgroups import Cgroup
from training_jobs.memory import MemoryLimit
from training_jobs.supervisor import Supervisor
from training_methods import child_process
from training_methods.trainers.events import Failure, Finished, Note

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how much memory a process holds")
FINISHED = """open('events.jsonl', 'w').write('{"kind": "finished", "outcome": "succeeded"}\\n')"""
TAKES_300_MB = "held = bytearray(300 * 2**20)"
ITS_CHILD_TAKES_300_MB = f'import subprocess, sys; subprocess.run([sys.executable, \'-c\', """{TAKES_300_MB}; {{}}"""])'


def ending_of(tmp_path: Path, code: str, memory_gb: float) -> Finished | Failure:
    with Supervisor(tmp_path, command=[sys.executable, "-c", code], memory_gb=memory_gb) as child:
        for _ in child.watch():
            pass
        return child.ending()


@on_linux
@pytest.mark.parametrize("how", ["itself", "by its child"])
def test_a_training_that_takes_more_than_its_memory_fails_and_says_so(tmp_path, how):
    waits = "import time; time.sleep(1000)"
    takes = f"{TAKES_300_MB}; {waits}"
    code = takes if how == "itself" else ITS_CHILD_TAKES_300_MB.format(waits)

    ending = ending_of(tmp_path, code, 0.2)

    assert isinstance(ending, Failure)
    assert ending.message.startswith("The training took more memory than its limit of 0.2 GB allows; it held 0.")
    assert "resources.memory_gb" in ending.hint


@on_linux
def test_a_limit_stays_exceeded_while_what_exceeded_it_is_being_killed():
    limit = MemoryLimit(0.1)
    code = f"{TAKES_300_MB}; print('has it', flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert limit.is_exceeded_by(child.pid)
        child.kill()

    assert limit.is_exceeded_by(child.pid)
    assert "it held 0.3" in limit.failure("").message


@on_linux
def test_pages_of_files_and_what_is_only_reserved_do_not_count(tmp_path):
    (tmp_path / "weights").write_bytes(bytes(300 * 2**20))
    maps = """import mmap, time
file = open('weights', 'rb')
weights = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ); sum(weights[::4096])
reserved = mmap.mmap(-1, 2**33)
time.sleep(1.5)
"""
    assert isinstance(ending_of(tmp_path, maps + FINISHED, 0.2), Finished)


def home_of_cgroups() -> Path | None:
    """Where this machine lets us make some: the worker's own delegated one, or anywhere."""
    if own := cgroups.home("") or cgroups.own_group():
        group = own / f"deepext-try-{os.getpid()}"
        try:
            group.mkdir()
            group.rmdir()
        except OSError:
            return None
        return own if (own / "cgroup.procs").exists() else None
    return None


HOME = home_of_cgroups()
with_cgroups = pytest.mark.skipif(HOME is None, reason="this machine lets us make no cgroup (version 2)")


@pytest.fixture
def home() -> Iterator[Path]:
    assert HOME
    group = HOME / f"tests-{uuid4().hex[:8]}"
    group.mkdir()
    yield group
    for folder in (*group.glob("deepext-*"), group):
        assert wait_for(lambda folder=folder: not (folder / "cgroup.procs").read_text())
        folder.rmdir()


LEAVES_THE_GROUP = """
import subprocess
run.note(str(subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True, env={}).pid))
"""


@with_cgroups
@pytest.mark.parametrize("ends", ["by itself", "killed"])
def test_nothing_outlives_a_training_that_lives_in_a_cgroup(tmp_path, home, ends):
    """Not even what leaves its session and clears its environment, which no other way finds."""
    body = LEAVES_THE_GROUP + ("time.sleep(1000)" if ends == "killed" else SUCCEEDS)
    with Supervisor(own_run(tmp_path, body), cgroups_in=home) as child:
        for batch in child.watch():
            for event in batch.events:
                if isinstance(event, Note):
                    stray = int(event.text)
                    if ends == "killed":
                        child.kill()

    assert wait_for(lambda: has_gone(stray))
    assert list(home.glob("deepext-*")) == []


@with_cgroups
def test_a_keeper_ends_the_whole_cgroup_when_the_supervisor_is_lost(tmp_path, home):
    run_dir = own_run(tmp_path, LEAVES_THE_GROUP + "time.sleep(1000)")
    group = home / "deepext-lost"
    group.mkdir()
    child = subprocess.Popen(
        child_process.command("run", run_dir),
        cwd=child_process.ROOT,
        env=child_process.environment() | {"DEEPEXT_RUN_CGROUP": str(group)},
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    note = wait_for(lambda: (run_dir / "events.jsonl").exists() and (run_dir / "events.jsonl").read_text())
    stray = int(json.loads(note.splitlines()[0])["text"])

    child.stdin.close()
    child.wait()

    assert wait_for(lambda: has_gone(stray))


@with_cgroups
def test_it_removes_what_a_killed_worker_left_and_nothing_that_is_yet_to_be_entered(home, tmp_path):
    left, begins = home / "deepext-of-a-killed-worker", home / "deepext-that-begins"
    for group in (left, begins):
        group.mkdir()
    an_hour_ago = time.time() - 3600
    os.utime(left, (an_hour_ago, an_hour_ago))

    made = Cgroup.make(home, tmp_path / "job" / "attempt-1", None)

    assert {group.name for group in home.glob("deepext-*")} == {begins.name, made.path.name}


def test_a_training_has_no_cgroup_where_none_can_be_made(tmp_path):
    assert Cgroup.make(tmp_path / "nowhere", tmp_path / "job" / "attempt-1", None) is None


def test_a_memory_limit_is_written_as_the_system_reads_it(tmp_path):
    """On a folder in place of a cgroup: this only shows what is written, not that the kernel obeys."""
    group = Cgroup.make(tmp_path, tmp_path / "job" / "attempt-1", MemoryLimit(1.5))
    written = {file.name: file.read_text() for file in group.path.iterdir()}

    assert written == {"memory.max": "1500000000", "memory.swap.max": "0", "memory.oom.group": "1"}
    (group.path / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    assert group.ran_out_of_memory()


def test_it_uses_no_cgroup_that_was_not_given_to_it(tmp_path):
    assert cgroups.home("off") is None
    assert cgroups.home(str(tmp_path)) == tmp_path
    assert not cgroups.is_delegated(tmp_path)
