"""The memory that a train needs: at least, by the parts of its model; and what speaks against a peak that was measured.

Where every weight learns, the recipes keep it in fp32 (`acceleration.Choice`): 4 bytes, as many for its gradient, and
8 for AdamW's two moments, all of which are there at once when the first step is taken. Beside an adapter the base
model's weights stay as they are, in fp32, bf16 or 4 bit (QLoRA's NF4, https://arxiv.org/abs/2305.14314). The bytes are
those of https://huggingface.co/docs/transformers/model_memory_anatomy. Activations come on top, and what else there is:
the adapter, a reference or value model, libraries.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from training_jobs import waiting
from training_jobs.known import Known
from training_jobs.models import TrainingJob, Worker
from training_jobs.retries import ACCUMULATIONS, LENGTHS
from training_methods import config
from training_methods.numbers import rounded

FP32, BF16, NF4 = 4, 2, 0.5  # bytes a weight
GRADIENT, ADAMW = FP32, 2 * FP32
CLOSE = 0.9  # of what there is
GIGABYTE = 10**9
Said = dict[str, Any]  # what a finding is made of


def at_least(known: Known) -> int | None:
    """Bytes. None: the trainer's own code decides, or nobody knows how many weights it loads."""
    trained, base_model, trainer = known.trained, known.draft.base_model, known.draft.trainer
    if not (trained and trainer and base_model and base_model.parameter_count) or trainer.slug == "reward":
        return None  # a reward model has another head than the base model, which the count may hold
    each = FP32 + GRADIENT + ADAMW if trained.is_whole else loaded_in(known.values)
    return round(base_model.parameter_count * each)


def loaded_in(values: Mapping[str, Any]) -> float:
    """Bytes of a weight that does not learn; where the machine decides, the fewest."""
    if values.get("load_in_4bit"):
        return NF4
    return FP32 if values.get("precision", "fp32") == "fp32" else BF16


def findings(known: Known) -> Iterator[Said]:
    """Of the peak that a micro-run measured."""
    measured, draft = known.measured, known.draft
    if not (measured and draft.method):
        return
    fix = way_out(known)
    able = able_workers(known)
    limit = config.resources(draft.method.config).memory_gb
    if measured.held_memory and limit:
        yield from against_limit(measured.held_memory / GIGABYTE, limit, fix)
    if measured.held_memory:
        there = [worker.memory if bool(worker.cards) == bool(measured.gpu_memory) else None for worker in able]
        yield from against_machines(measured.held_memory, there, fix)
    if measured.gpu_memory:
        cards = [size for worker in able for size in worker.card_memory or [None]]
        yield from against_cards(measured.gpu_memory, cards, fix)


def able_workers(known: Known) -> list[Worker]:
    """Those that could take the train now."""
    assert known.draft.method
    needed = config.resources(known.draft.method.config)
    job = TrainingJob(queue=needed.queue, gpus=needed.gpus)
    return [worker for worker in Worker.objects.taking_jobs() if waiting.takes(worker, job)]


def against_limit(held: float, limit: float, fix: str) -> Iterator[Said]:
    """Gigabytes."""
    words = {"size": rounded(held, 3), "limit": rounded(limit, 6)}
    fix += " " + _("The limit is set in the method's configuration (resources.memory_gb).")
    if held > limit:
        says = _("At the peak of a micro-run it held %(size)s GB; its method's limit of %(limit)s GB would end it.")
        yield said("red", says % words, fix)
    elif held > CLOSE * limit:
        says = _("At the peak of a micro-run it held %(size)s GB, close to its method's limit of %(limit)s GB.")
        yield said("amber", says % words, fix)


def against_machines(held: int, there: Sequence[int | None], fix: str) -> Iterator[Said]:
    """Bytes; None: such a worker does not say, or would need another part of it."""
    exceeds = _(
        "At the peak of a micro-run it held %(size)s GB, and no worker that takes it has more than %(limit)s GB."
    )
    nears = _("At the peak of a micro-run it held %(size)s GB, and a worker that takes it has %(limit)s GB.")
    return against(held, there, exceeds, nears, fix)


def against_cards(taken: int, cards: Sequence[int | None], fix: str) -> Iterator[Said]:
    exceeds = _(
        "At the peak of a micro-run it took %(size)s GB of the GPU, and no GPU for it has more than %(limit)s GB."
    )
    nears = _("At the peak of a micro-run it took %(size)s GB of the GPU, and a GPU for it has %(limit)s GB.")
    return against(taken, cards, exceeds, nears, fix)


def against(taken: int, there: Sequence[int | None], exceeds: str, nears: str, fix: str) -> Iterator[Said]:
    if largest := exceeded(taken, there):
        yield said("red", exceeds % in_gigabytes(taken, largest), fix)
    elif smallest := nearly_reached(taken, there):
        yield said("amber", nears % in_gigabytes(taken, smallest), fix)


def exceeded(taken: int, there: Sequence[int | None]) -> int | None:
    """The most that there is, where even that is too little; only if all of it is known."""
    known = [size for size in there if size]
    return max(known) if known and len(known) == len(there) and taken > max(known) else None


def nearly_reached(taken: int, there: Sequence[int | None]) -> int | None:
    """The least that is known, where it is too little, or nearly."""
    known = [size for size in there if size]
    return min(known) if known and taken > CLOSE * min(known) else None


def in_gigabytes(taken: int, there: int) -> dict[str, str]:
    return {"size": rounded(taken / GIGABYTE, 3), "limit": rounded(there / GIGABYTE, 3)}


def said(level: str, says: str, fix: str) -> Said:
    return {"level": level, "about": _("Memory"), "says": says, "fix": fix}


def way_out(known: Known) -> str:
    """First what leaves the result as it is."""
    values, trained = known.values, known.trained
    ways = []
    if (values.get("batch_size") or 0) > 1:
        more = any(name in values for name in ACCUMULATIONS)
        ways.append(_("a smaller batch with more gradient accumulation") if more else _("a smaller batch"))
    if values.get("gradient_checkpointing") is False:
        ways.append(_("gradient checkpointing"))
    if any(values.get(name) for name in LENGTHS):
        ways.append(_("a shorter maximum length"))
    if trained and trained.is_whole:
        ways.append(_("LoRA in place of all weights"))
    ways.append(_("a smaller base model"))
    return _("Less memory is needed with: %(ways)s.") % {"ways": ", ".join(ways)}
