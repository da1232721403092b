"""The warm parent: a process that has imported the training stack, and forks a child for every run it is asked for.

Such a child is at its first step seconds before a process that has to import everything. The parent imports and does
nothing else: a library that has computed in parallel once has threads, which no child inherits and every child waits
for. Nothing here touches a graphics card either.

A client connects to the parent's socket and sends one packet: a `Request`, with two descriptors, the standard input
and the log. The child answers it with `Started`, the parent with `Ended`. A child stays the client's, and its process
id nobody else's, until the client closes the connection; what then is left of its process group is ended.
"""

import atexit
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel

from training_methods.trainers import lifeline, stage

# What recipes import. `transformers` and `trl` load most of theirs when a name is asked for.
LIBRARIES: dict[str, tuple[str, ...]] = {
    "torch": (),
    "transformers": ("AutoModelForCausalLM", "AutoModelForSequenceClassification", "AutoTokenizer", "Trainer"),
    "peft": (),
    "datasets": (),
    "accelerate": (),
    "trl": (
        "SFTTrainer",
        "DPOTrainer",
        "KTOTrainer",
        "GRPOTrainer",
        "RLOOTrainer",
        "RewardTrainer",
        "DistillationTrainer",
    ),
    "trl.experimental.cpo": ("CPOTrainer",),
    "trl.experimental.orpo": ("ORPOTrainer",),
}
LARGEST_REQUEST = 2**20  # bytes
QUEUE = 64  # clients that may wait for an answer


class Request(BaseModel):
    """A run folder, what a process started for it would have found, and the code it would have imported."""

    directory: Path
    working_directory: Path
    environment: dict[str, str]
    code: str


class Started(BaseModel):
    pid: int


class Ended(BaseModel):
    """`code` as in subprocess: an exit code, or a signal's number below zero."""

    code: int


@dataclass
class Child:
    pid: int
    pidfd: int
    connection: socket.socket
    has_ended: bool = False


def serve(path: Path, code: str) -> NoReturn:
    """Import the stack, listen at `path`, and fork until standard input is closed or the starter is gone.

    A byte on standard input means: take no more requests, and leave when the last child has.
    """
    lifeline.die_with_parent()
    stage.set_defaults()
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # who only looks for a graphics card leaves its driver alone
    before = dict(os.environ)
    import_libraries()
    if sys.modules["torch"].cuda.is_initialized():
        sys.exit("A library initialised CUDA when it was imported, and no child could use a graphics card any more.")
    added = {name: value for name, value in os.environ.items() if before.get(name) != value}
    gc.collect()
    gc.freeze()  # a collection in a child would touch, and so copy, every page of what was imported
    WarmParent(path, code, added).serve()


def import_libraries() -> None:
    for module, names in LIBRARIES.items():
        library = importlib.import_module(module)
        for name in names:
            getattr(library, name)


