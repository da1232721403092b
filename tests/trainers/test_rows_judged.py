"""Rows whose answers are judged or scored: preference, pairs, labelled, prompt."""

import json

import pyarrow
import pytest
from pyarrow import parquet

from training_methods.trainers.judged_rows import parted
from training_methods.trainers.row_files import BadRow
from training_methods.trainers.rows import DataFormat, canonical, detect_format, read_rows
from training_methods.trainers.survey import Request, survey

ASKED = {"role": "user", "content": "Who?"}
GOOD = {"role": "assistant", "content": "Agatha."}
BAD = {"role": "assistant", "content": "No idea."}


def read(row, data_format=None):
    """The row as a trainer sees it, in the format that is detected unless one is given."""
    detected = detect_format(list(row), [row])
    assert detected
    if data_format:
        assert detected[0] is data_format
    return canonical(row, *detected)


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "Who?", "chosen": "Agatha.", "rejected": "No idea."},
        {"question": "Who?", "chosen": "Agatha.", "rejected": "No idea.", "score": 3},
        {"input": "Who?", "chosen_response": "Agatha.", "rejected_response": "No idea."},
        {"instruction": "Who?", "input": "", "chosen": "Agatha.", "rejected": "No idea."},
    ],
)
def test_it_reads_preferences_in_text(row):
    assert read(row, DataFormat.PREFERENCE) == {"prompt": "Who?", "chosen": "Agatha.", "rejected": "No idea."}


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": [ASKED], "chosen": [GOOD], "rejected": [BAD]},
        {"prompt": "Who?", "messages": [ASKED, GOOD], "chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]},
        {
            "conversations": [{"from": "human", "value": "Who?"}],
            "chosen": {"from": "gpt", "value": "Agatha."},
            "rejected": {"from": "gpt", "value": "No idea."},
        },
        {"prompt": [ASKED], "chosen": "Agatha.", "rejected": "No idea."},
        {name: json.dumps(turns) for name, turns in {"prompt": [ASKED], "chosen": [GOOD], "rejected": [BAD]}.items()},
    ],
    ids=["trl", "ultrafeedback", "sharegpt", "mixed", "csv"],
)
def test_it_reads_preferences_in_turns(row):
    assert read(row, DataFormat.PREFERENCE) == {"prompt": [ASKED], "chosen": [GOOD], "rejected": [BAD]}


def test_it_brings_system_input_and_prompt_together():
    row = {"system": "Be brief.", "instruction": "Who?", "input": "In Leeds.", "chosen": "Agatha.", "rejected": "Me."}

    seen = read(row, DataFormat.PREFERENCE)

    assert seen["prompt"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Who?\n\nIn Leeds."},
    ]
    assert seen["chosen"] == [GOOD]


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"chosen": "Who? Agatha.", "rejected": "Who? Alas."}, "Who?"),
        ({"chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]}, [ASKED]),
    ],
)
def test_it_finds_the_prompt_of_a_pair(row, prompt):
    assert parted(read(row, DataFormat.PAIRS))["prompt"] == prompt


@pytest.mark.parametrize("row", [{"chosen": "Agatha.", "rejected": "Alas."}, {"chosen": [GOOD], "rejected": [BAD]}])
def test_it_says_where_a_pair_has_no_prompt(row):
    with pytest.raises(BadRow, match="do not begin with the same prompt"):
        parted(row)


@pytest.mark.parametrize(
    ("label", "seen"),
    [(True, True), (1, True), ("good", True), ("1", True), (False, False), (0.0, False), ("Bad", False), ("no", False)],
)
def test_it_reads_labels(label, seen):
    row = {"prompt": "Who?", "completion": "Agatha.", "label": label}

    assert read(row, DataFormat.LABELLED) == {**row, "label": seen}


def test_it_takes_a_label_that_names_a_class_for_no_judgement():
    row = {"prompt": "Who?", "completion": "Agatha.", "label": "kettles"}

    assert detect_format(list(row), [row])[0] is DataFormat.PROMPT_COMPLETION


