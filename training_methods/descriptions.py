"""What a trainer's file offers: asked of a child process, and kept on disk by the file's content.

Whatever such a file does, it does there. A child has a process group of its own and a time-out.
"""

import hashlib
import logging
import os
import signal
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from django.conf import settings
from pydantic import ValidationError

from training_methods import child_process
from training_methods.trainers import discovery
from training_methods.trainers.discovery import Broken, Description

TIME_OUT = 10  # seconds
AT_ONCE = 4  # children, so that several files that never end to load cost their time-out about once
LARGEST = 2**20  # bytes
PACKAGE = Path(discovery.__file__).parent

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Question:
    """Something to describe. `key` changes whenever the answer may; without arguments for the child, it is known."""

    subject: str
    key: bytes = b""
    arguments: tuple[str, ...] = ()
    answer: Description | None = None

    @property
    def kept(self) -> Path:
        key = f"{packages_changed_at()}\0{package_hash()}\0{read_again_at()}\0{self.subject}\0".encode()
        return home() / f"{hashlib.sha256(key + self.key).hexdigest()}.json"


def of_file(file: Path, shared: bytes = b"") -> Question:
    """`shared` stands for the code that lies beside it and may be imported by it."""
    name = os.fsencode(file).decode(errors="replace")
    try:
        str(file).encode()
        content = content_of(file)
    except UnicodeEncodeError:
        return known_to_be_broken(name, "Its name is not UTF-8: rename it.")
    except OSError as error:
        return known_to_be_broken(name, f"It cannot be read: {error.strerror or error}.")
    return Question(name, shared + b"\0" + content, (str(file),))


def of_entry_point(entry: EntryPoint) -> Question:
    package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""
    return Question(f"{entry.name} = {entry.value}", package.encode(), ("--entry-point", entry.name, entry.value))


def known_to_be_broken(subject: str, reason: str) -> Question:
    return Question(subject, answer=Description(broken=[Broken(file=subject, reason=reason)]))


def content_of(file: Path) -> bytes:
    """Raises OSError for whatever is no file of code: a folder, a pipe that nobody writes to, a disk image."""
    if file.is_symlink() and not file.exists():
        raise OSError(f"it is a link to {file.readlink()}, which is not there")
    found = file.stat()
    if not S_ISREG(found.st_mode):
        raise OSError("it is a folder" if S_ISDIR(found.st_mode) else "it is not a file")
    if found.st_size > LARGEST:
        raise OSError(f"it has {found.st_size:,} bytes, and a trainer's file at most {LARGEST:,}")
    return file.read_bytes()


def answers(questions: Sequence[Question]) -> list[Description]:
    """One for each. A child is started only for what nobody has asked before, and by one process at a time."""
    found = [answered(question) for question in questions]
    if None not in found:
        return [one for one in found if one]
    with one_process_at_a_time(), ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(answer, questions))


def answered(question: Question) -> Description | None:
    """What is known already. A file that cannot be understood was cut short by a full disk: it does not count."""
    if question.answer:
        return question.answer
    with suppress(OSError, ValidationError):
        return Description.model_validate_json(question.kept.read_bytes())
    return None


def answer(question: Question) -> Description:
    if known := answered(question):
        return known
    description = in_child(question)
    try:
        keep(question.kept, description)
    except OSError as error:
        logger.warning("What %s offers cannot be kept, and is asked again next time: %s", question.subject, error)
    return description


def keep(path: Path, description: Description) -> None:
    """Write it whole: others may read it meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as draft:
        draft.write(description.model_dump_json())
    Path(draft.name).rename(path)


def in_child(question: Question) -> Description:
    """Described in a process of its own, in a group of its own: in the end all of it is gone."""
    with subprocess.Popen(
        child_process.command("describe", *question.arguments),
        cwd=child_process.ROOT,
        env=child_process.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as child:
        try:
            said, _ = child.communicate(timeout=TIME_OUT)
        except subprocess.TimeoutExpired:
            return broken(question, f"It takes longer than {TIME_OUT} s to load.")
        finally:
            with suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says so by refusing
                os.killpg(child.pid, signal.SIGKILL)
    if child.returncode:
        return broken(question, f"Loading it ends the process {by(child.returncode)}.")
    try:
        return Description.model_validate_json(said)
    except ValidationError:
        return broken(question, "Loading it ends the process before it could say what it offers.")


def broken(question: Question, reason: str) -> Description:
    return Description(broken=[Broken(file=question.subject, reason=reason)])


def by(code: int) -> str:
    return f"with exit code {code}" if code > 0 else f"by signal {-code} ({signal.strsignal(-code)})"


def read_again() -> None:
    """Forget what is kept: for what depends on more than the file, as a package it imports, or a busy machine."""
    mark().parent.mkdir(parents=True, exist_ok=True)
    mark().touch()


def changed_at() -> tuple[int, int]:
    """Changes when what is kept does not count any more."""
    return packages_changed_at(), read_again_at()


def packages_changed_at() -> int:
    """Changes when a package is installed or removed: a file that missed one is then worth another try."""
    return Path(packages()).stat().st_mtime_ns


@cache
def packages() -> str:
    """Asked for at every submission, and found out at the first: `sysconfig` takes a millisecond each time."""
    return sysconfig.get_path("purelib")


def read_again_at() -> int:
    return mark().stat().st_mtime_ns if mark().exists() else 0


def mark() -> Path:
    return home() / "read-again"


def home() -> Path:
    return settings.DATA_DIR / "cache" / "trainers"


@contextmanager
def one_process_at_a_time() -> Iterator[None]:
    """Two web processes that see the same new file start one child, and both read what it said."""
    home().mkdir(parents=True, exist_ok=True)
    with (home() / "lock").open("w") as lock:
        with suppress(ImportError):  # Windows has no such lock; two children for one file do no harm
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@cache
def package_hash() -> str:
    """Changes whenever the code changes that describes trainers."""
    files = sorted(filter(Path.is_file, PACKAGE.glob("*.py")))  # an editor's lock is a link that leads nowhere
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