class WarmParent:
    """One thread that never waits for anybody. `added` is what importing the libraries put into the environment."""

    def __init__(self, path: Path, code: str, added: dict[str, str]) -> None:
        self.pid = os.getpid()
        self.code = code
        self.added = added
        self.children: list[Child] = []
        self.retires = False
        self.handlers: dict[int, Any] = {}
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        draft = path.with_suffix(f".{self.pid}")
        self.listener.bind(str(draft))
        self.listener.listen(QUEUE)
        draft.rename(path)
        self.listener.setblocking(False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ, self.accept)
        self.selector.register(0, selectors.EVENT_READ, self.hear)

    def serve(self) -> NoReturn:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # when all of a machine's processes are
            self.handlers[number] = signal.signal(number, signal.SIG_IGN)  # asked to end, the children save first
        print("ready", flush=True)
        while True:
            for key, _ in self.selector.select():
                if key.fd in self.selector.get_map():  # not closed by the one before
                    key.data()

    def hear(self) -> None:
        """From the one who started this process."""
        if not os.read(0, 4096):
            self.end()
        if not self.retires:
            self.retires = True
            self.selector.unregister(self.listener)
            self.listener.close()
        self.leave_if_idle()

    def leave_if_idle(self) -> None:
        if self.retires and not self.children:
            self.end()

    def end(self) -> NoReturn:
        for child in self.children:
            end_group(child)
        os._exit(0)

    def accept(self) -> None:
        with suppress(BlockingIOError):
            connection, _ = self.listener.accept()
            connection.setblocking(False)
            self.selector.register(connection, selectors.EVENT_READ, partial(self.take_request, connection))

    def take_request(self, connection: socket.socket) -> None:
        self.selector.unregister(connection)
        descriptors: list[int] = []
        try:
            packet, descriptors, *_ = socket.recv_fds(connection, LARGEST_REQUEST, 2)
            stdin, log = descriptors
            request = Request.model_validate_json(packet)
            if refusal := self.refusal(request, connection):
                raise ConnectionError(refusal)
            self.fork(request, connection, stdin, log)
        except (OSError, ValueError) as error:
            print(f"No child was forked: {error}", file=sys.stderr, flush=True)
            connection.close()
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def refusal(self, request: Request, connection: socket.socket) -> str:
        """Why there is no child for this request, or nothing."""
        if request.code != self.code:
            return "packages or trainers have changed since this process imported them."
        return "its client did not wait." if hung_up(connection) else ""

    def fork(self, request: Request, connection: socket.socket, stdin: int, log: int) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # one that comes early waits for the child's handler
        pid = os.fork()
        if pid == 0:
            run(lambda: self.become_child(request, connection, stdin, log), request.directory)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        child = Child(pid, os.pidfd_open(pid), connection)
        self.children.append(child)
        self.selector.register(child.pidfd, selectors.EVENT_READ, partial(self.tell_end, child))
        self.selector.register(connection, selectors.EVENT_READ, partial(self.let_go, child))

    def tell_end(self, child: Child) -> None:
        child.has_ended = True
        self.selector.unregister(child.pidfd)
        os.close(child.pidfd)
        result = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert result
        code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
        if child in self.children:
            with suppress(OSError):  # its client has just gone, which is heard next
                child.connection.send(Ended(code=code).model_dump_json().encode())
        else:
            os.waitpid(child.pid, 0)

    def let_go(self, child: Child) -> None:
        """The client has closed the connection."""
        self.selector.unregister(child.connection)
        child.connection.close()
        self.children.remove(child)
        end_group(child)
        if child.has_ended:
            os.waitpid(child.pid, 0)
        self.leave_if_idle()

    def become_child(self, request: Request, connection: socket.socket, stdin: int, log: int) -> None:
        """Leave nothing that a process started anew would not have."""
        os.setsid()
        lifeline.die_with_parent()
        if os.getppid() != self.pid:
            os._exit(137)
        for descriptor, place in ((stdin, 0), (log, 1), (log, 2)):
            os.dup2(descriptor, place)
        os.close(stdin)
        os.close(log)
        for key in list(self.selector.get_map().values()):
            if key.fd:
                os.close(key.fd)
        self.selector.close()
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        take_place(request, self.added)
        connection.send(Started(pid=os.getpid()).model_dump_json().encode())
        connection.close()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def hung_up(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False


def end_group(child: Child) -> None:
    if not child.has_ended:
        os.kill(child.pid, signal.SIGKILL)  # it may have no group yet
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def take_place(request: Request, added: dict[str, str]) -> None:
    """Folder, environment and random state as `python -m training_methods.trainers run` finds them."""
    os.chdir(request.working_directory)
    sys.path[0] = str(request.working_directory)
    sys.argv[1:] = ["run", str(request.directory)]
    os.environ.clear()
    os.environ.update(added | request.environment)
    importlib.invalidate_caches()
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed()


def run(become_child: Callable[[], None], directory: Path) -> NoReturn:
    """In the child. Ends as an interpreter does, but leaves its memory alone: most of it is shared with the parent."""
    code = 1
    try:
        become_child()
        code = stage.perform(directory)
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)
