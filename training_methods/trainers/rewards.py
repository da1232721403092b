"""What an answer is worth. A reward is a function of the answer and of the row that asked for it.

Your own stand in a file `rewards.py` in the trainers folder and look like those below:

    def politeness(completion, row, word):
        return 1.0 if word in completion else 0.0
"""

import json
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, NoReturn

from training_methods.trainers import json_schemas

Row = dict[str, Any]
Function = Callable[..., float]

LONGEST_ANSWER = 20_000  # characters that a pattern is held against
PATIENCE = 1.0  # seconds for one pattern or schema on one answer


def exact_match(completion: str, row: Row) -> float:
    """1 if the answer is the row's, space around both aside."""
    return float(completion.strip() == row["answer"].strip())


def numeric_answer(completion: str, row: Row) -> float:
    """1 if both end on the same number: the one after `####`, as in GSM8K, else the last one."""
    right, given = last_number(row["answer"]), last_number(completion)
    return float(right is not None and right == given)


def regex(completion: str, row: Row, pattern: str) -> float:
    """1 if the pattern is found somewhere in the answer."""
    compiled = re.compile(pattern)
    try:
        with time_limit(PATIENCE):
            return float(compiled.search(completion[:LONGEST_ANSWER]) is not None)
    except TimeoutError:
        return given_up(f"The pattern {pattern}")


def given_up(what: str) -> float:
    print(f"{what} was given up on after {PATIENCE:g} s; the answer counts as 0.", flush=True)
    return 0.0


def valid_json(completion: str, row: Row) -> float:
    """1 if the whole answer is JSON; NaN and Infinity are none."""
    return float(read_json(completion) is not NO_JSON)


def json_schema(completion: str, row: Row, schema: str) -> float:
    """1 if the whole answer is JSON and fits the schema."""
    wanted, value = json_schemas.parse(schema), read_json(completion)
    try:
        with time_limit(PATIENCE):
            return float(value is not NO_JSON and json_schemas.fits(value, wanted))
    except TimeoutError:
        return given_up(f"The schema {schema}")
    except RecursionError:  # brackets in brackets, some hundreds deep
        return 0.0


def length(completion: str, row: Row, least: int, most: int) -> float:
    """1 from `least` to `most` characters; below and above it falls towards 0, so that nearer is better."""
    if not 0 < least <= most:
        raise ValueError(f"length({least}, {most}) has no room: the first number is at least 1, the second no less")
    characters = len(completion.strip())
    return min(characters / least, most / max(characters, 1), 1.0)


def language(completion: str, row: Row, code: str) -> float:
    """1 if the answer is in that language, as far as its script, or its commonest words, tell."""
    if code not in (*SCRIPTS, *STOP_WORDS):
        raise ValueError(f"language knows no “{code}”: it knows {', '.join(sorted((*SCRIPTS, *STOP_WORDS)))}")
    return float(language_of(completion) == code)


BUILT_IN: dict[str, Function] = {
    function.__name__: function
    for function in (exact_match, numeric_answer, regex, valid_json, json_schema, length, language)
}
NEED_ANSWER = ("exact_match", "numeric_answer")

NUMBER = re.compile(r"(?:(?<!\d)-)?(?:\d[\d,]*(?:\.\d+)?|\.\d+)")


def last_number(text: str) -> Decimal | None:
    """72 of “… #### 72”, 1234.5 of “1,000 or rather 1,234.5”."""
    numbers = NUMBER.findall(text.rpartition("####")[2]) or NUMBER.findall(text)
    return Decimal(numbers[-1].replace(",", "")) if numbers else None


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TimeoutError after so long, even while a pattern goes back and forth. Only the main thread is limited."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> NoReturn:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


NO_JSON = object()


def read_json(text: str) -> Any:
    """The value that the whole text is, or NO_JSON."""
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return NO_JSON


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


# A language with a script of its own is known by it, the others by words that every longer text has.
SCRIPTS = {
    "ja": r"[\u3040-\u30ff]",  # before Chinese, whose characters it uses too
    "zh": r"[\u4e00-\u9fff]",
    "ko": r"[\uac00-\ud7af]",
    "ru": r"[\u0400-\u04ff]",
    "ar": r"[\u0600-\u06ff]",
    "he": r"[\u0590-\u05ff]",
    "hi": r"[\u0900-\u097f]",
    "th": r"[\u0e00-\u0e7f]",
    "el": r"[\u0370-\u03ff]",
}
STOP_WORDS = {
    "en": "the and of to is in that it was for are with as this be not you have from",
    "de": "der die das und ist in den von zu mit nicht ein eine auf für im sich dem es wird",
    "fr": "le la les et de des est une un dans que qui pour pas sur au du avec ce il",
    "es": "el la los las y de que en un una es por con no para se del su al como",
    "it": "il la di che e è un una per non in con del della sono si lo gli le nel",
    "pt": "o a os as e de que em um uma é não para com do da no na se por",
    "nl": "de het een en van is in dat op te zijn voor met niet aan er die om ook als",
}


def language_of(text: str) -> str | None:
    """The likeliest of the languages known here. None: nothing tells."""
    letters = sum(character.isalpha() for character in text)
    for code, script in SCRIPTS.items():
        # A tenth of kana makes a text Japanese; of the others half of the letters are needed.
        if letters and len(re.findall(script, text)) >= letters * (0.1 if code == "ja" else 0.5):
            return code
    words = re.findall(r"[^\W\d_]+", text.lower())
    found = {code: sum(word in common.split() for word in words) for code, common in STOP_WORDS.items()}
    best = max(found, key=lambda code: found[code])
    return best if found[best] else None
