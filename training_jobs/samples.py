"""What a model answered to its sample prompts while it learnt."""

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import chain

from training_jobs.models import JobEvent, TrainingJob

NEWEST, EARLIEST = 120, 20  # events that are read
ANSWERS = 8  # shown of a prompt, beside its first
MOST_WORDS = 1500  # that are held against one another
WORDS = re.compile(r"\s+|[^\W_]+|.", re.DOTALL)


@dataclass(frozen=True)
class Answer:
    """`id` is its event's, the same whenever it is shown."""

    id: int
    step: int
    text: str


@dataclass(frozen=True)
class Samples:
    """A prompt with its newest answers, the newest first, and its first one unless that is among them.

    `id` is the first event's.
    """

    id: int
    prompt: str
    newest: list[Answer]
    first: Answer | None


@dataclass(frozen=True)
class Part:
    """Words of an answer. `is_other`: they are not in the answer beside it."""

    text: str
    is_other: bool


@dataclass(frozen=True)
class Pair:
    """Two answers to a prompt, in parts. None: there is no such answer."""

    prompt: str
    left: list[Part] | None
    right: list[Part] | None


def read(job: TrainingJob) -> list[Samples]:
    """By prompt, in the order they were first asked. Of a step that was done twice, what was said the second time."""
    events = job.events.filter(kind=JobEvent.SAMPLE)
    newest, earliest = events.order_by("-id")[:NEWEST], events.order_by("id")[:EARLIEST]
    by_prompt: dict[str, dict[int, Answer]] = {}
    for event in chain(earliest, reversed(newest)):
        answer = Answer(event.pk, event.data["step"], event.data["answer"])
        by_prompt.setdefault(event.data["prompt"], {})[answer.step] = answer
    return [arranged(prompt, answers) for prompt, answers in by_prompt.items()]


def arranged(prompt: str, answers: dict[int, Answer]) -> Samples:
    in_order = [answers[step] for step in sorted(answers, reverse=True)]
    first = in_order[-1]
    return Samples(first.id, prompt, in_order[:ANSWERS], first if len(in_order) > ANSWERS else None)


def steps(job: TrainingJob) -> list[int]:
    """At which there are answers."""
    found = job.events.filter(kind=JobEvent.SAMPLE).order_by().values_list("data__step", flat=True)
    return sorted(set(found))


def at(job: TrainingJob, step: int) -> dict[str, str]:
    """Prompt → answer, as it was said last at this step."""
    events = job.events.filter(kind=JobEvent.SAMPLE, data__step=step).order_by("id")
    return {event.data["prompt"]: event.data["answer"] for event in events}


def side_by_side(left: dict[str, str], right: dict[str, str]) -> list[Pair]:
    """Every prompt of either, with the words marked that only one of its answers has."""
    return [pair(prompt, left.get(prompt), right.get(prompt)) for prompt in dict.fromkeys([*left, *right])]


def pair(prompt: str, left: str | None, right: str | None) -> Pair:
    if left is None or right is None:
        return Pair(prompt, whole(left), whole(right))
    words, others = WORDS.findall(left), WORDS.findall(right)
    if max(len(words), len(others)) > MOST_WORDS:
        return Pair(prompt, whole(left), whole(right))
    blocks = SequenceMatcher(None, words, others, autojunk=False).get_opcodes()
    return Pair(
        prompt,
        [Part("".join(words[first:last]), kind != "equal") for kind, first, last, _, _ in blocks if first < last],
        [Part("".join(others[first:last]), kind != "equal") for kind, _, _, first, last in blocks if first < last],
    )


def whole(answer: str | None) -> list[Part] | None:
    return None if answer is None else [Part(answer, is_other=False)]
