"""The page that starts a train, and the one that starts it again."""

import re
from itertools import chain, count
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from training_jobs import departures, estimates, preflight, retries
from training_jobs.drafts import JSON, Draft, Settings
from training_jobs.forms.jobs import TrainForm
from training_jobs.models import TrainingJob
from training_jobs.readiness import missing
from training_jobs.submission import Refused, first_free, submit
from training_methods.requests import HtmxRequest


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def job_new(request: HtmxRequest) -> HttpResponse:
    """The form. For htmx the settings of `method` alone, filled in from `profile`; with `look` the whole as it is."""
    if request.htmx and "look" not in request.POST:
        asked = request.POST or request.GET
        return render(request, "training_jobs/_job_settings.html", {"settings": settings_asked_for(asked)})
    if request.method == "POST":
        return run_the_train(request)
    settings = Settings.of(request.GET.get("method", ""), profile=request.GET.get("profile", ""))
    return page(request, TrainForm(initial={"name": offered_name()} | request.GET.dict()), settings)


def settings_asked_for(asked: QueryDict) -> Settings | None:
    """Of another method, or filled in from another profile; or the same ones in another view."""
    name, profile = asked.get("method", ""), asked.get("profile", "")
    if "shown_as" in asked and name == asked.get("settings_of"):
        settings = Settings.of(name, asked, profile=asked.get("filled_in_from", ""), **copied_in(asked))
        return settings.unchecked() if settings else None
    return Settings.of(name, profile=profile, view=asked.get("view", ""), **copied_in(asked))


def copied_in(given: Any) -> dict[str, Any]:
    return {"copied_from": given.get("copied_from")}


def run_the_train(request: HttpRequest) -> HttpResponse:
    given = request.POST
    chosen, profile = given.get("method", ""), given.get("profile", "")
    if chosen and chosen != given.get("settings_of"):
        return load_settings(request, chosen)
    if profile and profile != given.get("filled_in_from"):
        return load_settings(request, chosen, profile)
    if "look" in given or is_turned(given):
        return look_again(request)
    form, settings = TrainForm(given), Settings.of(chosen, given, profile=profile, **copied_in(given))
    are_valid = [form.is_valid(), settings is not None and settings.is_valid()]
    if settings and all(are_valid) and (job := submitted(request, form, settings)):
        answer = redirect(job)
        answer.set_cookie("taken", "1", max_age=60, samesite="Lax", secure=request.is_secure())  # for draft.js
        return answer
    return page(request, form, settings, is_refused=True)


def is_turned(given: Any) -> bool:
    """Whether the settings are wanted as text, or no longer as text: without JavaScript that takes a page."""
    return "shown_as" in given and (given.get("view") == JSON) != (given["shown_as"] == JSON)


def submitted(request: HttpRequest, form: TrainForm, settings: Settings) -> TrainingJob | None:
    """None: it was refused, and each field says why. What is known of it by now is kept with it."""
    draft, user = Draft.of(form, settings), request.user
    has_namesake = preflight.namesake(draft) is not None
    try:
        found = preflight.to_keep(draft, user)
        job = submit(**form.cleaned_data, values=settings.form.cleaned_data, user=user, preflight=found)
    except Refused as refused:
        form.add_mistakes(refused.mistakes)
        settings.form.add_mistakes(refused.mistakes)
        return None
    if has_namesake:
        messages.warning(request, preflight.is_taken(draft))
    return job


def load_settings(request: HttpRequest, method: str, profile: str = "") -> HttpResponse:
    """Without JavaScript the settings come with the next page. What was typed stays; nothing is a mistake yet."""
    given = request.POST
    settings = Settings.of(method, profile=profile, view=given.get("view", ""), **copied_in(given))
    if settings:
        message = _("Look through the settings of %(method)s, then run the train.")
        messages.info(request, message % {"method": settings.method})
    return page(request, TrainForm(initial=request.POST.dict()), settings)


def look_again(request: HttpRequest) -> HttpResponse:
    """Without JavaScript: what is chosen, searched for and to be expected by now. Nothing is a mistake yet."""
    given = request.POST
    settings = Settings.of(given.get("method", ""), given, profile=given.get("profile", ""), **copied_in(given))
    return page(request, TrainForm(initial=request.POST.dict()), settings.unchecked() if settings else None)


@require_safe
def job_copy(request: HttpRequest, pk: UUID) -> HttpResponse:
    """The form as it was filled in for the job, or with `?retry` as it would have got further."""
    job = get_object_or_404(TrainingJob.objects.with_links(), pk=pk)
    method = job.method.internal_name if job.method else ""
    initial = {
        "name": name_of_copy(job.name),
        "method": method,
        "base_model": job.base_model_id,
        "dataset": job.dataset_id,
        "seed": job.seed,
        "copied_from": job.pk,
    }
    stored = retries.values_of(job) if "retry" in request.GET else job.parameters
    settings = Settings.of(method, stored=stored, copied_from=job.pk)
    return page(request, TrainForm(initial=initial), settings, copied=job, departures=departures.of(job, settings))


def page(request: HttpRequest, form: TrainForm, settings: Settings | None, **more: object) -> HttpResponse:
    form.offer_priorities(request.user)
    context = {"form": form, "settings": settings, "missing": missing(), **more}
    if not context["missing"]:
        draft = Draft.of(form, settings)
        context |= {"draft": draft, "rail": estimates.of(draft, request.user)}
    return render(request, "training_jobs/job_new.html", context)


def offered_name() -> str:
    return first_free(f"train-{number}" for number in count(TrainingJob.objects.count() + 1))


def name_of_copy(name: str) -> str:
    """Of a copy's copy as well: acorn-copy, acorn-copy-2, acorn-copy-3."""
    copied = f"{re.sub(r'-copy(-[0-9]+)?$', '', name)[:90]}-copy"
    return first_free(chain([copied], (f"{copied}-{number}" for number in count(2))))
