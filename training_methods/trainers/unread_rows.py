"""What other tools' files hold that is not learnt from here: refused with what to bring instead.

Most of it would pass for something else, as ranked answers for prompts alone.
"""

import re

from training_methods.trainers.row_files import Row, Unreadable

COLUMNS = {
    "segments": "has ready-made “segments” of Axolotl's input_output, which are not read: bring what is given in a "
    "column “prompt” and what is learnt in “completion”",
    "unanswerable_question": "has no answers to its “unanswerable_question”: bring a column “answer” with the words "
    "to give when the text does not say",
    "critiques": "has “critiques”, and nothing that tells how they are asked for: bring the request, with the answer "
    "to be judged, in a column “prompt” and the critique in “completion”",
    "input_ids": "holds tokens in “input_ids”, which fit one tokenizer alone: bring the text they were made of",
}
"""Columns by which rows are known that have no others to train on."""

PICTURES = ("images", "image", "videos", "video", "audios", "audio")
FILE = re.compile(r"^\S+\.\w{2,4}$")


def refuse(row: Row) -> None:
    """Raises Unreadable for a row that holds such a thing, beside whatever else it has."""
    for name in PICTURES:
        if is_picture(row.get(name)):
            raise Unreadable(
                f"has {name} in “{name}”, and only text can be learnt from: take the column out, and the words on it"
            )
    if isinstance(row.get("completions"), list) and isinstance(row.get("labels"), list):
        raise Unreadable(
            "judges each of the steps in “completions” by itself, which no method here learns from: bring one "
            "“completion” a row, and its “label”"
        )
    if is_ranked(row.get("answers")):
        raise Unreadable(
            "ranks the answers in “answers”, and pairs of them are learnt from: bring one answer as “chosen” and one "
            "of a lower rank as “rejected”"
        )
    if row.get("chat_template_kwargs"):
        raise Unreadable(
            "sets the chat template in “chat_template_kwargs”, which is not read: take the column out, and write into "
            "the turns what it would change"
        )


def is_picture(value: object) -> bool:
    """A list of them, one with its bytes as Parquet has it, or the name of a file."""
    return bool(value) and (isinstance(value, list | dict) or (isinstance(value, str) and bool(FILE.search(value))))


def is_ranked(answers: object) -> bool:
    """As in the dataset Nectar."""
    return isinstance(answers, list) and any(isinstance(answer, dict) and "rank" in answer for answer in answers)
