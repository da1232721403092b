"""Watches what a model is given while it learns: its first texts, as token ids, with what is learnt of each.

It works in the process of a micro-run, a trainer's or a script's: torch tells of every call, and the labels in it say
what is learnt. Needs nothing but the standard library of Python 3.8, since a script's interpreter is of the method's
choice, and the torch that the training imports itself.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import sys
import traceback
from functools import lru_cache
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

FILE = "seen.json"  # in the run folder
VARIABLE = "DEEPEXT_WITNESS"  # of the environment: where that file is to be
MOST = 3  # texts
CALLS = "torch.nn.modules.module"  # where torch can be asked to tell of them
IGNORED = -100  # a label that is not learnt, as torch's cross entropy has it


class AfterImport(MetaPathFinder):
    """Does something once, as soon as anybody has imported the module: code that does without it goes on without."""

    def __init__(self, name, then) -> None:
        self.name, self.then = name, then

    def find_spec(self, name, path=None, target=None):
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec and spec.loader:
            spec.loader.exec_module = self.followed(spec.loader.exec_module)  # type: ignore
        return spec

    def followed(self, execute):
        def execute_and_then(module) -> None:
            execute(module)
            self.then(module)

        return execute_and_then


class Witness:
    """Watches the models of this process until it has seen a few texts; writes down each as it comes."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.texts: dict = {}  # token ids → whether each is learnt, or None where no labels say so

    def attend(self, calls) -> None:
        self.hook = calls.register_module_forward_hook(self.look, with_kwargs=True)

    def look(self, module, args, kwargs, output) -> None:
        """Whatever goes wrong here, the training goes on; its log says what it was."""
        try:
            if self.take(module, args, kwargs):
                seen = [{"tokens": text, "learnt": learnt} for text, learnt in self.texts.items()]
                self.file.write_text(json.dumps(seen), encoding="utf-8")
        except Exception:
            traceback.print_exc()
            self.hook.remove()

    def take(self, module, args, kwargs) -> bool:
        """Whether there was anything new. A call within a call may know less of the same text, so labels are added."""
        before = len(self.texts), list(self.texts.values()).count(None)
        for text, learnt in texts_in(module, args, kwargs):
            if text not in self.texts and len(self.texts) == MOST:
                self.hook.remove()
                break
            self.texts[text] = self.texts.get(text) or learnt
        return before != (len(self.texts), list(self.texts.values()).count(None))


def watch(file: Path) -> None:
    """From now on, as soon as this process has imported torch."""
    witness = Witness(file)
    if CALLS in sys.modules:
        witness.attend(sys.modules[CALLS])
    else:
        sys.meta_path.insert(0, AfterImport(CALLS, witness.attend))


def texts_in(module, args, kwargs):
    """Those of a call that learns, without what fills them up to one length: (token ids, whether each is learnt)."""
    given = arguments(module, args, kwargs)
    rows: Any = given.get("input_ids")
    labels: Any = given.get("labels")
    mask: Any = given.get("attention_mask")
    if not (sys.modules["torch"].is_grad_enabled() and is_like(rows, rows)):
        return
    for index, row in enumerate(rows):
        kept = mask[index].bool() if is_like(mask, rows) else row == row
        learnt = (labels[index][kept] != IGNORED).tolist() if is_like(labels, rows) else None
        yield tuple(row[kept].tolist()), learnt


def is_like(tensor, rows) -> bool:
    """A table of whole numbers, one for each token of the rows."""
    kind = sys.modules["torch"].Tensor
    if not (isinstance(tensor, kind) and isinstance(rows, kind)):
        return False
    return tensor.dim() == 2 and tensor.shape == rows.shape and not tensor.is_floating_point()


def arguments(module, args, kwargs) -> dict:
    """By name. Empty: it takes something else than tokens."""
    if "input_ids" in kwargs:
        return kwargs
    names = names_of(type(module).forward) if args else []
    return {**kwargs, **dict(zip(names, args))} if "input_ids" in names else {}  # noqa: B905


@lru_cache
def names_of(forward) -> list:
    return list(inspect.signature(forward).parameters)[1:]
