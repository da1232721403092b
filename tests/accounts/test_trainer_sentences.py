"""Whatever trainers refuse is gathered, so that pages can say it in three languages."""

import ast
from collections.abc import Iterator
from pathlib import Path

from deepext import trainer_sentences
from training_methods import trainers
from training_methods.gathered_sentences import SENTENCES

REFUSALS = {"TrainingError", "BadRow", "Unreadable"}
MADE_ELSEWHERE = {
    "bad", "csv_reason(error)", "error", "hint", "hint(last_lines)", "in_words(found)", "json_reason(error)",
    "f'{what}: {error}'", "str(error)", "' '.join(said.values())", "what", "words",
}  # fmt: skip
"""What is put into words in another place, which is gathered from there; each is tested by its words below."""


def calls() -> Iterator[ast.Call]:
    for file in sorted(Path(trainers.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in REFUSALS:
                yield node


def refusals() -> Iterator[ast.expr]:
    """Messages and hints."""
    for call in calls():
        yield from (*call.args[:2], *(one.value for one in call.keywords if one.arg == "hint"))


def plain_words(said: ast.expr) -> list[str]:
    """What stands in it word for word."""
    parts = said.values if isinstance(said, ast.JoinedStr) else [said]
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def is_gathered(said: ast.expr) -> bool:
    words = [one.strip(" .") for one in plain_words(said) if len(one.split()) > 1] or plain_words(said)
    return any(all(one.strip(" .") in sentence for one in words) for sentence in SENTENCES)


def test_every_refusal_of_a_trainer_is_gathered():
    written = [said for said in refusals() if isinstance(said, ast.Constant | ast.JoinedStr)]

    assert len(written) > 100
    assert [
        ast.unparse(said) for said in written if not is_gathered(said) and ast.unparse(said) not in MADE_ELSEWHERE
    ] == []


def test_a_refusal_is_written_where_it_is_raised_or_known_to_be_made_elsewhere():
    named = {ast.unparse(said) for said in refusals() if isinstance(said, ast.Name | ast.Call)}

    assert {name for name in named if not name.isupper()} <= MADE_ELSEWHERE


def test_what_is_made_elsewhere_is_gathered_there():
    for said in (
        "is packed with gzip: unpack it first",
        "it opens a quotation mark that is never closed",
        "The base model cannot be loaded",
        "The script {name} {ending}: {last_words}",
        "The base model's tokenizer names no padding, end-of-text or unknown token.",
        "Correct it. “manage.py check_trainer {stem}” tries it on a tiny model.",
        "Keep the one that is to be trained.",
    ):
        assert said in SENTENCES


def test_the_list_is_up_to_date():
    assert trainer_sentences.LIST.read_text() == trainer_sentences.as_python(), "`make words` gathers it anew."
