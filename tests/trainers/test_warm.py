"""Children of the warm parent beside processes of their own: the same runs, sooner."""

import json
import os
import signal
import socket

import pytest

from tests.trainers.child import SOON, a_warm_parent, is_gone, wait_for, warm_parent
from training_methods.trainers.events import Note
from training_methods.warm_parent import NotForked

SITUATION = """
import atexit, json, os, random, signal, sys, tempfile, threading
from training_methods.trainers import base, keeper, warm

first_random = random.random()

def situation():
    return {
        "environment": {name: value for name, value in sorted(os.environ.items()) if name != keeper.MARK},
        "folder": os.getcwd(),
        "path": sys.path,
        "arguments": sys.argv[1:-1],
        "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE)],
        "blocked": [str(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])],
        "leads": os.getpid() == os.getpgrp() == os.getsid(0),
        "registered": [trainer.__name__ for trainer in base.REGISTERED],
        "random": first_random,
        "threads": [thread.name for thread in threading.enumerate()],
        "descriptors": sorted(os.listdir("/proc/self/fd"))[:3],
        "sockets": [fd for fd in os.listdir("/proc/self/fd") if "socket" in target(fd)],
    }

def target(descriptor):
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return ""
"""
LASTING = "run.note(str(os.getpid())); import time; time.sleep(1000)"
GRANDCHILD = "import subprocess; run.note(str(subprocess.Popen(['sleep', '1000']).pid)); import time; time.sleep(1000)"

LEAVES_A_FORK = """
        import time
        if pid := os.fork():
            return run.note(str(pid))
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.setsid()
        time.sleep(1000)"""


@pytest.fixture
def lasting_run(run_folder, own_trainer):
    return run_folder("mine", trainer_file=own_trainer(LASTING, before="import os"))


def noted(run) -> int:
    wait_for(lambda: run.events(Note))
    return int(run.events(Note)[0].text)


@pytest.mark.parametrize("threads", [1, 2])
def test_it_trains_bit_for_bit_what_a_fresh_process_trains(run_folder, threads):
    parameters = {"dropout": 0.1, "learning_rate": 0.01, "epochs": 2}
    forked, fresh = (run_folder("lora", parameters, threads=threads) for _ in range(2))

    assert forked.perform() == 0, forked.log
    assert fresh.perform(afresh=True) == 0, fresh.log

    assert forked.losses() == fresh.losses()
    assert (forked.output / "adapter_model.safetensors").read_bytes() == (
        fresh.output / "adapter_model.safetensors"
    ).read_bytes()


def test_a_child_finds_itself_where_a_fresh_process_does(run_folder, own_trainer, monkeypatch):
    monkeypatch.setenv("OF_THE_MOMENT", "yes")
    file = own_trainer("warm.import_libraries(); run.note(json.dumps(situation()))", before=SITUATION)
    forked, fresh = (run_folder("mine", trainer_file=file) for _ in range(2))

    forked.perform()
    fresh.perform(afresh=True)

    found, expected = (json.loads(run.events(Note)[0].text) for run in (forked, fresh))
    assert found == expected
    assert found["environment"]["OF_THE_MOMENT"] == "yes"


def test_it_reads_a_trainers_file_anew_each_time(run_folder, own_trainer):
    texts = []
    for text in ("before", "after"):
        run = run_folder("mine", trainer_file=own_trainer(f"run.note({text!r})"))
        run.perform()
        texts += [event.text for event in run.events(Note)]

    assert texts == ["before", "after"]


def test_two_children_have_random_states_of_their_own(run_folder, own_trainer):
    file = own_trainer("import numpy; run.note(str(numpy.random.random()))")
    runs = [run_folder("mine", trainer_file=file) for _ in range(2)]

    for run in runs:
        run.perform()

    assert runs[0].events(Note)[0].text != runs[1].events(Note)[0].text


def test_it_ends_as_a_process_does(run_folder, own_trainer):
    ending = "import atexit; atexit.register(print, 'last words'); print('to the end' * 10_000)"
    run = run_folder("mine", trainer_file=own_trainer(ending))

    assert run.perform() == 1

    assert "to the end" * 10_000 in run.log
    assert run.log.endswith("last words\n")


def test_it_tells_which_signal_ended_a_child(run_folder, own_trainer):
    run = run_folder("mine", trainer_file=own_trainer("import os; os.kill(os.getpid(), 11)"))

    assert run.perform() == -signal.SIGSEGV


def test_several_children_run_at_once_beside_a_client_that_says_nothing(run_folder, own_trainer):
    files = [own_trainer(LASTING, before="import os") for _ in range(2)]
    first, second = (run_folder("mine", trainer_file=file) for file in files)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
        silent.connect(str(warm_parent().path))

        with first.forked() as one, second.forked() as other:
            assert {noted(first), noted(second)} == {one.pid, other.pid}

    wait_for(lambda: is_gone(one.pid) and is_gone(other.pid))


def test_a_child_and_what_it_started_end_with_their_client(run_folder, own_trainer):
    run = run_folder("mine", trainer_file=own_trainer(GRANDCHILD))
    with run.forked() as child:
        grandchild = noted(run)

    wait_for(lambda: is_gone(child.pid) and is_gone(grandchild))


@pytest.mark.parametrize("start", ["started", "forked"])
def test_a_fork_that_has_left_its_session_ends_with_its_run(run_folder, own_trainer, start):
    run = run_folder("mine", trainer_file=own_trainer(LEAVES_A_FORK, before="import os, signal"))
    with getattr(run, start)() as child:
        child.wait(SOON)

        wait_for(lambda: is_gone(noted(run)))


def test_a_child_ends_with_its_lifeline(lasting_run):
    with lasting_run.forked() as child:
        noted(lasting_run)

        child.stdin.close()

        assert child.wait(SOON) == -signal.SIGKILL


def test_a_childs_id_stays_its_own_until_the_client_lets_go(run_folder, own_trainer):
    run = run_folder("mine", trainer_file=own_trainer("raise SystemExit"))
    with run.forked() as child:
        child.wait(SOON)
        os.kill(child.pid, 0)

    wait_for(lambda: is_gone(child.pid))


def test_children_die_with_the_warm_parent_and_their_clients_hear_of_it(lasting_run):
    with a_warm_parent() as parent, lasting_run.forked(parent) as child:
        noted(lasting_run)

        parent.process.kill()
        child.wait(SOON)

        assert child.orphaned
        assert is_gone(child.pid)


def test_a_child_that_ends_beside_a_frozen_warm_parent_is_not_waited_for(lasting_run):
    with a_warm_parent() as parent, lasting_run.forked(parent) as child:
        noted(lasting_run)

        parent.process.send_signal(signal.SIGSTOP)
        child.kill()
        child.wait(SOON)
        parent.process.send_signal(signal.SIGCONT)

        assert child.orphaned


def test_one_that_retires_leaves_with_its_last_child(lasting_run, run_folder):
    with a_warm_parent() as parent:
        with lasting_run.forked(parent):
            noted(lasting_run)
            parent.retire()

            with pytest.raises(NotForked), run_folder("sft").forked(parent):
                pass
            assert parent.process.poll() is None

        assert parent.process.wait(SOON) == 0


def test_it_forks_nothing_from_code_that_has_changed(run_folder):
    with a_warm_parent() as parent:
        parent.code = "changed"

        with pytest.raises(NotForked), run_folder("sft").forked(parent):
            pass
