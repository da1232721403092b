"""The registered trainers: what each offers, read without importing a line of a user's code.

A file of the trainers folder is described by a child process with a time-out, and the description kept by the file's
hash. What does not load is listed with its reason and takes nothing else down.
"""

import hashlib
import os
import signal
import subprocess
import sysconfig
import tempfile
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points, version
from pathlib import Path

from django.conf import settings
from pydantic import BaseModel, ConfigDict

from training_methods import child_process
from training_methods.trainers import DataFormat, MethodType, discovery
from training_methods.trainers.discovery import Broken, Description, Offer
from training_methods.trainers.parameters import Parameter

TIME_OUT = 10  # seconds
REWARDS = "rewards.py"  # in the trainers folder; it holds no trainer
PACKAGE = Path(discovery.__file__).parent


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
    version: str
    code_hash: str


class BrokenTrainer(BaseModel):
    """A file, or an installed package's entry point, that does not load."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Catalog:
    trainers: dict[str, TrainerInfo] = field(default_factory=dict)
    broken: list[BrokenTrainer] = field(default_factory=list)


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
        if Path(one.file).stem == slug:
            line = f", line {one.line}" if one.line else ""
            return f"does not load: {Path(one.file).name}{line}: {one.reason}"
    return "is not here."


def current() -> Catalog:
    """As the files are now. Asking again costs a `stat` each as long as none has changed."""
    files = [file for file in sorted(settings.TRAINERS_DIR.glob("*.py")) if is_trainer(file)]
    signature = (packages_changed_at(), *((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files))
    if _memory.signature != signature:
        _memory.signature, _memory.catalog = signature, read(files)
    return _memory.catalog


def is_trainer(file: Path) -> bool:
    return not file.name.startswith("_") and file.name != REWARDS


def rewards_file() -> Path | None:
    """The site's own reward functions. Only a child process reads them."""
    file = settings.TRAINERS_DIR / REWARDS
    return file if file.is_file() else None


@dataclass
class Memory:
    """The catalog this process read last, and what it was read from."""

    signature: object = None
    catalog: Catalog = field(default_factory=Catalog)


_memory = Memory()


def packages_changed_at() -> int:
    """Changes when a package is installed or removed: a file that missed one is then worth another try."""
    return Path(sysconfig.get_path("purelib")).stat().st_mtime_ns


def read(files: list[Path]) -> Catalog:
    """Built-in trainers, then those of installed packages, then the site's own, which take another's place by name."""
    described = [(file, describe(file)) for file in files]
    installed = describe_installed()
    found = {offer.slug: info(offer, "built-in") for offer in built_in().trainers}
    found |= {offer.slug: info(offer, "installed package") for offer in installed.trainers}
    own, twice = in_folder(described)
    bad = [*built_in().broken, *installed.broken, *(one for _, found in described for one in found.broken), *twice]
    for one in bad:  # nobody who wrote a custom01.py wants the built-in one to run because of a slip in it
        found.pop(Path(one.file).stem, None)
    return Catalog(trainers=found | own, broken=[BrokenTrainer(**one.model_dump()) for one in bad])


def in_folder(described: list[tuple[Path, Description]]) -> tuple[dict[str, TrainerInfo], list[Broken]]:
    """The site's own trainers by slug, and those whose slug another file has already."""
    own: dict[str, TrainerInfo] = {}
    twice = []
    for file, description in described:
        for offer in description.trainers:
            if first := own.get(offer.slug):
                reason = (
                    f"The slug “{offer.slug}” belongs to {first.file.name if first.file else first.source} already."
                )
                twice.append(Broken(file=str(file), reason=reason))
            else:
                own[offer.slug] = info(offer, "trainers folder", file)
    return own, twice


def info(offer: Offer, source: str, file: Path | None = None) -> TrainerInfo:
    code_hash = hashlib.sha256(Path(offer.origin).read_bytes()).hexdigest()
    return TrainerInfo(
        **offer.model_dump(exclude={"origin"}),
        source=source,
        file=file,
        version=own_version() if source == "built-in" else code_hash[:8],
        code_hash=code_hash,
    )


@cache
def built_in() -> Description:
    """Our own, and light to import: no child is needed."""
    return discovery.describe_built_in()


@cache
def describe_installed() -> Description:
    """A process sees packages as they were when it started."""
    return in_child("--installed") if entry_points(group=discovery.ENTRY_POINTS) else Description()


def describe(file: Path) -> Description:
    """What a file offers, or why it does not load: read by a child the first time that its content is seen."""
    try:
        content = file.read_bytes()
    except OSError as error:
        return Description(broken=[Broken(file=str(file), reason=f"It cannot be read: {error.strerror}.")])
    seen_as = f"{file}\0{packages_changed_at()}\0{package_hash()}\0".encode()
    kept = settings.DATA_DIR / "cache" / "trainers" / f"{hashlib.sha256(seen_as + content).hexdigest()}.json"
    if not kept.exists():
        keep(kept, in_child(str(file)))
    return Description.model_validate_json(kept.read_bytes())


def keep(path: Path, description: Description) -> None:
    """Write it whole: two processes may do so at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as draft:
        draft.write(description.model_dump_json())
    Path(draft.name).rename(path)


def in_child(target: str) -> Description:
    """Describe a file in a process of its own, in a group of its own: all of it ends when the time is up."""
    with subprocess.Popen(
        child_process.command("describe", target),
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
            os.killpg(child.pid, signal.SIGKILL)
            return Description(broken=[Broken(file=target, reason=f"It takes longer than {TIME_OUT} s to load.")])
    if child.returncode == 0 and said:
        return Description.model_validate_json(said)
    reason = f"Loading it ends the process with exit code {child.returncode}."
    return Description(broken=[Broken(file=target, reason=reason)])


@cache
def package_hash() -> str:
    """Changes whenever the code changes that describes trainers."""
    files = sorted(PACKAGE.glob("*.py"))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@cache
def own_version() -> str:
    try:
        return version("deepextension")
    except ImportError:  # run from a checkout, as the README does
        return package_hash()[:8]
