"""A catalog while it is put together: what each trainer offers, and whose a slug is where several want it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from training_methods import descriptions
from training_methods.trainers import DataFormat, MethodType
from training_methods.trainers.discovery import Broken, Description, Offer
from training_methods.trainers.parameters import Parameter

BUILT_IN, FOLDER, PACKAGE = "built-in", "trainers folder", "installed package"


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
                self.refuse(Broken(file=f"{entry.name} = {entry.value}", reason=belongs(offer.slug, whose(first))))
            else:
                self.found[offer.slug] = info(offer, PACKAGE, package)

    def add_own(self, files: list[tuple[Path, Description]]) -> None:
        """A file takes another trainer's place by its name alone, so what is named like its slug comes first."""
        for file, description in files:
            for one in description.broken:
                self.refuse(one, named_like(file))
        offers = [(file, offer) for file, description in files for offer in description.trainers]
        for file, offer in sorted(offers, key=lambda given: given[1].slug not in named_like(given[0])):
            self.add_offer(file, offer)

    def add_offer(self, file: Path, offer: Offer) -> None:
        if owner := self.owner_of(offer.slug, file):
            self.refuse(Broken(file=str(file), reason=belongs(offer.slug, owner)), named_like(file) - {*self.own})
        else:
            given = info(offer, FOLDER, offer.version or offer.code_hash[:8])
            self.own[offer.slug] = given.model_copy(update={"file": file})

    def owner_of(self, slug: str, file: Path) -> str:
        """Whose slug it is, for a file that cannot have it."""
        if (first := self.own.get(slug)) and first.file:
            return first.file.name
        if slug in self.found and slug not in named_like(file):
            return whose(self.found[slug])
        return ""

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


def whose(trainer: TrainerInfo) -> str:
    return "a built-in trainer" if trainer.source == BUILT_IN else trainer.version


def belongs(slug: str, whose: str) -> str:
    return f"The slug “{slug}” belongs to {whose} already."


def named_like(file: Path) -> set[str]:
    """The slugs that somebody who names a file like this may mean: prompt_tuning.py is for prompt-tuning."""
    return {file.stem, file.stem.replace("_", "-")}


def info(offer: Offer, source: str, version: str) -> TrainerInfo:
    return TrainerInfo(**offer.model_dump(exclude={"version"}), source=source, file=None, version=version)


@cache
def own_version() -> str:
    try:
        return version("deepextension")
    except ImportError:  # run from a checkout, as the README does
        return descriptions.package_hash()[:8]
