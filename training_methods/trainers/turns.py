"""Conversations: turns as the common ways of writing them down have them, and the order in which people speak."""

import re
from typing import Any

from training_methods.trainers.row_files import BadRow, kind_of
from training_methods.trainers.row_values import decoded, filled, plain, text, text_or_nothing

Turns = list[dict[str, Any]]
"""[{"role", "content"}]; a turn that is not to be learnt has "learnt": False, one that calls tools "tool_calls".

What the assistant thought before it spoke stands in "reasoning_content", or in "thinking" as in gpt-oss's rows.
"""
THOUGHTS = ("reasoning_content", "thinking")

ROLES = ("system", "user", "assistant", "tool")
OTHER_NAMES = {
    "developer": "system",
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "observation": "tool",
    "function": "tool",
    "function_call": "assistant",
}
IN_JSON = re.compile(r'\s*\[\s*\{\s*"(role|from|content|value)"\s*:')
IN_PYTHON = re.compile(r"\s*\[\s*\{\s*'(role|from|content|value)'\s*:")
"""How a list of turns begins; a text that begins with another list is just that, a text."""
BEFORE = {
    "system": ("",),
    "user": ("", "system", "assistant", "tool"),
    "assistant": ("user", "tool"),
    "tool": ("assistant", "tool"),
}
OUT_OF_ORDER = {
    "system": "the system speaks, whose words belong at the beginning",
    "assistant": "the assistant speaks before anybody has asked",
    "tool": "a tool answers that the assistant has not called",
}


def dialogue(value: object, name: str) -> Turns:
    """A conversation with something to learn in it."""
    conversation = turns(value, name)
    check_order(conversation)
    if all(entry["role"] != "assistant" for entry in conversation):
        raise BadRow(f"“{name}” has no turn of the assistant")
    if all(entry["role"] != "assistant" or not entry.get("learnt", True) for entry in conversation):
        raise BadRow(f"“{name}” has no turn of the assistant that is to be learnt")
    return conversation


def question(value: object, name: str) -> str | Turns:
    """What is asked: text, or the turns up to the one that is to be answered."""
    if not is_conversation(value):
        return text(value, name)
    asked = plain_turns(value, name)
    if asked[-1]["role"] == "assistant":
        raise BadRow(f"“{name}” ends with a turn of the assistant, who is still to answer")
    check_order(asked)
    return asked


def question_or_talk(value: object, name: str) -> str | Turns:
    """What is asked, and what is answered with it where the last turn is the assistant's."""
    if not is_conversation(value):
        return text(value, name)
    talk = plain_turns(value, name)
    check_order(talk)
    return talk


def reply(value: object, name: str) -> str | Turns:
    """What is answered: text, or turns that end with the assistant's. A single turn may stand without its list."""
    if isinstance(value, dict):
        value = [value]
    if not is_conversation(value):
        return text(value, name)
    said = plain_turns(value, name)
    if said[-1]["role"] != "assistant":
        raise BadRow(f"“{name}” does not end with a turn of the assistant")
    check_order(said, before="user" if said[0]["role"] == "assistant" else "")
    return said


def check_order(conversation: Turns, before: str = "") -> None:
    for place, entry in enumerate(conversation, 1):
        role = entry["role"]
        if before == role and role in ("user", "assistant"):
            raise BadRow(f"in turn {place}, the {role} speaks for the second time in a row")
        if before not in BEFORE[role]:
            raise BadRow(f"in turn {place}, {OUT_OF_ORDER[role]}")
        before = role


def is_conversation(value: object) -> bool:
    """Whether it is a list, or one of turns as JSON in a text. Raises BadRow for one as Python writes it."""
    if isinstance(value, str) and IN_PYTHON.match(value):
        raise BadRow("a conversation is written as Python writes a list: write it as JSON")
    return isinstance(value, list) or (isinstance(value, str) and bool(IN_JSON.match(value)))


