"""One session with a customized model in a worker: load it in a child, put prompts to it, keep its words."""

import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, Value
from django.db.models.functions import Concat, Now

from training_jobs import model_facts, model_work, tryouts
from training_jobs.model_work import State
from training_jobs.models import CustomizedModel, Exchange, TrainingJob, TryOut
from training_jobs.talking_child import TalkingChild
from training_methods import child_process
from training_methods.claims import Claim, Leaving, NotOurs, still_at_it
from training_methods.flags import Flag
from training_methods.trainers.dialogue import REPLY, Answered, Question, Ready, Scene, Trouble, Who, Words
from training_methods.trainers.events import storable

IDLE = 120.0  # seconds without a prompt
TRAIN_WAITS = IDLE  # that a train which could run here is kept waiting, however much is asked
LONGEST = 15 * 60.0
LEFT_AFTER = timedelta(seconds=10)  # a page that is loaded anew is back by then
HEARD_EVERY = 5.0
TICK = 0.4
Ending = TryOut.Ending

logger = logging.getLogger(__name__)


class Over(Exception):
    """The session ends, for this reason."""

    def __init__(self, ending: Ending) -> None:
        self.ending = ending


class ChildFailed(Exception):
    """The message is for whoever asked."""


def run(
    try_out_id: int,
    draining: Flag,
    *,
    threads: int = 1,
    queues: Sequence[str] = (),
    devices: Sequence[str] | None = None,
    worker: UUID | None = None,
) -> None:
    """Hold a session if it is there to be taken. `draining` is set when this worker has to leave."""
    claim = model_work.claim(TryOut, try_out_id, worker)
    if claim is None:
        return
    with tempfile.TemporaryDirectory(prefix="try-out-", dir=settings.DATA_DIR) as folder:
        session = Session(claim, draining, Path(folder), queues, devices)
        with ending(claim):
            session.hold(threads)


@contextmanager
def ending(claim: Claim) -> Iterator[None]:
    """However it ends, the record says so."""
    try:
        yield
    except Over as over:
        model_work.finish(claim, ending=over.ending)
        tryouts.give_up_questions(claim.pk)
    except ChildFailed as failed:
        model_work.finish(claim, State.FAILED, said=str(failed))
        tryouts.give_up_questions(claim.pk, str(failed))
    except Leaving:
        Exchange.objects.filter(try_out=claim.pk, state=Exchange.State.ANSWERING).update(
            state=Exchange.State.WAITING, left="", right=""
        )
        model_work.hand_back(claim)
    except NotOurs:
        logger.warning("The session %s is no longer ours.", claim.pk)
        tryouts.give_up_questions(claim.pk)
    except Exception as error:
        said = f"The session failed: {type(error).__name__}: {error}"
        model_work.finish(claim, State.FAILED, said=said)
        tryouts.give_up_questions(claim.pk, said)
        raise


