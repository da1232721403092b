"""A pool is forked while no other thread of its worker is in the database."""

import os
import time
from threading import Event, Thread

import pytest
from django.db import connection

from training_jobs.forking import ForkGuard

pytestmark = pytest.mark.django_db(transaction=True)


def in_child(tell) -> bytes:
    reading, writing = os.pipe()
    if (pid := os.fork()) == 0:
        os.write(writing, tell())
        os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with os.fdopen(reading, "rb") as pipe:
        return pipe.read()


def test_a_fork_waits_until_nobody_is_in_the_database():
    guard, is_in, steps = ForkGuard(), Event(), []

    def work() -> None:
        with guard:
            connection.ensure_connection()
            is_in.set()
            time.sleep(0.3)
            steps.append(b"out")

    thread = Thread(target=work)
    thread.start()
    is_in.wait()

    assert in_child(lambda: b"".join(steps)) == b"out"
    thread.join()


def test_whoever_leaves_has_no_connection_and_parent_and_child_may_enter_anew():
    guard = ForkGuard()
    with guard:
        connection.ensure_connection()
    assert connection.connection is None

    def enter() -> bytes:
        with guard:
            return b"entered"

    assert in_child(enter) == enter() == b"entered"
