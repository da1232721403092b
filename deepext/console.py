"""The console on one machine: what has to be there before it starts, and the processes it is made of."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from django.conf import settings
from django.core.management import call_command

LEAVING = 30  # seconds for a process to end in once nothing keeps it any more


def prepare() -> None:
    """Bring the database up to date, the built-in methods in, and the static files where the web server reads them."""
    call_command("migrate", verbosity=0)
    call_command("seed_methods", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until_it_answers(port: int, process: subprocess.Popen[bytes]) -> None:
    """Returns when the web process accepts connections, or has ended instead."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return


def web_command(host: str, port: int) -> list[str]:
    if sys.platform == "win32":  # gunicorn needs a Unix
        return [sys.executable, "manage.py", "runserver", "--noreload", f"{host}:{port}"]
    return [
        *(sys.executable, "-m", "gunicorn", "deepext.wsgi", "--bind", f"{host}:{port}"),
        *("--worker-class", "gthread", "--workers", "2", "--threads", "4", "--log-level", "warning"),
    ]


def worker_command() -> list[str]:
    return [sys.executable, "manage.py", "run_worker"]


@contextmanager
def started(
    *commands: list[str], output: IO[bytes] | None = None, **variables: str
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that run while the block does, out of reach of the terminal's Ctrl-C: it is for us to stop them.

    What they print goes to `output`, or to the terminal. `variables` are added to their environment.
    """
    environment = os.environ | variables
    processes = [
        subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=environment, start_new_session=True, stdout=output, stderr=output
        )
        for command in commands
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            wait_or_kill(process)


def wait_or_kill(process: subprocess.Popen[bytes]) -> None:
    """Not before a worker's trainings had half a lease to save a checkpoint in."""
    try:
        process.wait(settings.LEASE_SECONDS / 2 + LEAVING)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for_any(processes: list[subprocess.Popen[bytes]]) -> subprocess.Popen[bytes] | None:
    """Waits until one of the processes has ended (it is returned), or Ctrl-C or SIGTERM asks to stop (None)."""
    asked = threading.Event()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, lambda *_: asked.set())
    while not asked.wait(0.5):
        for process in processes:
            if process.poll() is not None:
                return process
    return None