class Session:
    """A try-out while it is ours."""

    def __init__(
        self, claim: Claim, draining: Flag, folder: Path, queues: Sequence[str], devices: Sequence[str] | None
    ) -> None:
        self.claim = claim
        self.draining = draining
        self.folder = folder
        self.queues = queues
        self.devices = devices
        self.is_ready = False
        self.current: Exchange | None = None
        self.words: dict[str, str] = {}
        self.started = self.active = self.heard = time.monotonic()
        self.train_waits_since: float | None = None

    def hold(self, threads: int) -> None:
        """Until one of the exceptions above says how it ended."""
        self.mind_person()
        model = CustomizedModel.objects.with_lineage().filter(tryouts=self.claim.pk).first()
        if model is None:
            raise NotOurs
        scene = self.folder / "scene.json"
        scene.write_text(scene_of(model).model_dump_json(), encoding="utf-8")
        command = child_process.command("converse", scene)
        with TalkingChild(command, self.folder, threads=threads, devices=self.devices) as child:
            while True:
                for line in child.lines(TICK):
                    self.take(REPLY.validate_json(line))
                self.keep_words()
                if child.has_ended:
                    raise ChildFailed(child.complaint())
                self.mind_person()
                self.mind_time()
                if self.is_ready and not self.current:
                    self.put_next(child)

    def take(self, reply: Ready | Words | Answered | Trouble) -> None:
        match reply:
            case Ready():
                self.is_ready, self.active = True, time.monotonic()
                self.report(ready_at=Now())
            case Words() if self.current:
                side = self.side_of(self.current, reply.who)
                self.words[side] = self.words.get(side, "") + storable(reply.text)
            case Answered() if self.current:
                self.keep_words()
                self.settle(self.current, reply.refusal)
            case Trouble():
                raise ChildFailed(reply.message)

    def side_of(self, exchange: Exchange, who: Who) -> str:
        return "left" if not exchange.has_both or (who == "tuned") == exchange.tuned_is_left else "right"

    def settle(self, exchange: Exchange, refusal: str) -> None:
        state = Exchange.State.FAILED if refusal else Exchange.State.DONE
        self.exchange(exchange).update(state=state, said=refusal)
        self.current, self.active = None, time.monotonic()

    def keep_words(self) -> None:
        if not (self.words and self.current):
            return
        grown: dict[str, Any] = {side: Concat(F(side), Value(words)) for side, words in self.words.items()}
        self.exchange(self.current).update(**grown)
        self.words = {}

    def exchange(self, exchange: Exchange) -> Any:
        return Exchange.objects.filter(pk=exchange.pk, state=Exchange.State.ANSWERING)

    def put_next(self, child: TalkingChild) -> None:
        waiting = Exchange.objects.filter(try_out=self.claim.pk, state=Exchange.State.WAITING)
        found = waiting.order_by("pk").first()
        if found and waiting.filter(pk=found.pk).update(state=Exchange.State.ANSWERING):
            self.current, self.active = found, time.monotonic()
            child.tell(question_of(found).model_dump_json())

    def mind_person(self) -> None:
        """What is wished of it; and whether it is still ours."""
        ours = self.claim.held()
        wished = ours.values_list("end_requested", "left_at").first()
        if wished is None:
            raise NotOurs
        if wished[0]:
            raise Over(Ending.ASKED)
        if wished[1] and ours.filter(left_at__lt=Now() - LEFT_AFTER).exists():
            raise Over(Ending.LEFT)

    def mind_time(self) -> None:
        now = time.monotonic()
        if self.draining.is_set():
            raise Leaving
        if now - self.started > LONGEST:
            raise Over(Ending.LONG)
        if self.is_ready and not self.current and now - self.active > IDLE:
            raise Over(Ending.IDLE)
        if now - self.heard > HEARD_EVERY:
            self.report()
            self.mind_trains()

    def mind_trains(self) -> None:
        """A train that this slot could run waits no longer for it than for somebody who asks nothing."""
        free = None if self.devices is None else len(self.devices)
        if not TrainingJob.objects.claimable().fitting(self.queues, free).exists():
            self.train_waits_since = None
            return
        self.train_waits_since = self.train_waits_since or time.monotonic()
        if time.monotonic() - self.train_waits_since > TRAIN_WAITS:
            raise Over(Ending.TRAIN)

    def report(self, **said: object) -> None:
        if not still_at_it(self.claim, **said):
            raise NotOurs
        self.heard = time.monotonic()


def scene_of(model: CustomizedModel) -> Scene:
    facts = model.train.base_model_snapshot if model.train else {}
    base = None if model.kind == CustomizedModel.Kind.REWARD else model_facts.base_folder(model)
    return Scene(tuned=Path(model.path), base=base, parameter_count=facts.get("parameter_count"))


def question_of(exchange: Exchange) -> Question:
    return Question(
        id=exchange.pk,
        prompt=exchange.prompt,
        rated=exchange.rated,
        temperature=exchange.temperature,
        max_tokens=exchange.max_tokens,
        seed=exchange.seed,
        order=("tuned", "base") if exchange.tuned_is_left else ("base", "tuned"),
    )
