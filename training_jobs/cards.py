"""The GPUs of this machine, and who has which.

A slot holds a lock on the file of each card it uses. The kernel lets go of it when the process ends, however it ends,
and every worker of this user on this machine sees it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, Self

from training_jobs.broker import private_folder

LINE = re.compile(r"\s*(?P<kind>GPU|MIG) (?P<name>.+?)\s*\(UUID: (?P<id>[\w/-]+)\)")
SIZE = re.compile(r"\s*(?P<id>GPU-[\w-]+),\s*(?P<mebibytes>\d+) MiB\s*")
MEBIBYTE = 2**20
SECONDS_TO_ANSWER = 30


@dataclass(frozen=True)
class Card:
    """`id` is what CUDA_VISIBLE_DEVICES takes. `memory`: bytes; None: not known, as of a part of a divided GPU."""

    id: str
    name: str
    memory: int | None = None


class NoAnswer(Exception):
    """Nobody knows which GPUs there are."""

    def __init__(self) -> None:
        super().__init__(
            f"nvidia-smi gave no answer in {SECONDS_TO_ANSWER} s, so this worker does not know its GPUs. Start it "
            "again once that answers, or with an empty CUDA_VISIBLE_DEVICES to do without them."
        )


def found() -> list[Card]:
    """The cards that nvidia-smi knows, within what CUDA_VISIBLE_DEVICES allows. None without nvidia-smi. Raises
    NoAnswer.
    """
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted == "" or not shutil.which("nvidia-smi"):
        return []
    try:
        answer = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=SECONDS_TO_ANSWER)
    except subprocess.TimeoutExpired as error:
        raise NoAnswer from error
    sizes = memory_by_id()
    return [replace(card, memory=sizes.get(card.id)) for card in allowed(listed(answer.stdout), wanted)]


def memory_by_id() -> dict[str, int]:
    """Bytes of each GPU that says so."""
    question = ["nvidia-smi", "--query-gpu=uuid,memory.total", "--format=csv,noheader"]
    try:
        answer = subprocess.run(question, capture_output=True, text=True, timeout=SECONDS_TO_ANSWER)
    except subprocess.TimeoutExpired:  # which cards there are is known, and is enough to work
        return {}
    found = filter(None, map(SIZE.fullmatch, answer.stdout.splitlines()))
    return {line["id"]: int(line["mebibytes"]) * MEBIBYTE for line in found}


def listed(text: str) -> list[list[Card]]:
    """Of each GPU its parts where it is divided (MIG), else itself."""
    gpus: list[list[Card]] = []
    for line in filter(None, map(LINE.match, text.splitlines())):
        if line["kind"] == "GPU":
            gpus.append([Card(line["id"], line["name"].partition(": ")[2])])
        else:
            whole = [card for card in gpus[-1] if card.id.startswith("GPU-")]
            gpus[-1] = [*gpus[-1][len(whole) :], Card(line["id"], f"MIG {line['name'].split()[0]}")]
    return gpus


def allowed(gpus: list[list[Card]], wanted: str | None) -> list[Card]:
    """`wanted` has numbers as nvidia-smi counts, or the beginnings of ids; what follows one it does not know is out."""
    if wanted is None:
        return [card for parts in gpus for card in parts]
    chosen: list[Card] = []
    for part in wanted.split(","):
        if not (cards := named(part.strip(), gpus)):
            break
        chosen += cards
    return chosen


def named(part: str, gpus: list[list[Card]]) -> list[Card]:
    if part.isdecimal():
        return gpus[int(part)] if int(part) < len(gpus) else []
    return [card for parts in gpus for card in parts if part and card.id.startswith(part)][:1]


class Held(dict[str, IO[str]]):
    """Cards that are ours until the block ends: id → its locked file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.values():
            file.close()

    def keep(self, number: int) -> "Held":
        """Take the first so many out of here."""
        return Held((card_id, self.pop(card_id)) for card_id in list(self)[:number])


@contextmanager
def choosing(card_ids: Iterable[str]) -> Iterator[Held]:
    """The free ones of these cards. They are ours while this lasts, and nobody else chooses meanwhile."""
    folder = private_folder("deepext-cards")
    with (folder / "choosing.lock").open("w") as turn, Held() as free:
        lock(turn, wait=True)
        for card_id in card_ids:
            file = (folder / f"{card_id.replace('/', '_')}.lock").open("w")
            if lock(file):
                free[card_id] = file
            else:
                file.close()
        yield free


def lock(file: IO[str], *, wait: bool = False) -> bool:
    """False: another has it. Closing the file ends it."""
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
