"""The page that starts a train, and the one that starts it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from training_jobs import stored_values
from training_jobs.forms.jobs import TrainForm, why_not
from training_jobs.hyperparameters import HyperparametersForm
from training_jobs.models import ParameterProfile, TrainingJob
from training_jobs.readiness import missing
from training_jobs.submission import Refused, submit
from training_methods import catalog, config
from training_methods.catalog import TrainerInfo
from training_methods.models import TrainingMethod
from training_methods.requests import HtmxRequest


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A method and what it offers to set."""

    method: TrainingMethod
    trainer: TrainerInfo
    form: HyperparametersForm
    profiles: list[ParameterProfile]
    profile: ParameterProfile | None
    departures: list[str]  # sentences: where the form cannot be filled in as it was asked for

    @classmethod
    def of(
        cls, name: str, data: Any = None, *, stored: Mapping[str, Any] | None = None, profile: str = ""
    ) -> "Settings | None":
        """Filled in with stored values, those of a profile if its id is given, or else with the defaults.

        None: there is no such method, or it cannot run here.
        """
        method = TrainingMethod.objects.filter(internal_name=name).first()
        if method is None or why_not(method):
            return None
        trainer = catalog.get(method.trainer)
        parameters = config.offered(trainer, method.config)
        profiles = list(method.profiles.all())
        chosen = next((one for one in profiles if str(one.pk) == profile), None)
        stored = chosen.values if chosen else stored
        fit = stored_values.fit({} if stored is None else stored, parameters, method)
        departures = [] if stored is None or data is not None else fit.sentences
        if profile and chosen is None:
            departures = [f"{method} does not have the profile that was chosen any more: choose another."]
        return cls(
            method=method,
            trainer=trainer,
            form=HyperparametersForm(parameters, data, initial=fit.values),
            profiles=profiles,
            profile=chosen,
            departures=departures,
        )


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def job_new(request: HtmxRequest) -> HttpResponse:
    """The form; for htmx the settings of `?method=` alone. `?profile=` fills them in."""
    if request.method == "POST":
        return run_the_train(request)
    settings = Settings.of(request.GET.get("method", ""), profile=request.GET.get("profile", ""))
    if request.htmx:
        return render(request, "training_jobs/_job_settings.html", {"settings": settings})
    return page(request, TrainForm(initial={"name": offered_name()} | request.GET.dict()), settings)


def run_the_train(request: HttpRequest) -> HttpResponse:
    chosen, profile = request.POST.get("method", ""), request.POST.get("profile", "")
    if chosen and chosen != request.POST.get("settings_of"):
        return load_settings(request, chosen)
    if profile and profile != request.POST.get("filled_in_from"):
        return load_settings(request, chosen, profile)
    form, settings = TrainForm(request.POST), Settings.of(chosen, request.POST, profile=profile)
    are_valid = [form.is_valid(), settings is not None and settings.form.is_valid()]
    if settings and all(are_valid) and (job := submitted(form, settings, request.user)):
        return redirect(job)
    return page(request, form, settings)


def submitted(form: TrainForm, settings: Settings, user: Any) -> TrainingJob | None:
    """None: it was refused, and each field says why."""
    try:
        return submit(**form.cleaned_data, values=settings.form.cleaned_data, user=user)
    except Refused as refused:
        form.add_mistakes(refused.mistakes)
        settings.form.add_mistakes(refused.mistakes)
        return None


def load_settings(request: HttpRequest, method: str, profile: str = "") -> HttpResponse:
    """Without JavaScript the settings come with the next page. What was typed stays; nothing is a mistake yet."""
    settings = Settings.of(method, profile=profile)
    if settings:
        messages.info(request, f"Look through the settings of {settings.method}, then run the train.")
    return page(request, TrainForm(initial=request.POST.dict()), settings)


@require_safe
def job_copy(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The form as it was filled in for the job; it is sent where every new train is."""
    job = get_object_or_404(TrainingJob.objects.select_related("method"), pk=pk)
    method = job.method.internal_name if job.method else ""
    initial = {
        "name": f"{job.name[:95]}-copy",
        "method": method,
        "base_model": job.base_model_id,
        "dataset": job.dataset_id,
        "seed": job.seed,
    }
    settings = Settings.of(method, stored=job.parameters)
    return page(request, TrainForm(initial=initial), settings, copied=job, departures=departures(job, settings))


def page(request: HttpRequest, form: TrainForm, settings: Settings | None, **more: object) -> HttpResponse:
    context = {"form": form, "settings": settings, "missing": missing(), **more}
    return render(request, "training_jobs/job_new.html", context)


def offered_name() -> str:
    return f"train-{TrainingJob.objects.count() + 1}"


def departures(job: TrainingJob, settings: Settings | None) -> list[str]:
    """Where a copy cannot be the same as the job, its settings aside, a sentence each."""
    gone = {
        "training method": job.method_snapshot["display_name"] if job.method_id is None else None,
        "base model": job.base_model_snapshot["name"] if job.base_model_id is None else None,
        "dataset": job.dataset_snapshot["name"] if job.dataset_id is None else None,
    }
    sentences = [f"The {what} “{name}” is deleted: choose another." for what, name in gone.items() if name]
    if settings and settings.trainer.code_hash != job.method_snapshot["code_hash"]:
        sentences.append(f"The code of {settings.method} has changed since.")
    return sentences
