"""The registered trainers: what each offers, read without importing a line of a user's code.

What does not load is listed with its reason and takes nothing else down.
"""

import hashlib
import os
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from training_methods import descriptions, sentences
from training_methods.shelf import BUILT_IN as BUILT_IN
from training_methods.shelf import BrokenTrainer, Catalog, Shelf, TrainerInfo, named_like
from training_methods.trainers import discovery
from training_methods.trainers.discovery import Broken, Description

REWARDS = "rewards.py"  # in the trainers folder; it holds no trainer


class UnknownTrainer(LookupError):
    """No trainer of this name loads here; the message says so, and why where that is known."""


def trainers() -> dict[str, TrainerInfo]:
    return current().trainers


def broken() -> list[BrokenTrainer]:
    return current().broken


def get(slug: str) -> TrainerInfo:
    catalog = current()
    if slug in catalog.trainers:
        return catalog.trainers[slug]
    raise UnknownTrainer(why_not(slug, catalog))


def why_not(slug: str, catalog: Catalog) -> str:
    for one in catalog.broken:
        if slug in one.slugs:
            known = {"trainer": slug, "file": one.name, "line": one.line, "why": sentences.translated(one.reason)}
            if one.line:
                return _("The trainer “%(trainer)s” does not load: %(file)s, line %(line)d: %(why)s") % known
            return _("The trainer “%(trainer)s” does not load: %(file)s: %(why)s") % known
    if others := [one.slug for one in catalog.trainers.values() if one.file and slug in named_like(one.file)]:
        sentence = _("The trainer “%(trainer)s” is not here; the file of that name registers %(others)s.")
        return sentence % {"trainer": slug, "others": ", ".join(others)}
    return _("The trainer “%(trainer)s” is not here.") % {"trainer": slug}


@dataclass
class Memory:
    """The catalog this process read last, with what it was read from; and who may read it anew, one thread at a time.

    The two are replaced as one, so that no thread sees half of it.
    """

    last: tuple[object, Catalog] | None = None
    reading: threading.Lock = field(default_factory=threading.Lock)


_memory = Memory()


def current() -> Catalog:
    """As the files are now. Asking again costs a `stat` each as long as none has changed.

    While one thread reads what has changed, which may take as long as a file that never ends to load, the others get
    the catalog as it was before, so that they go on answering.
    """
    memory, folder = _memory, Folder.now()
    if memory.last and memory.last[0] == folder.signature:
        return memory.last[1]
    if not memory.reading.acquire(blocking=memory.last is None):
        assert memory.last
        return replace(memory.last[1], is_being_read=True)
    try:
        if memory.last is None or memory.last[0] != folder.signature:
            memory.last = (folder.signature, read(folder))
        return memory.last[1]
    finally:
        memory.reading.release()


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The trainers folder as it was seen at one moment."""

    files: list[Path]
    shared: list[Path]
    """Code that the files may import: whatever begins with an underscore."""
    problem: str = ""
    signature: object = None

    @classmethod
    def now(cls) -> "Folder":
        files, problem = listed(settings.TRAINERS_DIR)
        trainers = [file for file in files if is_trainer(file)]
        shared = [inner for file in files if file.name.startswith("_") for inner in code_in(file)]
        seen = tuple((file, state_of(file)) for file in (*trainers, *shared))
        return cls(files=trainers, shared=shared, problem=problem, signature=(seen, problem, descriptions.changed_at()))

    def shared_hash(self) -> bytes:
        contents = hashlib.sha256()
        for file in self.shared:
            with suppress(OSError):  # gone by now: the next look sees that
                contents.update(os.fsencode(file) + file.read_bytes())
        return contents.digest()


def listed(folder: Path) -> tuple[list[Path], str]:
    """What lies in the folder, and what is wrong with it. One that is not there yet is simply empty."""
    try:
        return sorted(folder.iterdir()), ""
    except FileNotFoundError:
        return [], ""
    except OSError as error:
        return [], f"The trainers folder cannot be read: {error.strerror}."


def is_trainer(file: Path) -> bool:
    return file.suffix == ".py" and not file.name.startswith((".", "_")) and file.name != REWARDS


def code_in(path: Path) -> list[Path]:
    """The Python files of a package, or the file itself."""
    with suppress(OSError):
        found = path.rglob("*.py") if path.is_dir() and path.name != "__pycache__" else [path]
        return sorted(file for file in found if file.suffix == ".py" and file.is_file())
    return []


def state_of(file: Path) -> tuple[int, ...] | None:
    """Changes with the file. None: it is gone by now, or a link that leads nowhere."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def rewards_file() -> Path | None:
    """The site's own reward functions. Only a child process reads them."""
    file = settings.TRAINERS_DIR / REWARDS
    with suppress(OSError):  # the folder cannot be read, and the catalog says so
        return file if file.is_file() else None
    return None


def read(folder: Folder) -> Catalog:
    """Built-in trainers, then those of installed packages, then the site's own, which take another's place by name."""
    entries = list(entry_points(group=discovery.ENTRY_POINTS))
    shared = folder.shared_hash()
    questions = [descriptions.of_entry_point(entry) for entry in entries]
    questions += [descriptions.of_file(file, shared) for file in folder.files]
    answers = descriptions.answers(questions)
    shelf = Shelf()
    shelf.add_built_in(built_in())
    for entry, description in zip(entries, answers, strict=False):
        shelf.add_installed(entry, description)
    shelf.add_own([*zip(folder.files, answers[len(entries) :], strict=True)])
    if folder.problem:
        shelf.refuse(Broken(file=str(settings.TRAINERS_DIR), reason=folder.problem))
    return shelf.catalog()


@cache
def built_in() -> Description:
    """Our own, and light to import: no child is needed."""
    return discovery.describe_built_in()
