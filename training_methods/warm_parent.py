"""The warm parent seen from outside: start it, ask it for a child, watch that child. See trainers/warm.py."""

import hashlib
import os
import select
import signal
import socket
import subprocess
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO

from training_methods import child_process, descriptions
from training_methods.trainers.warm import Ended, Request, Started

ANSWER = 20.0  # seconds a warm parent has for its answer, which takes it a few milliseconds
WORD = 5.0  # seconds it has to say how a child ended
SUPPORTED = hasattr(os, "pidfd_open")  # Linux; macOS has fork, but not after its own libraries were loaded


class NotForked(Exception):
    """There is no warm parent, or it does not answer: take a fresh process."""


class Forked:
    """A child of the warm parent, with what a supervisor asks of a `subprocess.Popen`.

    `orphaned` once the warm parent itself has died: the child was killed then, and how it ended is not known.
    """

    def __init__(self, pid: int, connection: socket.socket, lifeline: IO[bytes]) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)  # the child is not reaped before the connection is closed
        self.stdin = lifeline
        self.returncode: int | None = None
        self.orphaned = False
        self._connection = connection

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, or a signal's number below zero. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            if not (ready := readable(timeout, self._connection.fileno(), self.pidfd)):
                raise subprocess.TimeoutExpired(f"run {self.pid}", timeout or 0)
            if self._connection.fileno() in ready or readable(WORD, self._connection.fileno()):
                self._hear()
            else:  # the child has ended, and its parent does not say so: it is frozen
                self._be_orphaned()
        assert self.returncode is not None
        return self.returncode

    def _hear(self) -> None:
        try:
            packet = self._connection.recv(4096)
        except OSError:
            packet = b""
        if packet:
            self.returncode = Ended.model_validate_json(packet).code
        else:
            self._be_orphaned()

    def _be_orphaned(self) -> None:
        """The kernel kills the child when the parent dies; make sure that it has."""
        self.kill()
        readable(None, self.pidfd)
        self.orphaned = True
        self.returncode = -signal.SIGKILL

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def send_signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, number)

    def close(self) -> None:
        """Let go of the child, which must have ended, and of its process id."""
        self.stdin.close()
        self._connection.close()
        os.close(self.pidfd)


def readable(timeout: float | None, *descriptors: int) -> list[int]:
    """Which of them can be read within that many seconds; None waits for ever."""
    poller = select.poll()
    for descriptor in descriptors:
        poller.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poller.poll(None if timeout is None else timeout * 1000)]


class WarmParent:
    """The process, listening at `path` once it is ready. Its folder is for its owner alone."""

    def __init__(self, path: Path, environment: dict[str, str]) -> None:
        self.path = path
        self.code = code()
        self.process = subprocess.Popen(
            child_process.command("warm", path, self.code),
            cwd=child_process.ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )

    def wait_until_ready(self) -> bool:
        """False: it has ended instead."""
        assert self.process.stdout
        return bool(self.process.stdout.readline())

    def retire(self) -> None:
        """Have it leave when the children it has now have ended. Another may take its place at once."""
        self.path.unlink(missing_ok=True)
        assert self.process.stdin
        with suppress(BrokenPipeError):
            self.process.stdin.write(b"\n")
            self.process.stdin.flush()

    def end(self) -> None:
        """At once, and its children with it."""
        assert self.process.stdin
        assert self.process.stdout
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(WORD)
        except subprocess.TimeoutExpired:  # frozen, or another process has that pipe too: the kernel ends its children
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


def code() -> str:
    """Changes when a package is installed or removed, or a file of our trainers changes."""
    files = sorted(filter(Path.is_file, descriptions.PACKAGE.rglob("*.py")))
    seen = [descriptions.packages_changed_at(), *((str(file), file.stat().st_mtime_ns) for file in files)]
    return hashlib.sha256(repr(seen).encode()).hexdigest()


def fork(path: Path, request: Request, log: IO[bytes]) -> Forked:
    """A child of the warm parent that listens at `path`. Raises NotForked."""
    with ExitStack() as undo:
        connection = undo.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        connection.settimeout(ANSWER)
        read_end, write_end = os.pipe()
        lifeline = undo.enter_context(os.fdopen(write_end, "wb", buffering=0))
        try:
            connection.connect(str(path))
            socket.send_fds(connection, [request.model_dump_json().encode()], [read_end, log.fileno()])
            started = Started.model_validate_json(connection.recv(4096))
            child = Forked(started.pid, connection, lifeline)
        except (OSError, ValueError) as error:
            raise NotForked(f"The warm parent forked no child: {error}") from error
        finally:
            os.close(read_end)
        undo.pop_all()
    return child