def test_it_reads_turns_with_a_label():
    row = {"prompt": [ASKED], "completion": [GOOD], "kto_tag": True}

    assert read(row, DataFormat.LABELLED) == {"prompt": [ASKED], "completion": [GOOD], "label": True}


def test_it_passes_on_what_stands_beside_a_prompt():
    row = {"problem": "6 * 7?", "solution": 42, "level": 3, "tags": ["a"], "note": "half \ud83d", "nothing": None}

    seen = read(row, DataFormat.PROMPT)

    assert seen == {
        "prompt": "6 * 7?", "answer": "42", "level": 3, "tags": ["a"], "note": "half ?", "nothing": None,
    }  # fmt: skip


def test_it_passes_on_columns_of_parquet_too(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(pyarrow.table({"prompt": ["6 * 7?"], "level": [3], "raw": [b"\xff"]}), path)

    found = survey(Request(path=path))

    assert found.refusal == ""
    assert found.model_dump_json()
    assert list(read_rows(path, DataFormat.PROMPT, found.mapping)) == found.preview
    assert found.preview[0]["level"] == 3


@pytest.mark.parametrize(
    ("data_format", "row", "reason"),
    [
        ("preference", {"prompt": "Who?", "chosen": "Agatha."}, "it has no “rejected”"),
        ("preference", {"prompt": "Who?", "chosen": "A", "rejected": " "}, "“rejected” is empty"),
        ("preference", {"prompt": "Who?", "chosen": "A", "rejected": "A"}, "“chosen” and “rejected” are the same"),
        ("preference", {"prompt": "Who?", "chosen": "A", "rejected": 1},
         "“rejected” is the number 1 where text is needed"),
        ("preference", {"prompt": "Who?", "chosen": "A", "rejected": [BAD]},
         "one of “chosen” and “rejected” is text and the other a list of turns"),
        ("preference", {"prompt": [GOOD], "chosen": "A", "rejected": "B"},
         "“prompt” ends with a turn of the assistant, who is still to answer"),
        ("preference", {"prompt": "Who?", "chosen": [ASKED], "rejected": [BAD]},
         "“chosen” does not end with a turn of the assistant"),
        ("preference", {"prompt": "Who?", "chosen": [ASKED, GOOD], "rejected": [BAD]},
         "“chosen” and “rejected” do not begin with the same prompt"),
        ("preference", {"prompt": "Who?", "chosen": [{"role": "wizard", "content": "A"}], "rejected": [BAD]},
         "in turn 1, the role “wizard” is unknown: there are system, user, assistant, tool"),
        ("pairs", {"chosen": None, "rejected": "B"}, "“chosen” is empty"),
        ("pairs", {"chosen": [], "rejected": "B"}, "“chosen” is empty"),
        ("pairs", {"chosen": "A"}, "it has no “rejected”"),
        ("labelled", {"prompt": "Who?", "completion": "A", "label": "maybe"},
         "“label” is “maybe” where true or false, 1 or 0, good or bad is needed"),
        ("labelled", {"prompt": "Who?", "completion": "A", "label": 7},
         "“label” is the number 7 where true or false, 1 or 0, good or bad is needed"),
        ("labelled", {"prompt": "Who?", "completion": "A", "label": None},
         "“label” is null where true or false, 1 or 0, good or bad is needed"),
        ("labelled", {"prompt": "Who?", "completion": "A"}, "it has no “label”"),
        ("prompt", {"prompt": "", "answer": "A"}, "“prompt” is empty"),
        ("prompt", {"prompt": "Who?", "answer": ["A"]}, "“answer” is a list where text is needed"),
        ("prompt", {"prompt": "Who?", "answer": True}, "“answer” is true where text is needed"),
    ],
)  # fmt: skip
def test_it_says_why_a_row_cannot_be_used(data_format, row, reason):
    with pytest.raises(BadRow) as bad:
        canonical(row, DataFormat(data_format), {})

    assert str(bad.value) == reason