def turns(value: object, name: str) -> Turns:
    """A conversation, be its turns role and content or ShareGPT's from and value; JSON in a CSV cell is read too."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        value = decoded(value, name)
    if isinstance(value, str) and not value.strip():
        raise BadRow(f"“{name}” is empty")
    if not isinstance(value, list):
        raise BadRow(f"“{name}” is {kind_of(value)} where a list of turns is needed")
    if not value:
        raise BadRow(f"“{name}” is empty")
    return [turn(entry, place) for place, entry in enumerate(value, 1)]


def plain_turns(value: object, name: str) -> Turns:
    """Turns that hold nothing but words."""
    plain = turns(value, name)
    for place, entry in enumerate(plain, 1):
        if "tool_calls" in entry:
            raise BadRow(f"in turn {place}, a tool is called, which is learnt from the format messages alone")
        if thoughts := entry.keys() & THOUGHTS:
            raise BadRow(f"in turn {place}, “{min(thoughts)}” is learnt from the format messages alone")
    return [{"role": entry["role"], "content": entry["content"]} for entry in plain]


def turn(entry: object, place: int) -> dict[str, Any]:
    try:
        return role_and_content(entry)
    except BadRow as bad:
        raise BadRow(f"in turn {place}, {bad}") from None


def role_and_content(entry: object) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise BadRow(f"{kind_of(entry)} stands where a role and its content are needed")
    named = text(entry.get("role") or entry.get("from"), "role").strip().lower()
    role = OTHER_NAMES.get(named, named)
    if role not in ROLES:
        raise BadRow(f"the role “{named[:40]}” is unknown: there are {', '.join(ROLES)}")
    said = entry.get("value") if entry.get("content") is None else entry["content"]
    calls = tool_calls(entry, said, named) if role == "assistant" else []
    read = text_or_nothing if role == "system" or calls else text
    content = read(None if named == "function_call" else joined(said), "content")
    more = {"tool_calls": calls} if calls else {}
    return {"role": role, "content": content, **more, **thoughts(entry, role), **wish(entry, role)}


def thoughts(entry: dict[str, Any], role: str) -> dict[str, str]:
    read = {name: text_or_nothing(entry.get(name), name) for name in THOUGHTS if role == "assistant"}
    return {name: thought for name, thought in read.items() if thought}


def joined(content: object) -> object:
    """Content in parts, [{"type": "text", "text": "…"}], as one text. Raises BadRow for a part that is none."""
    if not (isinstance(content, list) and content and all(isinstance(part, dict) for part in content)):
        return content
    for part in content:
        if not isinstance(part.get("text"), str):
            raise BadRow(f"“content” holds a part of the type “{part.get('type')}”, and only text can be learnt")
    return "".join(part["text"] for part in content)


def tool_calls(entry: dict[str, Any], said: object, named: str) -> list[Any]:
    """The tools that a turn of the assistant calls: a list as in OpenAI's format, the one call that it had before
    there were lists, or ShareGPT's function_call.
    """
    given = [said] if named == "function_call" else entry.get("tool_calls") or entry.get("function_call")
    given = decoded(given, "tool_calls") if isinstance(given, str) and given.strip() else given
    calls = [decoded(call, "function_call") if isinstance(call, str) else call for call in listed(given or [])]
    functions = [call.get("function", call) if isinstance(call, dict) else call for call in flattened(calls)]
    if not all(isinstance(function, dict) and function.get("name") for function in functions):
        raise BadRow("a tool is called without its name")
    return [{"type": "function", "function": as_call(function)} for function in functions]


def as_call(function: dict[str, Any]) -> dict[str, Any]:
    arguments = function.get("arguments", {})
    arguments = decoded(arguments, "arguments") if isinstance(arguments, str) and arguments.strip() else arguments
    arguments = arguments or {}
    if not isinstance(arguments, dict):
        raise BadRow(f"“arguments” is {kind_of(arguments)} where a value for each name is needed")
    return {"name": text(function["name"], "name"), "arguments": filled(plain(arguments))}


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def flattened(calls: list[Any]) -> list[Any]:
    return [one for call in calls for one in listed(call)]


def wish(entry: dict[str, Any], role: str) -> dict[str, bool]:
    """What a turn says about being learnt: OpenAI's weight, Axolotl's train."""
    if entry.get("train_detail"):
        raise BadRow(
            "“train_detail” asks to learn parts of the turn, which is not possible: split the turn, or leave it"
        )
    asked = {name: entry[name] for name in ("train", "weight") if entry.get(name) is not None}
    for name, value in asked.items():
        if value not in (True, False, 0, 1):
            raise BadRow(f"“{name}” is {kind_of(value)} where 0 or 1 is needed")
    if role == "assistant":
        return {"learnt": False} if asked and not all(asked.values()) else {}
    if asked.get("train"):
        raise BadRow("“train” asks to learn it, and only the assistant's words are learnt")
    return {}
