"""The registered trainers: what each offers, read without importing a line of a user's code.

A file of the trainers folder is described by a child process with a time-out, and the description kept by the file's
hash. What does not load is listed with its reason and takes nothing else down.
"""

import hashlib
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points, version
from pathlib import Path

from django.conf import settings
from pydantic import BaseModel, ConfigDict

from training_methods.trainers import DataFormat, MethodType, discovery
from training_methods.trainers.discovery import Broken, Description, Offer
from training_methods.trainers.parameters import Parameter

TIME_OUT = 10  # seconds
READ_BROKEN_AGAIN = 60  # seconds: what a file failed to import may be installed by then
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
    reasons = [broken.reason for broken in catalog.broken if Path(broken.file).stem == slug]
    raise UnknownTrainer(f"The trainer “{slug}” " + (f"does not load: {reasons[0]}" if reasons else "is not here."))


def current() -> Catalog:
    """As the files are now. Reading them again costs a `stat` each as long as none has changed."""
    files = [file for file in sorted(settings.TRAINERS_DIR.glob("*.py")) if not file.name.startswith("_")]
    signature = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
    if _memory.signature != signature or time.monotonic() > _memory.read_again_at:
        _memory.keep(signature, read(files))
    return _memory.catalog


class Memory:
    """The catalog this process read last."""

    def __init__(self) -> None:
        self.signature: object = None
        self.read_again_at = 0.0
        self.catalog = Catalog()

    def keep(self, signature: object, catalog: Catalog) -> None:
        wait = READ_BROKEN_AGAIN if catalog.broken else float("inf")
        self.signature, self.catalog, self.read_again_at = signature, catalog, time.monotonic() + wait


_memory = Memory()


def read(files: list[Path]) -> Catalog:
    """Built-in trainers, then those of installed packages, then the site's own, which take another's place by name."""
    found = {offer.slug: info(offer, "built-in") for offer in built_in().trainers}
    installed = describe_installed()
    found |= {offer.slug: info(offer, "installed package") for offer in installed.trainers}
    bad = [*built_in().broken, *installed.broken]
    own: dict[str, TrainerInfo] = {}
    for file in files:
        description = describe(file)
        bad += description.broken
        for offer in description.trainers:
            if first := own.get(offer.slug):
                bad.append(Broken(file=str(file), reason=f"The trainer “{offer.slug}” is in {first.file} already."))
            else:
                own[offer.slug] = info(offer, "trainers folder", file)
    listed = [BrokenTrainer(file=one.file, line=one.line, reason=one.reason) for one in bad]
    return Catalog(trainers=found | own, broken=listed)


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
    """What a file offers, read by a child the first time that its content is seen."""
    try:
        digest = hashlib.sha256(file.read_bytes() + str(file).encode() + package_hash().encode()).hexdigest()
    except OSError as error:
        return Description(broken=[Broken(file=str(file), reason=f"It cannot be read: {error.strerror}.")])
    kept = settings.DATA_DIR / "cache" / "trainers" / f"{digest}.json"
    if kept.exists():
        return Description.model_validate_json(kept.read_bytes())
    description = in_child(str(file))
    if not description.broken:
        kept.parent.mkdir(parents=True, exist_ok=True)
        draft = kept.with_suffix(f".{time.monotonic_ns()}")
        draft.write_text(description.model_dump_json())
        draft.rename(kept)
    return description


def in_child(target: str) -> Description:
    command = [sys.executable, "-m", "training_methods.trainers", "describe", target]
    try:
        child = subprocess.run(
            command, cwd=PACKAGE.parent.parent, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIME_OUT
        )
    except subprocess.TimeoutExpired:
        return Description(broken=[Broken(file=target, reason=f"It takes longer than {TIME_OUT} s to load.")])
    if child.returncode == 0:
        return Description.model_validate_json(child.stdout)
    last = child.stderr.decode(errors="replace").strip().splitlines()[-1:]
    reason = f"Loading it ended the process with exit code {child.returncode}. {''.join(last)}".strip()
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
