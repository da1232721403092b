"""The registered trainers: what each offers, read without importing a line of a user's code.

What does not load is listed with its reason and takes nothing else down.
"""

import hashlib
import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points, version
from pathlib import Path

from django.conf import settings
from pydantic import BaseModel, ConfigDict

from training_methods import descriptions
from training_methods.trainers import DataFormat, MethodType, discovery
from training_methods.trainers.discovery import Broken, Description, Offer
from training_methods.trainers.parameters import Parameter

REWARDS = "rewards.py"  # in the trainers folder; it holds no trainer
BUILT_IN, FOLDER, PACKAGE = "built-in", "trainers folder", "installed package"


class UnknownTrainer(LookupError):
    """No trainer of this name loads here; the message says so, and why where that is known."""


class TrainerInfo(BaseModel):
    """A trainer that can run."""

    model_config = ConfigDict(frozen=True)

    slug: str
    label: str
    doc: str
    method_type: MethodType
    data_formats: tuple[DataFormat, ...]
    parameters: list[Parameter]
    is_script: bool
    source: str
    """Where it comes from: built-in, trainers folder, or installed package."""
    file: Path | None
    """For a file of the trainers folder: what a run has to load."""
    origin: str = ""
    """The file that its code stands in, wherever it comes from."""
    takes_place_of: str = ""
    """The source of the trainer of the same slug that is not run because of this one."""
    version: str
    code_hash: str


class BrokenTrainer(BaseModel):
    """A file, or an installed package's entry point, that does not load."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int | None
    reason: str
    slugs: frozenset[str]
    """The names by which a method may ask for it."""
    blocks: str = ""
    """The slug of the trainer that is not run because of it: nobody who wrote a custom01.py wants the built-in one."""

    @property
    def name(self) -> str:
        """The file without its folder."""
        return Path(self.file).name


@dataclass(frozen=True, kw_only=True)
class Catalog:
    trainers: dict[str, TrainerInfo] = field(default_factory=dict)
    broken: list[BrokenTrainer] = field(default_factory=list)
    is_being_read: bool = False
    """Something has changed, and somebody reads it just now: this is how it was before."""


def trainers() -> dict[str, TrainerInfo]:
    return current().trainers


def broken() -> list[BrokenTrainer]:
    return current().broken


def get(slug: str) -> TrainerInfo:
    catalog = current()
    if slug in catalog.trainers:
        return catalog.trainers[slug]
    raise UnknownTrainer(f"The trainer “{slug}” " + why_not(slug, catalog))


def why_not(slug: str, catalog: Catalog) -> str:
    for one in catalog.broken:
        if slug in one.slugs:
            line = f", line {one.line}" if one.line else ""
            return f"does not load: {one.name}{line}: {one.reason}"
    if others := [one.slug for one in catalog.trainers.values() if one.file and slug in named_like(one.file)]:
        return f"is not here; the file of that name registers {', '.join(others)}."
    return "is not here."


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
    for file, description in zip(folder.files, answers[len(entries) :], strict=True):
        shelf.add_own(file, description)
    if folder.problem:
        shelf.refuse(Broken(file=str(settings.TRAINERS_DIR), reason=folder.problem))
    return shelf.catalog()


class Shelf:
    """A catalog while it is put together."""

    def __init__(self) -> None:
        self.found: dict[str, TrainerInfo] = {}
        self.own: dict[str, TrainerInfo] = {}
        self.broken: list[BrokenTrainer] = []

    def add_built_in(self, description: Description) -> None:
        for offer in description.trainers:
            self.found[offer.slug] = info(offer, BUILT_IN, own_version())
        for one in description.broken:
            self.refuse(one, {Path(one.file).stem})

    def add_installed(self, entry: EntryPoint, description: Description) -> None:
        """A package cannot take the place of another trainer; whoever wants that says so in the trainers folder."""
        package = f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""
        for one in description.broken:
            self.refuse(one, {entry.name} - {*self.found})
        for offer in description.trainers:
            if first := self.found.get(offer.slug):
                whose = "a built-in trainer" if first.source == BUILT_IN else first.version
                self.refuse(Broken(file=f"{entry.name} = {entry.value}", reason=belongs(offer.slug, whose)))
            else:
                self.found[offer.slug] = info(offer, PACKAGE, package)

    def add_own(self, file: Path, description: Description) -> None:
        for one in description.broken:
            self.refuse(one, named_like(file))
        for offer in description.trainers:
            if first := self.own.get(offer.slug):
                whose = first.file.name if first.file else first.source
                self.refuse(Broken(file=str(file), reason=belongs(offer.slug, whose)), named_like(file) - {*self.own})
            else:
                given = info(offer, FOLDER, offer.version or offer.code_hash[:8])
                self.own[offer.slug] = given.model_copy(update={"file": file})

    def refuse(self, one: Broken, slugs: Iterable[str] = ()) -> None:
        self.broken.append(BrokenTrainer(**one.model_dump(), slugs=frozenset(slugs)))

    def catalog(self) -> Catalog:
        blocked = {slug for one in self.broken for slug in one.slugs}
        others = {slug: one for slug, one in self.found.items() if slug not in blocked}
        own = {
            slug: one.model_copy(update={"takes_place_of": self.found[slug].source}) if slug in self.found else one
            for slug, one in self.own.items()
        }
        return Catalog(trainers=others | own, broken=[self.with_what_it_blocks(one) for one in self.broken])

    def with_what_it_blocks(self, one: BrokenTrainer) -> BrokenTrainer:
        blocked = next((slug for slug in one.slugs if slug in self.found and slug not in self.own), "")
        return one.model_copy(update={"blocks": blocked})


def belongs(slug: str, whose: str) -> str:
    return f"The slug “{slug}” belongs to {whose} already."


def named_like(file: Path) -> set[str]:
    """The slugs that somebody who names a file like this may mean: prompt_tuning.py is for prompt-tuning."""
    return {file.stem, file.stem.replace("_", "-")}


def info(offer: Offer, source: str, version: str) -> TrainerInfo:
    return TrainerInfo(**offer.model_dump(exclude={"version"}), source=source, file=None, version=version)


@cache
def built_in() -> Description:
    """Our own, and light to import: no child is needed."""
    return discovery.describe_built_in()


@cache
def own_version() -> str:
    try:
        return version("deepextension")
    except ImportError:  # run from a checkout, as the README does
        return descriptions.package_hash()[:8]
