"""One model made out of another in a worker: a child writes it beside, and what holds takes its place."""

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from training_jobs import customized_models, makings, model_facts, model_work
from training_jobs.model_work import State
from training_jobs.models import CustomizedModel, Making
from training_jobs.talking_child import TalkingChild
from training_methods import child_process
from training_methods.claims import Claim, Leaving, NotOurs, still_at_it
from training_methods.flags import Flag
from training_methods.trainers.making import REPLY, Exporting, Made, Merging, Progress

LONGEST = 60 * 60.0  # seconds: a worker's slot is not held for ever
HEARD_EVERY = 5.0
TICK = 0.5
What = Making.What

logger = logging.getLogger(__name__)


class Failed(Exception):
    """The message is for whoever asked."""


def run(making_id: int, draining: Flag, *, threads: int = 1, worker: UUID | None = None) -> None:
    """Make it if it is there to be taken. `draining` is set when this worker has to leave."""
    claim = model_work.claim(Making, making_id, worker)
    if claim is None:
        return
    folder = Path(settings.DATA_DIR) / "models" / f".making-{claim.pk}-{claim.run}"
    folder.mkdir(parents=True)
    try:
        with ending(claim):
            Attempt(claim, draining, folder).make(threads)
    finally:
        rmtree(folder, ignore_errors=True)


@contextmanager
def ending(claim: Claim) -> Iterator[None]:
    """However it ends, the record says so."""
    try:
        yield
    except Failed as failed:
        model_work.finish(claim, State.FAILED, said=str(failed))
    except Leaving:
        model_work.hand_back(claim)
    except NotOurs:
        logger.warning("The making %s is no longer ours.", claim.pk)
    except Exception as error:
        model_work.finish(claim, State.FAILED, said=f"It failed: {type(error).__name__}: {error}")
        raise


class Attempt:
    """A making while it is ours. `folder` is its own until the end."""

    def __init__(self, claim: Claim, draining: Flag, folder: Path) -> None:
        self.claim = claim
        self.draining = draining
        self.folder = folder
        self.output = folder / "output"
        self.started = self.heard = time.monotonic()

    def make(self, threads: int) -> None:
        model = CustomizedModel.objects.with_lineage().filter(makings=self.claim.pk).first()
        asked = Making.objects.filter(pk=self.claim.pk).values_list("what", flat=True).first()
        if model is None or asked is None:
            raise NotOurs
        what = What(asked)
        if reason := makings.reason_against(model, what):
            raise Failed(reason)
        given = self.folder / "given.json"
        given.write_text(self.given(model, what).model_dump_json(), encoding="utf-8")
        command = child_process.command("make", "merge" if what == What.MERGE else "export", given)
        with TalkingChild(command, self.folder, threads=threads, devices=[]) as child:
            made = self.watch(child)
        if what == What.MERGE:
            self.keep_model(model, made)
        else:
            self.keep_file(model, made)

    def given(self, model: CustomizedModel, what: What) -> Merging | Exporting:
        count, prompts = makings.parameter_count(model), makings.probes(model)
        if what != What.MERGE:
            return Exporting(
                folder=Path(model.path),
                output=self.output,
                weights=what.value,
                name=model.name,
                prompts=prompts,
                parameter_count=count,
            )
        return Merging(
            adapter=Path(model.path),
            base=model_facts.base_folder(model) or Path(),
            output=self.output,
            name=makings.merged_name(model),
            prompts=prompts,
            parameter_count=count,
        )

    def watch(self, child: TalkingChild) -> Made:
        while True:
            for line in child.lines(TICK):
                match REPLY.validate_json(line):
                    case Progress(step=step):
                        self.report(step=step)
                    case Made() as made:
                        return made
                    case trouble:
                        raise Failed(trouble.message)
            if child.has_ended:
                raise Failed(child.complaint())
            self.mind()

    def mind(self) -> None:
        now = time.monotonic()
        if self.draining.is_set():
            raise Leaving
        if now - self.started > LONGEST:
            raise Failed(_("It was ended after %(minutes)d minutes.") % {"minutes": LONGEST // 60})
        if now - self.heard > HEARD_EVERY:
            self.report()

    def report(self, **said: object) -> None:
        if not still_at_it(self.claim, **said):
            raise NotOurs
        self.heard = time.monotonic()

    def keep_model(self, adapter: CustomizedModel, made: Made) -> None:
        """The record, the folder and the end are one."""
        name = makings.merged_name(adapter)
        folder = Path(settings.DATA_DIR) / "models" / name
        with transaction.atomic():
            if not model_work.finish(self.claim, made=made.model_dump()):
                raise NotOurs
            customized_models.move(self.output, folder)
            CustomizedModel.objects.create(
                name=name,
                merged_from=adapter,
                base_model=adapter.base_model,
                base_model_name=adapter.base_model_name,
                kind=customized_models.kind_of(folder),
                path=str(folder),
                size_bytes=customized_models.size_of(folder),
            )

    def keep_file(self, model: CustomizedModel, made: Made) -> None:
        folder = Path(model.path) / makings.FOLDER
        (file,) = self.output.glob("*.gguf")
        with transaction.atomic():
            if not model_work.finish(self.claim, made=made.model_dump() | {"file": file.name}):
                raise NotOurs
            folder.mkdir(exist_ok=True)
            os.replace(file, folder / file.name)  # noqa: PTH105 - over an earlier one, at once
            size = customized_models.size_of(Path(model.path))
            CustomizedModel.objects.filter(pk=model.pk).update(size_bytes=size)
