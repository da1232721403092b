"""What recipes have against a run before it starts: each a field, or “dataset” or “base_model”, and a sentence.

Plain Python that looks at settings and facts alone: the console asks at submission, the child again first of all.
"""

import importlib.util
import symtable
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from training_methods.trainers import reward_mix
from training_methods.trainers.inputs import Inputs
from training_methods.trainers.rewards import BUILT_IN, NEED_ANSWER
from training_methods.trainers.rows import DataFormat

if TYPE_CHECKING:
    from training_methods.trainers.base import Trainer

Objection = tuple[str, str]


def found(recipe: "Trainer", given: Inputs) -> dict[str, str]:
    """The first sentence for each field that the recipe objects to."""
    sentences: dict[str, str] = {}
    for field, sentence in recipe.objections(given):
        sentences.setdefault(field, sentence)
    return sentences


def to_groups(answers: int, group: int) -> Iterator[Objection]:
    """Answers to one prompt are compared with one another, so a step holds whole groups of them."""
    if answers % group:
        yield (
            "batch_size",
            f"{answers} answers a step cannot be divided into groups of {group}: make batch size times gradient "
            "accumulation a multiple of the answers per prompt.",
        )


def to_few_rows(given: Inputs, prompts_a_step: int, max_samples: int | None) -> Iterator[Objection]:
    rows = used(given, max_samples)
    if rows is not None and rows < prompts_a_step:
        yield (
            "batch_size",
            f"A step takes {prompts_a_step} prompts, and there are {rows}: lower the batch size or the gradient "
            "accumulation, or bring more rows.",
        )


def used(given: Inputs, max_samples: int | None) -> int | None:
    """Rows that are read at most, if they are counted."""
    return None if given.row_count is None else min(given.row_count, max_samples or given.row_count)


def to_updates(answers: int, an_update: int) -> Iterator[Objection]:
    """The answers of a step are divided into updates of one size."""
    if answers % an_update:
        yield (
            "batch_size",
            f"{answers} answers cannot be divided into updates of {an_update}: make the batch size a multiple of the "
            "minibatch size times gradient accumulation.",
        )


def to_rewards(text: str | None, given: Inputs, *, reward_model: str | None = None) -> Iterator[Objection]:
    """No rating at all, a reward that nobody defines, or one that needs an answer that no row has."""
    if text is None:
        if not reward_model:
            yield (
                "rewards",
                "Nothing rates the answers: write rewards, for example exact_match: 1.0, length(20, 80): 0.2, or "
                "choose a reward model.",
            )
        return
    try:
        names = [reward.name for reward in reward_mix.parse(text)]
        own = defined(given.rewards_file) if given.rewards_file and set(names) - BUILT_IN.keys() else []
    except reward_mix.BadRewards as error:
        yield "rewards", f"The text of rewards “{text}” does not fit: it {error}."
        return
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        yield "rewards", f"The site's own rewards do not load: rewards.py{line}: {getattr(error, 'msg', error)}."
        return
    for name in names:
        if name not in BUILT_IN and name not in own:
            yield "rewards", f"There is no reward “{name}”. There are {', '.join([*BUILT_IN, *own])}."
        if name in NEED_ANSWER and given.dataset.lacks("answer"):
            yield (
                "rewards",
                f"The reward {name} compares with the right answer, and the dataset has no column “answer”: bring it "
                "in, or choose other rewards.",
            )


def defined(file: Path) -> list[str]:
    """The names that a Python file gives values to, without running it. Raises SyntaxError or ValueError."""
    table = symtable.symtable(importlib.util.decode_source(file.read_bytes()), str(file), "exec")
    names = [symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() and not symbol.is_imported()]
    return sorted(name for name in names if not name.startswith("_"))


def to_no_chat_template(given: Inputs, choice: str) -> Iterator[Objection]:
    """Text can be joined; turns need somebody who says how they are written down."""
    in_turns = given.dataset.in_turns or given.dataset.data_format == DataFormat.MESSAGES
    if choice == "own" and in_turns and given.base_model.has_chat_template is False:
        yield (
            "chat_template",
            "The dataset holds conversations, and this base model brings no chat template to write them down with: "
            "choose plain, a base model for chats (often named “Instruct” or “Chat”), or a dataset in plain text.",
        )


class Evaluating(Protocol):
    """A recipe that can evaluate while it trains."""

    @property
    def evaluation_fraction(self) -> float: ...
    @property
    def max_samples(self) -> int | None: ...
    @property
    def keep_best(self) -> bool: ...
    @property
    def patience(self) -> int | None: ...


def to_no_held_out_rows(recipe: Evaluating, given: Inputs, *, counted: bool = True) -> Iterator[Objection]:
    """The best weights are told by rows that are held out. `counted`: each row of the dataset is one to learn from."""
    rows = used(given, recipe.max_samples) if counted else None
    none_left = not recipe.evaluation_fraction or (
        rows is not None and (rows < 2 or not round(rows * recipe.evaluation_fraction))
    )
    if none_left and (recipe.keep_best or recipe.patience is not None):
        yield (
            "evaluation_fraction",
            "The best weights are told by an evaluation, and no rows are held out to evaluate: choose a share "
            "that leaves at least one row, or leave “Keep the best” and “Patience” off.",
        )


def to_reference(given: Inputs, beta: float, *, use_lora: bool) -> Iterator[Objection]:
    """With an adapter the reference is the base model itself; without one, TRL loads it again from its folder."""
    if beta and not use_lora and given.base_model.weights == "gguf":
        yield (
            "use_lora",
            "A base model in a GGUF file cannot be trained as a whole and be held to what it was: leave LoRA on, set "
            "beta to 0, or add the model in safetensors.",
        )


def to_another_vocabulary(given: Inputs, field: str, name: str, *, filling: int = 0) -> Iterator[Objection]:
    """Words can be compared with those of a model that knows the same ones.

    `filling`: rows of the embedding that stand for no word, by which models of one family may differ.
    """
    other, own = given.models.get(name), given.base_model
    theirs, ours = other.vocabulary_size if other else None, own.vocabulary_size
    if other and theirs is not None and ours is not None and abs(theirs - ours) > filling:
        yield (
            field,
            f"“{other.name}” has another vocabulary ({theirs:,} tokens) than the base model ({ours:,}), so their "
            "words cannot be compared: choose a model of the base model's own family.",
        )
