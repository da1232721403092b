"""Trying a customized model: a worker holds it ready for one person's prompts, and the base model beside it."""

import random
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from training_jobs import model_work
from training_jobs.models import CustomizedModel, Exchange, TryOut, Work
from training_methods import clocks

MOST_WAITING = 5  # prompts of one person
Vote = Exchange.Vote


class TooMany(Exception):
    """The message is a sentence for whoever asked."""


@dataclass(frozen=True, kw_only=True)
class Votes:
    """What people voted for, not knowing which was which."""

    tuned: int
    base: int
    tie: int

    @property
    def all(self) -> int:
        return self.tuned + self.base + self.tie


def ask(model: CustomizedModel, user: Any, **question: Any) -> Exchange:
    """Put a prompt to the model; a worker is called where none holds it ready for this person. Raises TooMany."""
    with transaction.atomic():
        try_out = started(model, user)
        unended = try_out.exchanges.filter(state__in=Exchange.UNENDED).count()
        if unended >= MOST_WAITING:
            raise TooMany(
                _("%(count)s of your prompts wait for an answer: let one be answered first.") % {"count": unended}
            )
        if question.get("seed") is None:
            question["seed"] = random.randrange(2**31)  # noqa: S311 - a draw of words, no secret
        return Exchange.objects.create(
            model=model,
            try_out=try_out,
            asked_by=user,
            tuned_is_left=random.random() < 0.5,  # noqa: S311
            has_both=model.kind != CustomizedModel.Kind.REWARD,
            **question,
        )


def started(model: CustomizedModel, user: Any) -> TryOut:
    """This person's session with the model: the one there is, or a new one. It cannot end before the commit."""
    clocks.by_trusted(give_up_lost)
    live = live_one(model, user)
    if live and TryOut.objects.filter(pk=live.pk, state__in=Work.UNENDED).update(left_at=None):
        return live
    queue = model.train.queue if model.train else "default"
    try:
        with transaction.atomic():
            try_out = TryOut.objects.create(model=model, asked_by=user, queue=queue)
    except IntegrityError:  # asked twice at once
        return TryOut.objects.get(model=model, asked_by=user, state__in=Work.UNENDED)
    model_work.wake(try_out)
    return try_out


def live_one(model: CustomizedModel, user: Any) -> TryOut | None:
    """One that was asked to end takes no more prompts."""
    return TryOut.objects.filter(model=model, asked_by=user, state__in=Work.UNENDED, end_requested=False).first()


def latest(model: CustomizedModel, user: Any) -> TryOut | None:
    return TryOut.objects.filter(model=model, asked_by=user).first()


def end(try_out: TryOut) -> bool:
    """At once where it only waits, else as soon as its worker hears of it, or the next if that one leaves. False: it
    has ended.
    """
    mine = TryOut.objects.filter(pk=try_out.pk)
    won = mine.filter(state__in=Work.UNENDED).update(end_requested=True)
    if mine.filter(state=Work.State.WAITING).update(state=Work.State.DONE, ending=TryOut.Ending.ASKED, ended_at=Now()):
        give_up_questions(try_out.pk)
    return bool(won)


def leave(try_out: TryOut) -> None:
    """The page was closed: it may come back in a moment."""
    TryOut.objects.filter(pk=try_out.pk, state__in=Work.UNENDED).update(left_at=Now())


def is_back(try_out: TryOut) -> None:
    if try_out.left_at:
        TryOut.objects.filter(pk=try_out.pk).update(left_at=None)


def give_up_questions(try_out_id: int, why: str = "") -> int:
    """What a session that ended has not answered."""
    said = why or gettext_noop("The session ended before it was answered. Ask it again.")
    unanswered = Exchange.objects.filter(try_out=try_out_id, state__in=Exchange.UNENDED)
    return unanswered.update(state=Exchange.State.FAILED, said=said)


def give_up_lost() -> None:
    """What lost workers had taken, and the prompts that were put to them: also where the session's end is on record,
    since a worker may be lost between the two.
    """
    model_work.give_up_lost()
    ended = (Work.State.DONE, Work.State.FAILED)
    lost = Exchange.objects.filter(state__in=Exchange.UNENDED, try_out__state__in=ended)
    lost.update(state=Exchange.State.FAILED, said=gettext_noop("Its worker was lost. Ask it again."))


def vote(exchange: Exchange, choice: Vote) -> bool:
    """False: it was voted on before, or is not answered yet."""
    open_ones = Exchange.objects.filter(pk=exchange.pk, vote="", has_both=True, state=Exchange.State.DONE)
    return bool(open_ones.update(vote=choice))


def votes(model: CustomizedModel) -> Votes:
    tuned = Q(vote=Vote.LEFT, tuned_is_left=True) | Q(vote=Vote.RIGHT, tuned_is_left=False)
    base = Q(vote=Vote.LEFT, tuned_is_left=False) | Q(vote=Vote.RIGHT, tuned_is_left=True)
    counts = Exchange.objects.filter(model=model).aggregate(
        tuned=Count("pk", filter=tuned), base=Count("pk", filter=base), tie=Count("pk", filter=Q(vote=Vote.TIE))
    )
    return Votes(**counts)


def kept(model: CustomizedModel) -> QuerySet[Exchange]:
    """The newest first."""
    return Exchange.objects.filter(model=model).select_related("asked_by", "try_out")
