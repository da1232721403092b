"""What a model answered to its sample prompts while it learnt."""

from dataclasses import dataclass
from itertools import chain

from training_jobs.models import JobEvent, TrainingJob

NEWEST, EARLIEST = 120, 20  # events that are read
ANSWERS = 8  # shown of a prompt, beside its first


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
