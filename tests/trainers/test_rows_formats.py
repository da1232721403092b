"""What a row is: telling formats apart, and reading a row under its format's own names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training_methods.trainers.row_files import BadRow
from training_methods.trainers.rows import DataFormat, canonical, detect_format

TURNS = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["messages"], DataFormat.MESSAGES),
        (["id", "conversations"], DataFormat.MESSAGES),
        (["prompt", "completion"], DataFormat.PROMPT_COMPLETION),
        (["Prompt", "Response"], DataFormat.PROMPT_COMPLETION),
        (["input", "output"], DataFormat.PROMPT_COMPLETION),
        (["instruction", "input", "output"], DataFormat.INSTRUCTION),
        (["instruction", "context", "response", "category"], DataFormat.INSTRUCTION),
        (["instruction", "output"], DataFormat.INSTRUCTION),
        (["question", "answer"], DataFormat.QUESTION_ANSWER),
        (["text", "url"], DataFormat.TEXT),
        (["text", "prompt", "completion"], DataFormat.PROMPT_COMPLETION),
    ],
)
def test_it_detects_the_format(columns, expected):
    assert detect_format(columns)[0] is expected


def test_it_maps_the_formats_columns_to_the_files():
    _, mapping = detect_format(["instruction", "Context", "response"])

    assert mapping == {"instruction": "instruction", "input": "Context", "output": "response"}


def test_it_detects_nothing_in_columns_it_does_not_know():
    assert detect_format(["a", "b"]) is None


def test_it_prefers_a_format_that_can_read_the_first_rows():
    row = {"conversation": "no list of turns", "text": "words"}

    assert detect_format(list(row), [row])[0] is DataFormat.TEXT


def test_it_leaves_the_columns_that_were_given_as_they_are():
    found = detect_format(["Frage", "Antwort"], given={"question": "Frage", "answer": "Antwort"})

    assert found == (DataFormat.QUESTION_ANSWER, {"question": "Frage", "answer": "Antwort"})


def test_it_reads_sharegpt_turns_as_roles():
    turns = [{"from": "human", "value": "Hello"}, {"from": "gpt", "value": "Good day"}]

    row = canonical({"conversations": turns}, DataFormat.MESSAGES, {"messages": "conversations"})

    assert row == {"messages": TURNS}


def test_it_reads_turns_written_as_json_in_a_cell():
    cell = '[{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Good day"}]'

    assert canonical({"messages": cell}, DataFormat.MESSAGES, {}) == {"messages": TURNS}


def test_it_reads_a_missing_optional_column_as_nothing():
    row = canonical({"instruction": "Say hello", "output": "Hello"}, DataFormat.INSTRUCTION, {})

    assert row == {"instruction": "Say hello", "input": "", "output": "Hello"}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"question": "Why?"}, "it has no “answer”"),
        ({"question": "Why?", "answer": None}, "“answer” is empty"),
        ({"question": " ", "answer": "So"}, "“question” is empty"),
        ({"question": "2 + 2?", "answer": 4}, "“answer” is the number 4 where text is needed"),
        ({"question": "Why?", "answer": ["So"]}, "“answer” is a list where text is needed"),
        ({"question": "Why?", "answer": True}, "“answer” is true where text is needed"),
        ({"question": "Why?", "answer": "a\0b"}, "“answer” holds a NUL character"),
        ({"question": "Why?", "answer": "\ud83d"}, "“answer” holds half a character (a lone surrogate)"),
        ({"question": "Why?", "answer": "x" * (16 * 2**20 + 1)}, "“answer” is longer than 16 million characters"),
    ],
)
def test_it_says_why_a_row_cannot_be_used(row, reason):
    with pytest.raises(BadRow) as bad:
        canonical(row, DataFormat.QUESTION_ANSWER, {})

    assert str(bad.value) == reason


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ("Hello", "“messages” is text where a list of turns is needed"),
        ("[1", "“messages” is not JSON: Expecting ',' delimiter: line 1 column 3 (char 2)"),
        ([], "“messages” is empty"),
        (["Hello"], "in turn 1, text stands where a role and its content are needed"),
        ([{"content": "Hello"}], "in turn 1, “role” is empty"),
        ([*TURNS, {"role": "wizard", "content": "Hello"}], "in turn 3, the role “wizard” is unknown: "
         "there are system, user, assistant, tool"),
        ([{"role": "user"}], "in turn 1, “content” is empty"),
        ([{"role": "user", "content": ["Hello"]}], "in turn 1, “content” is a list where text is needed"),
        (TURNS[:1], "“messages” has no turn of the assistant"),
    ],
)  # fmt: skip
def test_it_says_why_a_conversation_cannot_be_used(messages, reason):
    with pytest.raises(BadRow) as bad:
        canonical({"messages": messages}, DataFormat.MESSAGES, {})

    assert str(bad.value) == reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    value=json_values | st.lists(st.dictionaries(st.sampled_from(["role", "content", "from", "value"]), json_values))
)
@pytest.mark.parametrize("data_format", DataFormat)
def test_it_reads_or_refuses_whatever_a_value_is(data_format, value):
    row = {column.name: value for column in data_format.columns}

    try:
        seen = canonical(row, data_format, {})
    except BadRow as bad:
        assert str(bad)
    else:
        assert seen.keys() <= row.keys()
