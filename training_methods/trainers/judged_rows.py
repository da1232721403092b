"""Rows whose answers are judged, as a whole: prompt and answers are all text, or all turns of one conversation."""

from typing import Any

from training_methods.trainers.row_files import BadRow, Row
from training_methods.trainers.turns import Turns


def preference(row: Row) -> Row:
    """Prompt, chosen, rejected. Answers that repeat the prompt's turns lose them."""
    answers = pair(row)
    prompt, chosen, rejected = asked(row), answers["chosen"], answers["rejected"]
    if isinstance(prompt, str) and isinstance(chosen, str):
        return {"prompt": prompt, **answers}
    chosen, rejected = said(chosen), said(rejected)
    if chosen[0]["role"] != "assistant":
        return parted({"chosen": chosen, "rejected": rejected})
    return {"prompt": as_turns(prompt), "chosen": chosen, "rejected": rejected}


def pair(row: Row) -> Row:
    chosen, rejected = row["chosen"], row["rejected"]
    if isinstance(chosen, str) != isinstance(rejected, str):
        raise BadRow("one of “chosen” and “rejected” is text and the other a list of turns")
    if chosen == rejected:
        raise BadRow("“chosen” and “rejected” are the same")
    if "prompt" not in row and isinstance(chosen, list):
        parted(row)
    return {"chosen": chosen, "rejected": rejected}


def parted(row: Row) -> Row:
    """A pair with what both answers begin with as their prompt. Raises BadRow where they begin differently."""
    chosen, rejected = row["chosen"], row["rejected"]
    same = 0
    while same < min(len(chosen), len(rejected)) - 1 and chosen[same] == rejected[same]:
        same += 1
    if isinstance(chosen, str):
        same = chosen.rfind(" ", 0, same) if " " in chosen[:same] else 0
    if not same:
        raise BadRow("“chosen” and “rejected” do not begin with the same prompt")
    return {"prompt": chosen[:same], "chosen": chosen[same:], "rejected": rejected[same:]}


def labelled(row: Row) -> Row:
    prompt, label = asked(row), row["label"]
    completion = row["completion"] if "completion" in row else answer_in(prompt)
    if not isinstance(prompt, str) and prompt[-1]["role"] == "assistant":
        if "completion" in row:
            raise BadRow("the prompt ends with a turn of the assistant, who is still to answer")
        prompt = prompt[:-1]
    if not (isinstance(prompt, str) and isinstance(completion, str)):
        prompt, completion = as_turns(prompt), said(completion)
    return {"prompt": prompt, "completion": completion, "label": label}


def answer_in(talk: str | Turns) -> Turns:
    """The last turn of a conversation, which is the answer that is judged."""
    if isinstance(talk, str) or talk[-1]["role"] != "assistant" or len(talk) < 2:
        raise BadRow("the conversation does not end with an answer of the assistant")
    return talk[-1:]


def prompted(row: Row) -> Row:
    """The prompt, the right answer where there is one, and every other column as it is."""
    return {name: value for name, value in row.items() if name != "system"} | {"prompt": asked(row)}


def asked(row: Row) -> Any:
    """The prompt, with the input that goes with it, behind what was said before and the system's words."""
    prompt, more = row["prompt"], row.get("input")
    if more and isinstance(prompt, str):
        prompt = f"{prompt}\n\n{more}"
    if row.get("history"):
        prompt = [*earlier(row["history"]), *as_turns(prompt)]
    return led(row["system"], as_turns(prompt)) if row.get("system") else prompt


def led(system: str, turns: Turns) -> Turns:
    """The turns behind the system's words, unless they bring their own."""
    return turns if turns[0]["role"] == "system" else [{"role": "system", "content": system}, *turns]


def earlier(history: list[list[str]]) -> Turns:
    return [turn for asked, answer in history for turn in (*as_turns(asked), *said(answer))]


def as_turns(prompt: str | Turns) -> Turns:
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


def said(answer: str | Turns) -> Turns:
    return [{"role": "assistant", "content": answer}] if isinstance(answer, str) else answer
