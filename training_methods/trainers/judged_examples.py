"""From rows whose answers are judged to what TRL's preference trainers take, with what would teach nothing left out.

Imports the training stack, so it is imported inside `train` alone.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from jinja2 import TemplateError

from training_methods.trainers import chat_templates
from training_methods.trainers.base import Run, TrainingError
from training_methods.trainers.examples import Count, Examples, check, divided, on_disk, rendered, shared
from training_methods.trainers.judged_rows import as_turns, parted, said
from training_methods.trainers.row_files import BadRow, Row

Reading = Callable[[Row], Iterator[Row]]
ANSWERS = ("chosen", "rejected", "completion")


def load_pairs(run: Run, tokenizer: Any, **limits: Any) -> Examples:
    """Rows of prompt, chosen and rejected."""
    return load(run, tokenizer, pairs, **limits)


def load_labelled(run: Run, tokenizer: Any, **limits: Any) -> Examples:
    """Rows of prompt, completion and label; a pair becomes two. Raises TrainingError where all are judged alike."""
    data = load(run, tokenizer, labelled, **limits)
    judgements = set(data.train["label"])
    if len(judgements) < 2:
        only, other = ("good", "bad") if judgements == {True} else ("bad", "good")
        raise TrainingError(
            f"Every row is labelled {only}, so there is nothing to tell it from.",
            f"Add rows that are labelled {other}.",
        )
    return data


def load_scored(run: Run, tokenizer: Any, *, max_length: int, **limits: Any) -> Examples:
    """Rows of chosen and rejected as tokens, each with its prompt."""
    data = load(run, tokenizer, whole_pairs, max_length=max_length, **limits)

    def tokens(row: Row) -> dict[str, list[int]]:
        given = row.get("prompt", "" if isinstance(row["chosen"], str) else [])
        return {f"{name}_ids": whole(given, row[name], tokenizer)[:max_length] for name in ("chosen", "rejected")}

    columns = data.train.column_names
    train = data.train.map(tokens, remove_columns=columns)
    evaluation = data.evaluation.map(tokens, remove_columns=columns) if data.evaluation else None
    return Examples(train, evaluation, data.count)


def load(
    run: Run,
    tokenizer: Any,
    read: Reading,
    *,
    max_length: int,
    max_samples: int | None,
    evaluation_fraction: float,
) -> Examples:
    """The run's rows, in turns for a model with a chat template and in text for others.

    Raises TrainingError where nothing is left to learn.
    """
    if not tokenizer.eos_token:
        raise TrainingError("The base model's tokenizer names no end-of-text token, so no answer could end.")
    count = Count()
    kept = on_disk(
        run,
        rows,
        gen_kwargs={
            "given": islice(run.rows(), max_samples),
            "read": read,
            "tokenizer": tokenizer,
            "max_length": max_length,
            "count": count,
        },
    )
    run.note(summary(count, max_length))
    return divided(kept, count, evaluation_fraction, run.seed)


def rows(given: Iterator[Row], read: Reading, tokenizer: Any, max_length: int, count: Count) -> Iterator[Row]:
    for number, row in enumerate(given, 1):
        count.rows = number
        for judged in read_or_refuse(row, number, read):
            shown = written_for(judged, tokenizer, number)
            if measure(shown, tokenizer, max_length, number, count):
                yield shown
    check(count, max_length)


def read_or_refuse(row: Row, number: int, read: Reading) -> list[Row]:
    try:
        return list(read(row))
    except BadRow as bad:
        raise TrainingError(
            f"Row {number} of the dataset cannot be learnt from: {bad}.",
            "Bring the prompt in a column of its own, or let both answers begin with it.",
        ) from bad


def pairs(row: Row) -> Iterator[Row]:
    yield row if "prompt" in row else parted(row)


def whole_pairs(row: Row) -> Iterator[Row]:
    yield row


def labelled(row: Row) -> Iterator[Row]:
    if "label" in row:
        yield row
        return
    pair = row if "prompt" in row else parted(row)
    yield {"prompt": pair["prompt"], "completion": pair["chosen"], "label": True}
    yield {"prompt": pair["prompt"], "completion": pair["rejected"], "label": False}


def written_for(row: Row, tokenizer: Any, number: int) -> Row:
    """The row in turns where the model knows how to write them down, and in text where it does not."""
    is_text = all(isinstance(value, str | bool) for value in row.values())
    if is_text and (not tokenizer.chat_template or "prompt" not in row):
        return row
    if not tokenizer.chat_template:
        raise chat_templates.missing(f"Row {number}")
    in_turns = {name: said(row[name]) for name in ANSWERS if name in row}
    return row | in_turns | ({"prompt": as_turns(row["prompt"])} if "prompt" in row else {})


def measure(row: Row, tokenizer: Any, max_length: int, number: int, count: Count) -> bool:
    """Count the row's tokens. Says whether anything of its answers, and what tells them apart, is left once cut."""
    given = row.get("prompt", "")
    try:
        answers = [whole(given, row[name], tokenizer) for name in ANSWERS if name in row]
        asked = prompt_tokens(given, tokenizer) if given else []
    except TemplateError as error:
        raise TrainingError(
            f"The base model's chat template refuses row {number} of the dataset: {error}",
            "Bring the conversation into the order the model expects, or choose another base model.",
        ) from error
    cut = [tokens[:max_length] for tokens in answers]
    teaches = all(len(tokens) > shared(tokens, asked) for tokens in cut) and (len(cut) < 2 or cut[0] != cut[1])
    count.cut += answers != cut
    count.dropped += not teaches
    count.tokens += sum(map(len, cut))
    count.longest = max(count.longest, *map(len, answers))
    count.learnt += sum(len(tokens) - shared(tokens, asked) for tokens in cut) if teaches else 0
    return teaches


def whole(prompt: Any, answer: Any, tokenizer: Any) -> list[int]:
    """Prompt and answer as tokens, with the end of the text."""
    if isinstance(answer, list):
        return rendered([*(prompt or []), *answer], tokenizer)
    text = prompt + answer
    return tokenizer(text if text.endswith(tokenizer.eos_token) else text + tokenizer.eos_token)["input_ids"]


def prompt_tokens(prompt: Any, tokenizer: Any) -> list[int]:
    return (
        tokenizer(prompt)["input_ids"] if isinstance(prompt, str) else rendered(prompt, tokenizer, answer_follows=True)
    )


def summary(count: Count, max_length: int) -> str:
    words = f"{count.rows:,} rows with {count.tokens:,} tokens, {count.learnt:,} of them in answers."
    if count.cut:
        words += f" {count.cut:,} were cut at {max_length} tokens."
    if count.dropped:
        words += f" {count.dropped:,} were left out, since nothing of their answers, or no difference, remained."
    return words
