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
PAST = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
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
    "LLaMA-Factory, alpaca preference with a past": (
        {"instruction": "Who?", "input": "", "chosen": "Agatha.", "rejected": "No idea.", "system": "Be brief.",
         "history": [["Hi", "Hello"]]},
        DataFormat.PREFERENCE,
        {"prompt": [SYSTEM, *PAST, ASKED], "chosen": [GOOD], "rejected": [BAD]},
    ),
    "LLaMA-Factory, alpaca KTO with a past": (
        {"instruction": "Who?", "input": "", "output": "Agatha.", "kto_tag": "false", "history": [["Hi", "Hello"]]},
        DataFormat.LABELLED,
        {"prompt": [*PAST, ASKED], "completion": [GOOD], "label": False},
    ),
    "LLaMA-Factory, sharegpt preference with a system": (
        {"conversations": SHAREGPT[:1], "system": "Be brief.", "tools": "", "chosen": SHAREGPT[1],
         "rejected": {"from": "gpt", "value": "No idea."}},
        DataFormat.PREFERENCE,
        {"prompt": [SYSTEM, ASKED], "chosen": [GOOD], "rejected": [BAD]},
    ),
    "Axolotl, jeopardy": (
        {"question": "Who?", "category": "people", "answer": "Agatha."},
        DataFormat.QUESTION_ANSWER,
        {"question": "Who?", "answer": "Agatha."},
    ),
    "Axolotl, gpteacher": (
        {"instruction": "Say", "input": "who", "response": "Agatha."},
        DataFormat.INSTRUCTION,
        {"instruction": "Say", "input": "who", "output": "Agatha."},
    ),
    "Axolotl, camel": (
        {"message_1": "Who?", "message_2": "Agatha."},
        DataFormat.PROMPT_COMPLETION,
        {"prompt": "Who?", "completion": "Agatha."},
    ),
    "Axolotl, summarizetldr": (
        {"article": "A long one.", "summary": "Short."},
        DataFormat.PROMPT_COMPLETION,
        {"prompt": "A long one.", "completion": "Short."},
    ),
    "Axolotl, intel": (
        {"system": "Be brief.", "question": "Who?", "chosen": "Agatha.", "rejected": "No idea."},
        DataFormat.PREFERENCE,
        {"prompt": [SYSTEM, ASKED], "chosen": [GOOD], "rejected": [BAD]},
    ),
    "Axolotl, icr": (
        {"system": "", "input": "Who?", "chosen": "Agatha.", "rejected": "No idea."},
        DataFormat.PREFERENCE,
        {"prompt": "Who?", "chosen": "Agatha.", "rejected": "No idea."},
    ),
    "Axolotl, ultra": (
        {"prompt": "Who?", "chosen": [ASKED, GOOD], "rejected": [ASKED, BAD], "score_chosen": 8.0},
        DataFormat.PREFERENCE,
        {"prompt": [ASKED], "chosen": [GOOD], "rejected": [BAD]},
    ),
    "Axolotl, KTO": (
        {"system": "Be brief.", "instruction": "Who?", "completion": "Agatha.", "label": "True"},
        DataFormat.LABELLED,
        {"prompt": [SYSTEM, ASKED], "completion": [GOOD], "label": True},
    ),
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
    "JSON as an answer": (
        {"prompt": "As JSON?", "completion": '[{"id": 1}]'},
        DataFormat.PROMPT_COMPLETION,
        {"prompt": "As JSON?", "completion": '[{"id": 1}]'},
    ),
    "a conversation as JSON over several lines": (
        {"prompt": json.dumps([ASKED], indent=1), "completion": "Agatha."},
        DataFormat.PROMPT_COMPLETION,
        {"prompt": [ASKED], "completion": [GOOD]},
    ),
    "OpenAI, a function_call of old": (
        {"messages": [ASKED, {"role": "assistant", "content": None, "function_call": {
            "name": "weather", "arguments": '{"city": "Leeds"}'
        }}, {"role": "function", "name": "weather", "content": "Rain."}, TALK_WITH_TOOLS[-1]]},
        DataFormat.MESSAGES,
        {"messages": TALK_WITH_TOOLS},
    ),
    "arguments as Parquet has them": (
        {"messages": [ASKED, {"role": "assistant", "content": None, "tool_calls": [
            {"function": {"name": "weather", "arguments": {"city": "Leeds", "street": None}}}
        ]}, *TALK_WITH_TOOLS[2:]]},
        DataFormat.MESSAGES,
        {"messages": TALK_WITH_TOOLS},
    ),
    "a half of a character in a column that is passed on": (
        {"prompt": "Who?", "more": {"\ud800": "\ud800"}},
        DataFormat.PROMPT,
        {"prompt": "Who?", "answer": "", "more": {"?": "?"}},
    ),
    "Axolotl, explainchoice": (
        {"question": "Who?", "choices": ["Agatha", "Basil"], "solution": "Agatha.", "explanation": "It was her."},
        DataFormat.QUESTION_ANSWER,
        {"question": "Who?\n\n- Agatha\n- Basil", "answer": "Agatha."},
    ),
    "Axolotl, concisechoice without a solution": (
        {"question": "Who?", "choices": ["Agatha", "Basil"], "explanation": "It was her."},
        DataFormat.QUESTION_ANSWER,
        {"question": "Who?\n\n- Agatha\n- Basil", "answer": "It was her."},
    ),
    "Axolotl, creative_acr's answers": (
        {"instruction": "Who?", "revision": "Agatha."},
        DataFormat.INSTRUCTION,
        {"instruction": "Who?", "input": "", "output": "Agatha."},
    ),
    "Axolotl, KTO argilla_chat": (
        {"completion": [ASKED, GOOD], "label": True},
        DataFormat.LABELLED,
        {"prompt": [ASKED], "completion": [GOOD], "label": True},
    ),
    "Axolotl, KTO argilla_chat in halves": (
        {"chosen": [ASKED], "completion": [GOOD], "label": False},
        DataFormat.LABELLED,
        {"prompt": [ASKED], "completion": [GOOD], "label": False},
    ),
    "LLaMA-Factory, OpenAI, with what was thought": (
        {"messages": [ASKED, {**GOOD, "reasoning_content": "Hers, or Basil's?"}]},
        DataFormat.MESSAGES,
        {"messages": [ASKED, {**GOOD, "reasoning_content": "Hers, or Basil's?"}]},
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
        ({"prompt": "Who?", "completion": "Agatha.", "label": 2},
         "“label” is the number 2 where true or false, 1 or 0, good or bad is needed"),
        ({"prompt": "Who?", "completion": "?", "chosen": "Agatha.", "rejected": None}, "“rejected” is empty"),
        ({"messages": [ASKED, {"role": "assistant", "tool_calls": [{"name": "a", "arguments": [1]}]}]},
         "in turn 2, “arguments” is a list where a value for each name is needed"),
        ({"messages": [ASKED, {"role": "assistant", "tool_calls": [{"name": "\ud800"}]}]},
         "in turn 2, “name” holds half a character (a lone surrogate)"),
        ({"messages": [ASKED, GOOD], "tools": [{}]}, "in tool 1 of “tools”, the name is missing"),
        ({"prompt": "[{'role': 'user', 'content': 'Who?'}]", "completion": "Agatha."},
         "a conversation is written as Python writes a list: write it as JSON"),
        ({"prompt": [ASKED], "chosen": [{**GOOD, "thinking": "Hers?"}], "rejected": [BAD]},
         "in turn 1, “thinking” is learnt from the format messages alone"),
        ({"question": "Who?", "choices": ["Agatha", 3], "answer": "Agatha."},
         "“choices” is the number 3 where text is needed"),
        ({"completion": "Agatha.", "label": True}, "the conversation does not end with an answer of the assistant"),
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
        ("rows.jsonl", {"prompt": "What is this?", "completion": "A cat.", "image": "cat.png"},
         "has image in “image”, and only text can be learnt from: take the column out, and the words on it"),
        ("rows.jsonl", {"segments": [{"label": True, "text": "Hello"}]},
         "has ready-made “segments” of Axolotl's input_output, which are not read: bring what is given in a column "
         "“prompt” and what is learnt in “completion”"),
        ("rows.jsonl", {"input_ids": [1, 2], "attention_mask": [1, 1], "labels": [1, 2]},
         "holds tokens in “input_ids”, which fit one tokenizer alone: bring the text they were made of"),
        ("rows.jsonl", {"prompt": "Why?", "completions": ["First.", "Then."], "labels": [True, False]},
         "judges each of the steps in “completions” by itself, which no method here learns from: bring one "
         "“completion” a row, and its “label”"),
        ("rows.jsonl", {"article": "In Leeds.", "unanswerable_question": "Who?"},
         "has no answers to its “unanswerable_question”: bring a column “answer” with the words to give when the text "
         "does not say"),
        ("rows.jsonl", {"scores": "3", "critiques": "Too short.", "instruction": "Who?", "answer": "Agatha."},
         "has “critiques”, and nothing that tells how they are asked for: bring the request, with the answer to be "
         "judged, in a column “prompt” and the critique in “completion”"),
        ("rows.jsonl", {"prompt": "Who?", "answers": [{"answer": "Agatha.", "rank": 1}, {"answer": "?", "rank": 2}]},
         "ranks the answers in “answers”, and pairs of them are learnt from: bring one answer as “chosen” and one of a "
         "lower rank as “rejected”"),
        ("rows.jsonl", {"messages": [ASKED, GOOD], "chat_template_kwargs": {"enable_thinking": False}},
         "sets the chat template in “chat_template_kwargs”, which is not read: take the column out, and write into the "
         "turns what it would change"),
        ("dataset_info.json", {"mine": {"file_name": "mine.json", "columns": {"prompt": "question"}}},
         "describes datasets and is none: bring in the file that it names, and say which column is which"),
    ],
)  # fmt: skip
def test_it_refuses_what_it_does_not_read_with_what_to_do(tmp_path, name, content, refusal):
    path = tmp_path / name
    path.write_text(json.dumps(content))

    assert survey(Request(path=path)).refusal == refusal


@pytest.mark.parametrize(
    ("column", "nothing", "value", "refusal"),
    [
        ("images", [], ["cat.png"], "has images in “images”"),
        ("answers", [], [{"answer": "Agatha.", "rank": 1}], "ranks the answers"),
        ("chat_template_kwargs", {}, {"enable_thinking": False}, "sets the chat template"),
    ],
)
def test_it_refuses_what_only_later_rows_have(tmp_path, column, nothing, value, refusal):
    path = tmp_path / "rows.jsonl"
    rows = [{"prompt": "Who?", "completion": "Agatha.", column: held} for held in [*[nothing] * 9, value]]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    assert survey(Request(path=path)).refusal.startswith(refusal)
