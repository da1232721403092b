"""Finds trainers in this package, in installed ones and in single files, and describes what they offer."""

import ast
import hashlib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel, ConfigDict, ValidationError

from training_methods.trainers import base, own, script
from training_methods.trainers.base import DataFormat, MethodType, Trainer, TrainingError
from training_methods.trainers.events import Text
from training_methods.trainers.parameters import Parameter, parameters_of

BUILT_IN = (
    "sft",
    "lora",
    "ia3",
    "prompt-tuning",
    "dpo",
    "kto",
    "orpo",
    "cpo",
    "reward",
    "distillation",
    "grpo",
    "rloo",
    "ppo",
    "custom01",
    "custom02",
)
ENTRY_POINTS = "deepext.trainers"
REGISTER_IN = (__package__, base.__name__)
LONGEST_REASON = 1000


class Offer(BaseModel):
    """What a trainer offers, in data."""

    model_config = ConfigDict(frozen=True)

    slug: str
    label: str
    doc: str
    method_type: MethodType
    data_formats: tuple[DataFormat, ...]
    parameters: list[Parameter]
    is_script: bool = False
    version: str = ""
    """What the class says of itself, if it does."""
    origin: str
    """The file it was read from."""
    code_hash: str
    """SHA-256 of that file."""


class Broken(BaseModel):
    """A file, or an installed package's entry point, that offers nothing because it does not load."""

    model_config = ConfigDict(frozen=True)

    file: Text
    line: int | None = None
    reason: Text


class Description(BaseModel):
    """What `describe` prints."""

    trainers: list[Offer] = []
    broken: list[Broken] = []


def load_trainer(slug: str, file: Path | None = None) -> type[Trainer]:
    """The trainer of that slug in `file`, or among the built-in and installed ones. Raises what its import raises."""
    for trainer in trainers_in_file(file) if file else named_trainers(slug):
        if trainer.slug == slug:
            return trainer
    raise TrainingError(f"There is no trainer “{slug}”" + (f" in {file}." if file else " here."))


def named_trainers(slug: str) -> list[type[Trainer]]:
    if slug in BUILT_IN:
        return trainers_in_file(built_in_file(slug), module=built_in_module(slug))
    return [trainer for entry in entry_points(group=ENTRY_POINTS, name=slug) for trainer in installed_trainers(entry)]


def built_in_file(slug: str) -> Path:
    return Path(__file__).with_name(f"{slug.replace('-', '_')}.py")


def built_in_module(slug: str) -> str:
    return f"{__package__}.{built_in_file(slug).stem}"


def trainers_in_file(file: Path, *, module: str = "") -> list[type[Trainer]]:
    """The trainers a file registers; one that registers none is a script, and read without running it."""
    if not registers(ast.parse(file.read_bytes(), filename=str(file))):
        return [script.trainer_of(file)]
    return trainers_of(importlib.import_module(module) if module else import_file(file))


def registers(tree: ast.AST) -> bool:
    """Whether the code decorates a class with `register`, or has it from this package, by that name or with a dot."""
    nodes = list(ast.walk(tree))
    decorators = [one for node in nodes if isinstance(node, ast.ClassDef) for one in node.decorator_list]
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    dotted = {f"{name}.register" for node in nodes for name in names_of_package(node)}
    return (
        any(isinstance(one, ast.Name) and one.id == "register" for one in decorators)
        or any(node.module in REGISTER_IN and any(one.name == "register" for one in node.names) for node in imports)
        or any(isinstance(node, ast.Attribute) and ast.unparse(node) in dotted for node in nodes)
    )


def names_of_package(node: ast.AST) -> list[str]:
    """What the code calls the modules that have `register`, where this node imports them."""
    if isinstance(node, ast.Import):
        return [one.asname or one.name for one in node.names if one.name in REGISTER_IN]
    if isinstance(node, ast.ImportFrom):
        return [one.asname or one.name for one in node.names if f"{node.module}.{one.name}" in REGISTER_IN]
    return []


def import_file(file: Path) -> ModuleType:
    """Import a file of the trainers folder. What lies beside it can be imported by it, with a dot or without."""
    os.environ[own.FOLDER] = str(file.parent)
    own.__path__ = [str(file.parent)]
    name = f"{own.__name__}.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec and spec.loader, f"{file} is no Python file"
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.parent))
    spec.loader.exec_module(module)
    return module


def trainers_of(module: ModuleType) -> list[type[Trainer]]:
    """What the module itself registered, without the trainers it imports."""
    return [trainer for trainer in base.REGISTERED if trainer.__module__ == module.__name__]


def installed_trainers(entry: EntryPoint) -> list[type[Trainer]]:
    loaded = entry.load()
    if inspect.ismodule(loaded):
        return trainers_of(loaded)
    base.check_declaration(loaded)  # nobody may have registered it
    return [loaded]


def offer(trainer: type[Trainer]) -> Offer:
    origin = trainer.file if issubclass(trainer, script.Script) else Path(inspect.getfile(trainer))
    version = getattr(trainer, "version", "")
    return Offer(
        slug=trainer.slug,
        label=trainer.label,
        doc=inspect.getdoc(trainer) or "",
        method_type=trainer.method_type,
        data_formats=trainer.data_formats,
        parameters=parameters_of(trainer),
        is_script=issubclass(trainer, script.Script),
        version=version if isinstance(version, str) else "",
        origin=str(origin),
        code_hash=hashlib.sha256(origin.read_bytes()).hexdigest(),
    )


def describe_file(file: Path, *, module: str = "") -> Description:
    """What one file offers, or why it does not load: whatever it raises, `sys.exit` included."""
    try:
        offers = [offer(trainer) for trainer in trainers_in_file(file, module=module)]
    except BaseException as error:
        return Description(broken=[broken(file, error)])
    if not offers:
        return Description(broken=[Broken(file=str(file), reason="It registers no trainer of its own.")])
    return Description(trainers=offers)


def describe_built_in() -> Description:
    return merged([describe_file(built_in_file(slug), module=built_in_module(slug)) for slug in BUILT_IN])


def describe_entry_point(name: str, value: str) -> Description:
    """What an installed package offers through an entry point."""
    entry = EntryPoint(name, value, ENTRY_POINTS)
    try:
        offers = [offer(trainer) for trainer in installed_trainers(entry)]
        if entry.name not in [one.slug for one in offers]:
            raise ValueError(f"It offers no trainer with the slug “{entry.name}”.")
    except BaseException as error:
        return Description(broken=[Broken(file=f"{name} = {value}", reason=reason(error))])
    return Description(trainers=[one for one in offers if one.slug == entry.name])


def merged(descriptions: list[Description]) -> Description:
    return Description(
        trainers=[one for description in descriptions for one in description.trainers],
        broken=[one for description in descriptions for one in description.broken],
    )


def broken(file: Path, error: BaseException) -> Broken:
    return Broken(file=str(file), line=line_of(error, file), reason=reason(error))


def line_of(error: BaseException, file: Path) -> int | None:
    """The line of the file on which the error was raised, as deep as the traceback knows the file."""
    if isinstance(error, SyntaxError) and error.filename == str(file):
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)]
    return lines[-1] if lines else None


def reason(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return "It ends the process while it is loaded (sys.exit)."
    if isinstance(error, ValidationError):
        return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
    words = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {words}"[:LONGEST_REASON] if words else type(error).__name__
