"""Rows as LLaMA-Factory, Axolotl and TRL document them, and what a trainer sees of them."""

import json

import pytest

from training_methods.trainers.row_files import BadRow
from training_methods.trainers.rows import DataFormat, canonical, detect_format
from training_methods.trainers.survey import Request, survey

SYSTEM = {"role": "system", "content": "Be brief."}
ASKED = {"role": "user", "content": "Who?"}
GOOD = {"role": "assistant", "content": "Agatha."}
BAD = {"role": "assistant", "content": "No idea."}
SHAREGPT = [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": "Agatha."}]
TOOLS = [{"name": "weather", "description": "The weather", "parameters": {}}]
CALL = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Leeds"}}}
TALK_WITH_TOOLS = [
    ASKED,
    {"role": "assistant", "content": "", "tool_calls": [CALL]},
    {"role": "tool", "content": "Rain."},
    {"role": "assistant", "content": "Take an umbrella."},
]
WITH_A_PAST = {
    "instruction": "Say", "input": "who", "output": "Agatha.", "system": "Be brief.", "history": [["Hi", "Hello"]]
}  # fmt: skip

READ = {
    "LLaMA-Factory, alpaca": (
        WITH_A_PAST,
        DataFormat.INSTRUCTION,
        WITH_A_PAST,
    ),
    "LLaMA-Factory, alpaca, nothing before": (
        {"instruction": "Say", "input": "", "output": "Agatha.", "system": "", "history": []},
        DataFormat.INSTRUCTION,
        {"instruction": "Say", "input": "", "output": "Agatha."},
    ),
    "LLaMA-Factory, alpaca preference": (
        {"instruction": "Who?", "input": "", "chosen": "Agatha.", "rejected": "No idea."},
        DataFormat.PREFERENCE,
        {"prompt": "Who?", "chosen": "Agatha.", "rejected": "No idea."},
    ),
    "LLaMA-Factory, alpaca KTO": (
        {"instruction": "Who?", "input": "", "output": "Agatha.", "kto_tag": True},
        DataFormat.LABELLED,
        {"prompt": "Who?", "completion": "Agatha.", "label": True},
    ),
    "LLaMA-Factory, sharegpt": (
        {"conversations": SHAREGPT, "system": "Be brief.", "tools": ""},
        DataFormat.MESSAGES,
        {"messages": [SYSTEM, ASKED, GOOD]},
    ),
    "LLaMA-Factory, sharegpt with tools": (
        {
            "conversations": [
                {"from": "human", "value": "Who?"},
                {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Leeds"}}'},
                {"from": "observation", "value": "Rain."},
                {"from": "gpt", "value": "Take an umbrella."},
            ],
            "tools": json.dumps(TOOLS),
        },
        DataFormat.MESSAGES,
        {"messages": TALK_WITH_TOOLS, "tools": TOOLS},
    ),
    "LLaMA-Factory, sharegpt preference": (
        {"conversations": SHAREGPT[:1], "chosen": SHAREGPT[1], "rejected": {"from": "gpt", "value": "No idea."}},
        DataFormat.PREFERENCE,
        {"prompt": [ASKED], "chosen": [GOOD], "rejected": [BAD]},
    ),
    "LLaMA-Factory, sharegpt KTO": (
        {"conversations": SHAREGPT, "kto_tag": False},
        DataFormat.LABELLED,
        {"prompt": [ASKED], "completion": [GOOD], "label": False},
    ),
    "LLaMA-Factory, OpenAI": (
        {"messages": [SYSTEM, ASKED, GOOD]},
        DataFormat.MESSAGES,
        {"messages": [SYSTEM, ASKED, GOOD]},
    ),
    "LLaMA-Factory, pre-training": ({"text": "document"}, DataFormat.TEXT, {"text": "document"}),
    "Axolotl, pygmalion": (
        {"conversations": [{"role": "human", "value": "Who?"}, {"role": "bot", "value": "Agatha."}]},
        DataFormat.MESSAGES,
        {"messages": [ASKED, GOOD]},
    ),
    "Axolotl, turns not to be learnt": (
        {"messages": [ASKED, {**GOOD, "train": False}, ASKED, {**GOOD, "train": True}]},
        DataFormat.MESSAGES,
        {"messages": [ASKED, {**GOOD, "learnt": False}, ASKED, GOOD]},
    ),
    "Axolotl, oasst": (
        {"INSTRUCTION": "Who?", "RESPONSE": "Agatha."},
        DataFormat.INSTRUCTION,
        {"instruction": "Who?", "input": "", "output": "Agatha."},
    ),
    "Axolotl, open orca": (
        {"id": 1, "system_prompt": "Be brief.", "question": "Who?", "response": "Agatha."},
        DataFormat.QUESTION_ANSWER,
        {"question": "Who?", "answer": "Agatha.", "system": "Be brief."},
    ),
    "Axolotl, context": (
        {"article": "In Leeds.", "question": "Who?", "answer": "Agatha."},
        DataFormat.QUESTION_ANSWER,
        {"question": "Who?\n\nIn Leeds.", "answer": "Agatha."},
    ),
    "Axolotl, metharme": (
        {"prompt": "Who?", "generation": "Agatha."},
        DataFormat.PROMPT_COMPLETION,
        {"prompt": "Who?", "completion": "Agatha."},
    ),
    "Axolotl, DPO": (
        {"messages": [SYSTEM, ASKED], "chosen": GOOD, "rejected": BAD},
        DataFormat.PREFERENCE,
        {"prompt": [SYSTEM, ASKED], "chosen": [GOOD], "rejected": [BAD]},
    ),
    "Axolotl, argilla": (
        {"system": "Be brief.", "instruction": "Who?", "chosen_response": "Agatha.", "rejected_response": "No idea."},
        DataFormat.PREFERENCE,
        {"prompt": [SYSTEM, ASKED], "chosen": [GOOD], "rejected": [BAD]},
    ),
    "TRL, prompt and completion in turns": (
        {"prompt": [SYSTEM, ASKED], "completion": [GOOD]},
        DataFormat.PROMPT_COMPLETION,
        {"prompt": [SYSTEM, ASKED], "completion": [GOOD]},
    ),
    "TRL, prompt": ({"prompt": [ASKED]}, DataFormat.PROMPT, {"prompt": [ASKED], "answer": ""}),
    "TRL, preference with its prompt in both": (
        {"chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]},
        DataFormat.PAIRS,
        {"chosen": [ASKED, GOOD], "rejected": [ASKED, BAD]},
    ),
    "TRL, unpaired preference": (
        {"prompt": [ASKED], "completion": [GOOD], "label": True},
        DataFormat.LABELLED,
        {"prompt": [ASKED], "completion": [GOOD], "label": True},
    ),
    "TRL, tools": (
        {"messages": TALK_WITH_TOOLS, "tools": TOOLS},
        DataFormat.MESSAGES,
        {"messages": TALK_WITH_TOOLS, "tools": TOOLS},
    ),
    "OpenAI, parts and arguments in text": (
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Who"}, {"type": "text", "text": "?"}]},
                {"role": "assistant", "content": None, "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Leeds"}'}}
                ]},
                *TALK_WITH_TOOLS[2:],
            ]
        },
        DataFormat.MESSAGES,
        {"messages": TALK_WITH_TOOLS},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_it_reads_rows_as_others_document_them(name):
    row, data_format, seen = READ[name]

    detected = detect_format(list(row), [row])

    assert detected[0] is data_format
    assert canonical(row, *detected) == seen


@pytest.mark.parametrize(
    ("turns", "reason"),
    [
        ([ASKED, ASKED, GOOD], "in turn 2, the user speaks for the second time in a row"),
        ([ASKED, GOOD, GOOD], "in turn 3, the assistant speaks for the second time in a row"),
        ([GOOD, ASKED, GOOD], "in turn 1, the assistant speaks before anybody has asked"),
        ([ASKED, GOOD, SYSTEM, ASKED, GOOD], "in turn 3, the system speaks, whose words belong at the beginning"),
        ([{"role": "tool", "content": "Rain."}, GOOD], "in turn 1, a tool answers that the assistant has not called"),
        ([ASKED, {**GOOD, "weight": 0}], "“messages” has no turn of the assistant that is to be learnt"),
        ([{**ASKED, "train": True}, GOOD],
         "in turn 1, “train” asks to learn it, and only the assistant's words are learnt"),
        ([ASKED, {**GOOD, "weight": 0.5}], "in turn 2, “weight” is the number 0.5 where 0 or 1 is needed"),
        ([ASKED, {**GOOD, "train_detail": [{"begin_offset": 0}]}],
         "in turn 2, “train_detail” asks to learn parts of the turn, which is not possible: "
         "split the turn, or leave it"),
        ([{"role": "user", "content": [{"type": "image_url"}]}, GOOD],
         "in turn 1, “content” holds a part of the type “image_url”, and only text can be learnt"),
        ([ASKED, {"role": "assistant", "tool_calls": [{"function": {}}]}],
         "in turn 2, a tool is called without its name"),
        ([ASKED, {"from": "function_call", "value": "{"}],
         "in turn 2, “function_call” is not JSON: Expecting property name enclosed in double quotes: "
         "line 1 column 2 (char 1)"),
    ],
)  # fmt: skip
def test_it_says_why_a_conversation_cannot_be_learnt(turns, reason):
    with pytest.raises(BadRow) as bad:
        canonical({"messages": turns}, DataFormat.MESSAGES, {})

    assert str(bad.value) == reason


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"instruction": "A", "output": "B", "history": "x"},
         "“history” is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ({"instruction": "A", "output": "B", "history": [["A"]]},
         "in round 1 of “history”, a question and its answer are needed"),
        ({"messages": [ASKED, GOOD], "tools": ["weather"]}, "“tools” is no list of tools, each of them an object"),
        ({"conversations": [ASKED], "kto_tag": True}, "the conversation does not end with an answer of the assistant"),
        ({"prompt": TALK_WITH_TOOLS[:3], "chosen": "A", "rejected": "B"},
         "in turn 2, a tool is called, which is learnt from the format messages alone"),
    ],
)  # fmt: skip
def test_it_says_what_goes_with_a_row_that_cannot_be_read(row, reason):
    with pytest.raises(BadRow) as bad:
        canonical(row, *detect_format(list(row)))

    assert str(bad.value) == reason


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        ("rows.jsonl", {"instruction": "What is this?", "output": "A cat.", "images": ["cat.png"]},
         "has images in “images”, and only text can be learnt from: take the column out, and the words on it"),
        ("rows.jsonl", {"segments": [{"label": True, "text": "Hello"}]},
         "has ready-made “segments” of Axolotl's input_output, which are not read: bring what is given in a column "
         "“prompt” and what is learnt in “completion”"),
        ("rows.jsonl", {"input_ids": [1, 2], "attention_mask": [1, 1], "labels": [1, 2]},
         "holds tokens in “input_ids”, which fit one tokenizer alone: bring the text they were made of"),
        ("dataset_info.json", {"mine": {"file_name": "mine.json", "columns": {"prompt": "question"}}},
         "describes datasets and is none: bring in the file that it names, and say which column is which"),
    ],
)  # fmt: skip
def test_it_refuses_what_it_does_not_read_with_what_to_do(tmp_path, name, content, refusal):
    path = tmp_path / name
    path.write_text(json.dumps(content))

    assert survey(Request(path=path)).refusal == refusal
