"""The text that chooses rewards, weighs them and adds them up: `exact_match: 1.0, length(20, 80): 0.2`.

A pattern or a word stands in quotation marks of either kind, and backslashes in it mean what they mean in a pattern.
"""

import inspect
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from training_methods.trainers.rewards import BUILT_IN, Function, Row, regex

LONGEST_CURVE = 60  # characters of arguments in a curve's name


@dataclass(frozen=True)
class Reward:
    """One item of the text. `function` is None for one of the site's own, whose file only a run reads."""

    name: str
    arguments: tuple[float | str, ...] = ()
    weight: float = 1.0
    function: Function | None = None

    @property
    def curve(self) -> str:
        """What its curve is called: its name, with the arguments where it has some, cut where they are long."""
        given = ", ".join(map(str, self.arguments))
        given = given if len(given) <= LONGEST_CURVE else given[:LONGEST_CURVE] + "…"
        return f"{self.name}({given})" if self.arguments else self.name

    def of(self, completion: str, row: Row) -> float:
        assert self.function, f"{self.name} is not loaded"
        return self.function(completion, row, *self.arguments)


class BadRewards(ValueError):
    """The text cannot be followed. The message names every mistake, and reads on from “it”."""


def parse(text: str) -> list[Reward]:
    """The rewards that a text names, in its order. Raises BadRewards."""
    if not text.strip():
        raise BadRewards("names no reward: write for example exact_match: 1.0, length(20, 80): 0.2")
    read, wrong = [], []
    for item in split(text):
        try:
            read.append(parse_item(item.strip()))
        except BadRewards as mistake:
            wrong.append(str(mistake))
    curves = [reward.curve for reward in read]
    wrong += [f"names {curve} twice" for curve in dict.fromkeys(curves) if curves.count(curve) > 1]
    if wrong:
        raise BadRewards("; it ".join(wrong))
    return read


def split(text: str) -> Iterator[str]:
    """The pieces between the commas that stand outside brackets and quotation marks."""
    depth, quote, start = 0, "", 0
    for place, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "," and depth <= 0:
            yield text[start:place]
            start = place + 1
    yield text[start:]


ITEM = re.compile(r"(?P<name>[^\W\d]\w*)\s*(?:\((?P<arguments>.*)\)\s*)?(?::(?P<weight>[^:]*))?", re.DOTALL)
QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'", re.DOTALL)


def parse_item(item: str) -> Reward:
    found = ITEM.fullmatch(item)
    if not item:
        raise BadRewards("has a comma with nothing behind or before it")
    if not found:
        raise BadRewards(f"cannot be read at “{item}”: an item is name, name: weight or name(arguments): weight")
    name, given, weight = found["name"], found["arguments"] or "", found["weight"]
    arguments = tuple(argument(piece.strip(), name) for piece in split(given)) if given.strip() else ()
    reward = Reward(name, arguments, weight_of(weight, name), BUILT_IN.get(name))
    if reward.function:
        check_arguments(reward)
        try_out(reward)
    return reward


def argument(text: str, name: str) -> float | str:
    if quoted := QUOTED.fullmatch(text):
        return quoted[1] if quoted[1] is not None else quoted[2]
    try:
        return number(text)
    except ValueError:
        raise BadRewards(f"gives {name} “{text}”, which is neither a number nor text in quotation marks") from None


def weight_of(text: str | None, name: str) -> float:
    try:
        weight = 1.0 if text is None else float(number(text.strip()))
    except ValueError:
        raise BadRewards(f"gives {name} the weight “{(text or '').strip()}”, which is not a number") from None
    if not weight:
        raise BadRewards(f"gives {name} the weight 0: leave it out instead")
    return weight


def number(text: str) -> float:
    """Whole where it is written so. Raises ValueError, for NaN and infinity too."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return int(text) if re.fullmatch(r"[+-]?\d{1,15}", text) else value


def check_arguments(reward: Reward) -> None:
    """That there are as many as the function takes. Raises BadRewards."""
    assert reward.function
    if not rates_one_answer(reward.function):
        raise BadRewards(
            f"has {reward.name}, which does not rate one answer: "
            "let it take (completion, row), and not a batch as in TRL"
        )
    try:
        inspect.signature(reward.function).bind("", {}, *reward.arguments)
    except TypeError:
        raise BadRewards(f"has {reward.curve}, and {usage(reward)}") from None


def rates_one_answer(function: Function) -> bool:
    """One that was written for TRL takes `completions`, and may take the rest by name alone."""
    signature = inspect.signature(function)
    try:
        signature.bind_partial("", {})
    except TypeError:
        return False
    return "completions" not in signature.parameters


def try_out(reward: Reward) -> None:
    """That the arguments make sense, seen on an empty answer. Raises BadRewards.

    A pattern is compiled and held against nothing: the web process asks this of what anybody has typed, and some
    patterns go back and forth for hours on no text at all.
    """
    try:
        if reward.function is regex:
            re.compile(*reward.arguments)  # type: ignore[call-overload]
        else:
            reward.of("", {"answer": ""})
    except TypeError:
        raise BadRewards(f"has {reward.curve}, and {usage(reward)}") from None
    except (re.error, OverflowError, RecursionError) as error:
        raise BadRewards(f"has the pattern “{reward.arguments[0]}”, which is none: {error}") from None
    except ValueError as error:
        raise BadRewards(f"has {reward.curve}, and {error}") from None


def usage(reward: Reward) -> str:
    """“length takes least (int), most (int)”."""
    assert reward.function
    _, _, *taken = inspect.signature(reward.function).parameters.values()
    named = ", ".join(f"{one.name} ({KINDS.get(one.annotation, 'a value')})" for one in taken)
    return f"{reward.name} takes {named or 'nothing in brackets'}"


KINDS = {int: "a whole number", float: "a number", str: "text in quotation marks"}
