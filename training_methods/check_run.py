"""One run of a check in a worker: claim it, try the trainer, keep each result as it comes."""

import logging
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_noop

from training_methods import catalog, checks, config
from training_methods.bench import Bench
from training_methods.bench_results import Check, missing
from training_methods.claims import Claim, Leaving, NotOurs, still_at_it
from training_methods.flags import Flag
from training_methods.models import TrainingMethod

TIME_LIMIT = 15 * 60.0  # seconds for all of it: a worker's slot is not held for ever
HEARD_EVERY = 5.0  # seconds

logger = logging.getLogger(__name__)


class TooLong(Exception):
    """The time limit is over."""


def run(check_id: int, draining: Flag, *, threads: int = 1, worker: UUID | None = None) -> None:
    """Run a check if it is there to be taken. `draining` is set when this worker has to leave."""
    claim = checks.claim(check_id, worker)
    if claim is None:
        return
    folder = Path(tempfile.mkdtemp(prefix="check-", dir=settings.DATA_DIR))
    try:
        Attempt(claim, draining, folder, threads).run()
    finally:
        rmtree(folder, ignore_errors=True)


class Attempt:
    """A check while it is ours."""

    def __init__(self, claim: Claim, draining: Flag, folder: Path, threads: int) -> None:
        self.claim = claim
        self.draining = draining
        self.folder = folder
        self.threads = threads
        self.results: list[Check] = []
        self.started = self.heard = time.monotonic()

    def run(self) -> None:
        try:
            for check in self.checks(self.method()):
                self.results.append(check)
                self.report()
        except NotOurs:
            logger.warning("The check %s is no longer ours.", self.claim.pk)
        except Leaving:
            checks.hand_back(self.claim)
        except TooLong:
            self.fail(gettext_noop("time limit"), f"The checks were ended after {TIME_LIMIT / 60:g} minutes.")
        except Exception as error:
            self.fail(gettext_noop("the bench itself"), f"It failed at this trainer: {type(error).__name__}: {error}")
            raise
        else:
            checks.finish(self.claim, self.results)

    def method(self) -> TrainingMethod:
        found = TrainingMethod.objects.filter(trainer_check=self.claim.pk).first()
        if found is None:
            raise NotOurs
        return found

    def checks(self, method: TrainingMethod) -> Iterator[Check]:
        """The bench with the method's own configuration."""
        info = catalog.trainers().get(method.trainer)
        code_hash = info.code_hash if info else ""
        self.report(trainer=method.trainer, config=method.config, code_hash=code_hash)
        if info is None:
            yield missing(method.trainer)
            return
        if unfit := config.check(method.config, info):
            yield Check(name=gettext_noop("takes its configuration"), outcome="failed", said=in_words(unfit))
            return
        offered = info.model_copy(update={"parameters": config.offered(info, method.config)})
        yield from Bench(
            info=offered,
            folder=self.folder,
            chosen={},
            interpreter=Path(named) if (named := config.interpreter(method.config)) else None,
            threads=self.threads,
            tick=self.tick,
        ).checks()

    def tick(self) -> None:
        now = time.monotonic()
        if self.draining.is_set():
            raise Leaving
        if now - self.started > TIME_LIMIT:
            raise TooLong
        if now - self.heard > HEARD_EVERY:
            self.report()

    def report(self, **said: object) -> None:
        if not still_at_it(self.claim, results=checks.storable(self.results), **said):
            raise NotOurs
        self.heard = time.monotonic()

    def fail(self, name: str, said: str) -> None:
        checks.finish(self.claim, [*self.results, Check(name=name, outcome="failed", said=said)])


def in_words(mistakes: dict[str, str]) -> str:
    return " ".join(f"{path}: {sentence}" for path, sentence in mistakes.items())
