"""Other models made of a customized one: an adapter merged into its base, a GGUF file of a complete model."""

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from training_jobs import model_facts, model_work, removals, room, tryouts
from training_jobs.models import CustomizedModel, Making
from training_methods import clocks
from training_methods.trainers.prompting import PROBES

What = Making.What
FOLDER = "gguf"
"""Within the model's own."""
MOST_PROBES = 8
BYTES = {What.MERGE: 4.0, What.F16: 2.0, What.Q8_0: 34 / 32}
"""A parameter, at the most."""


class Refused(Exception):
    """The message is a sentence for whoever asked."""


def may_make(model: CustomizedModel, user: AbstractBaseUser | AnonymousUser) -> bool:
    """Whoever started its train may, and staff."""
    return removals.may_remove(model, user)


def ask(model: CustomizedModel, what: What, user: Any) -> Making:
    """Have it made by a worker. Raises PermissionDenied or Refused."""
    if not may_make(model, user):
        raise PermissionDenied("Whoever started the train makes other models of its result, and staff.")
    if reason := reason_against(model, what):
        raise Refused(reason)
    clocks.by_trusted(tryouts.give_up_lost)
    queue = model.train.queue if model.train else "default"
    try:
        with transaction.atomic():
            making = Making.objects.create(model=model, what=what, asked_by=user, queue=queue)
    except IntegrityError:
        raise Refused(_("It is being made already.")) from None
    model_work.wake(making)
    return making


def cancel(making: Making, user: Any) -> bool:
    """Its record goes; a worker that is at it hears of that within seconds and keeps nothing. False: it has ended.

    Raises PermissionDenied.
    """
    if not may_make(making.model, user):
        raise PermissionDenied("Whoever started the train cancels what is made of its result, and staff.")
    return bool(Making.objects.filter(pk=making.pk).unended().delete()[0])


def reason_against(model: CustomizedModel, what: What) -> str:
    """Why that cannot be made of the model, in a sentence; empty if it can."""
    if not Path(model.path).is_dir():
        return _("The folder of the model is not on this machine any more.")
    reason = against_merging(model) if what == What.MERGE else against_export(model)
    return reason or no_room(model, what)


def against_merging(model: CustomizedModel) -> str:
    if model.kind != CustomizedModel.Kind.ADAPTER:
        return _("It is a complete model already.")
    if hasattr(model, "merged"):
        return _("It was merged already: “%(name)s”.") % {"name": model.merged.name}
    if CustomizedModel.objects.filter(name=merged_name(model)).exists():
        return _("There is a model named “%(name)s” already.") % {"name": merged_name(model)}
    base = model_facts.base_folder(model)
    if not base or not base.is_dir():
        return _("The folder of its base model, %(path)s, is not there.") % {"path": base}
    return ""


def against_export(model: CustomizedModel) -> str:
    """The package gguf brings llama.cpp's writer, and no converter: what is known here are Llamas."""
    if hasattr(model, "merged"):
        return _("It is exported from the complete model: “%(name)s”.") % {"name": model.merged.name}
    if model.kind == CustomizedModel.Kind.ADAPTER:
        return _("Save it as a complete model first: a GGUF file holds all weights.")
    if model.kind == CustomizedModel.Kind.REWARD:
        return _("A reward model scores answers, and programs that read GGUF files want models that write them.")
    if not find_spec("gguf"):
        return _("Install the Python package gguf where the workers run: pip install gguf.")
    architecture = architecture_of(Path(model.path))
    if architecture != "LlamaForCausalLM":
        return _(
            "It is a %(architecture)s, and only LlamaForCausalLM is written here: use llama.cpp's own "
            "convert_hf_to_gguf.py on the downloaded folder."
        ) % {"architecture": architecture or _("model that does not say its architecture")}
    return ""


def architecture_of(folder: Path) -> str:
    config = folder / "config.json"
    try:
        named = json.loads(config.read_bytes()).get("architectures") if config.is_file() else None
    except (ValueError, AttributeError):
        return ""
    return str(named[0]) if isinstance(named, list) and named else ""


def no_room(model: CustomizedModel, what: What) -> str:
    needed = bytes_needed(model, what) / room.GIGABYTE
    left = room.free() - room.reserve()
    if needed <= left:
        return ""
    return _("It takes up to %(needed)s GB, and %(free)s GB are free on the disk beside what is kept free.") % {
        "needed": number_format(needed, 1),
        "free": number_format(max(left, 0.0), 1),
    }


def bytes_needed(model: CustomizedModel, what: What) -> float:
    """By its parameters; where they are not known, by its size, which is 16 bit most often."""
    count = parameter_count(model)
    return count * BYTES[what] if count else model.size_bytes * BYTES[what] / 2


def parameter_count(model: CustomizedModel) -> int | None:
    snapshot = model.train.base_model_snapshot if model.train else {}
    return snapshot.get("parameter_count") or (model.base_model.parameter_count if model.base_model else None)


def merged_name(model: CustomizedModel) -> str:
    return f"{model.name}_merged"


def probes(model: CustomizedModel) -> list[str]:
    """What both are asked: the train's own prompts, and a few that any model answers somehow."""
    return list(dict.fromkeys([*own_prompts(model), *PROBES]))[:MOST_PROBES]


def own_prompts(model: CustomizedModel) -> Iterator[str]:
    train = model.train
    if not train:
        return
    yield from filter(None, map(str.strip, str(train.parameters.get("sample_prompts") or "").split("|")))
    for row in (train.dataset.preview if train.dataset else [])[:3]:
        asked = row.get("prompt") or row.get("question") or row.get("instruction")
        if isinstance(asked, str) and asked.strip():
            yield asked


def offers(model: CustomizedModel) -> list[tuple[What, str]]:
    """What can be made of it beside what is being made, each with why not."""
    merge = [What.MERGE] if model.kind == CustomizedModel.Kind.ADAPTER else []
    under_way = {making.what for making in latest(model) if making.is_unended}
    whats = [what for what in (*merge, What.F16, What.Q8_0) if what not in under_way]
    return [(what, reason_against(model, what)) for what in whats]


def latest(model: CustomizedModel) -> list[Making]:
    """The last of each."""
    found: dict[str, Making] = {}
    for making in Making.objects.filter(model=model).order_by("asked_at"):
        found[making.what] = making
    return list(found.values())


def file_of(model: CustomizedModel, name: str) -> Path | None:
    """A GGUF file of the model's own."""
    folder = Path(model.path) / FOLDER
    return next((path for path in folder.glob("*.gguf") if path.name == name and not path.is_symlink()), None)


def files(model: CustomizedModel) -> list[tuple[str, int]]:
    """Its GGUF files, each with its size in bytes."""
    folder = Path(model.path) / FOLDER
    return [(path.name, path.stat().st_size) for path in sorted(folder.glob("*.gguf"))]
