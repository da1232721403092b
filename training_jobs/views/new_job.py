"""The page that starts a train, and the one that starts it again."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.vary import vary_on_headers
from django.views.generic import View
from training_methods.catalog import TrainerInfo

from training_jobs.forms.jobs import TrainForm, why_not
from training_jobs.hyperparameters import HyperparametersForm
from training_jobs.models import TrainingJob
from training_jobs.readiness import missing
from training_jobs.submission import Refused, submit
from training_methods import catalog, config
from training_methods.models import TrainingMethod


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A method and what it offers to set."""

    method: TrainingMethod
    trainer: TrainerInfo
    form: HyperparametersForm

    @classmethod
    def of(cls, name: str, data: Any = None, *, initial: dict[str, Any] | None = None) -> "Settings | None":
        """None: there is no such method, or it cannot run here."""
        method = TrainingMethod.objects.filter(internal_name=name).first()
        if method is None or why_not(method):
            return None
        trainer = catalog.get(method.trainer)
        parameters = config.offered(trainer, method.config)
        return cls(method=method, trainer=trainer, form=HyperparametersForm(parameters, data, initial=initial))


@method_decorator(vary_on_headers("HX-Request"), name="dispatch")
class JobNewView(View):
    """htmx gets the settings of `?method=` alone."""

    def get(self, request: HttpRequest) -> HttpResponse:
        settings = Settings.of(request.GET.get("method", ""))
        if request.htmx:
            return render(request, "training_jobs/_job_settings.html", {"settings": settings})
        return self.page(TrainForm(initial={"name": offered_name()} | request.GET.dict()), settings)

    def post(self, request: HttpRequest) -> HttpResponse:
        chosen = request.POST.get("method", "")
        if chosen and chosen != request.POST.get("settings_of"):
            return self.load_settings(chosen)
        form, settings = TrainForm(request.POST), Settings.of(chosen, request.POST)
        if all([form.is_valid(), settings is None or settings.form.is_valid()]) and settings:
            try:
                job = submit(**form.cleaned_data, values=settings.form.cleaned_data, user=request.user)
            except Refused as refused:
                form.add_mistakes(refused.mistakes)
                settings.form.add_mistakes(refused.mistakes)
            else:
                return redirect(job)
        return self.page(form, settings)

    def load_settings(self, method: str) -> HttpResponse:
        """Without JavaScript the settings come with the next page. What was typed stays; nothing is a mistake yet."""
        settings = Settings.of(method)
        if settings:
            messages.info(self.request, f"Look through the settings of {settings.method}, then run the train.")
        return self.page(TrainForm(initial=self.request.POST.dict()), settings)

    def page(self, form: TrainForm, settings: Settings | None, **more: object) -> HttpResponse:
        context = {"form": form, "settings": settings, "missing": missing(), **more}
        return render(self.request, "training_jobs/job_new.html", context)


class JobCopyView(JobNewView):
    """The same form, filled in as the job was; it is sent where every new train is."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        job = get_object_or_404(TrainingJob.objects.select_related("method"), pk=pk)
        method = job.method.internal_name if job.method else ""
        initial = {
            "name": f"{job.name[:95]}-copy",
            "method": method,
            "base_model": job.base_model_id,
            "dataset": job.dataset_id,
            "seed": job.seed,
        }
        settings = Settings.of(method, initial=job.parameters)
        return self.page(TrainForm(initial=initial), settings, copied=job, departures=departures(job, settings))


def offered_name() -> str:
    return f"train-{TrainingJob.objects.count() + 1}"


def departures(job: TrainingJob, settings: Settings | None) -> list[str]:
    """Where a copy cannot be the same as the job, a sentence each."""
    gone = {
        "training method": job.method_snapshot["display_name"] if job.method_id is None else None,
        "base model": job.base_model_snapshot["name"] if job.base_model_id is None else None,
        "dataset": job.dataset_snapshot["name"] if job.dataset_id is None else None,
    }
    sentences = [f"The {what} “{name}” is deleted: choose another." for what, name in gone.items() if name]
    if settings:
        sentences += changed_settings(job, settings)
    return sentences


def changed_settings(job: TrainingJob, settings: Settings) -> Iterator[str]:
    offered = {parameter.name: parameter for parameter in settings.form.parameters}
    if settings.trainer.code_hash != job.method_snapshot["code_hash"]:
        yield f"The code of {settings.method} has changed since."
    for name, value in job.parameters.items():
        if name not in offered:
            yield f"{settings.method} no longer has “{name}”, which was {value}."
        elif offered[name].locked and offered[name].default != value:
            yield f"“{name}” is fixed at {offered[name].default} now; it was {value}."
    if new := ", ".join(name for name in offered if name not in job.parameters):
        yield f"New since, and at their defaults: {new}."
