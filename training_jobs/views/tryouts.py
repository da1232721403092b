"""Trying a customized model: prompts, answers as they come, votes."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django.views.generic import View

from training_jobs import model_work, tryouts
from training_jobs.forms.tryouts import form_for
from training_jobs.models import CustomizedModel, Exchange, TryOut, Work
from training_methods.list_views import is_key
from training_methods.requests import HtmxRequest

WAITING, WRITING = 2000, 500  # milliseconds; a worker keeps what an answer has grown by twice a second
ROWS = 10
KEPT = ("temperature", "max_tokens")
ASKED_AGAIN = ("prompt", "rated", "temperature", "max_tokens", "seed")


class TryOutView(View):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        model = model_of(pk)
        return self.page(model, form_for(model, initial=self.asked_before(model)))

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        model = model_of(pk)
        form = form_for(model, request.POST)
        if form.is_valid() and not Path(model.path).is_dir():
            form.add_error("prompt", _("The folder of the model is not on this machine any more."))
        if not form.is_valid():
            return self.page(model, form)
        try:
            exchange = tryouts.ask(model, request.user, **form.cleaned_data)
        except tryouts.TooMany as many:
            form.add_error("prompt", str(many))
            return self.page(model, form)
        return redirect(f"{request.path}#exchange-{exchange.pk}")

    def page(self, model: CustomizedModel, form: forms.Form) -> HttpResponse:
        page = Paginator(tryouts.kept(model), ROWS).get_page(self.request.GET.get("page"))
        standing = standing_of(model, self.request)
        context = {
            "model": model,
            "form": form,
            "page_obj": page,
            "votes": tryouts.votes(model),
            "is_there": Path(model.path).is_dir(),
            "pace": pace_of(standing["try_out"], page),
            **standing,
        }
        return render(self.request, "training_jobs/model_try.html", context)

    def asked_before(self, model: CustomizedModel) -> dict[str, Any]:
        """The prompt that `?again=` names, with its settings; else the settings that this person asked with last."""
        exchanges, again = Exchange.objects.filter(model=model), self.request.GET.get("again", "")
        if is_key(Exchange, again) and (named := exchanges.filter(pk=again).first()):
            return model_to_dict(named, ASKED_AGAIN)
        last = exchanges.filter(asked_by=self.request.user.pk).order_by("-pk").first()
        return model_to_dict(last, KEPT) if last else {}


def model_of(pk: int) -> CustomizedModel:
    return get_object_or_404(CustomizedModel.objects.with_lineage(), pk=pk)


def standing_of(model: CustomizedModel, request: HttpRequest) -> dict[str, Any]:
    """Where this person's session stands. Whoever asks is there."""
    try_out = tryouts.latest(model, request.user)
    if try_out and try_out.is_unended:
        tryouts.is_back(try_out)
    wait = model_work.wait_of(try_out) if try_out and try_out.state == Work.State.WAITING else ""
    return {"try_out": try_out, "wait": wait, "seen": seen_of(try_out, wait)}


def seen_of(try_out: TryOut | None, wait: str) -> str:
    """Tells two moments of a session apart."""
    if not try_out:
        return ""
    return f"{try_out.pk}-{try_out.state}-{try_out.is_lost}-{bool(try_out.ready_at)}-{try_out.end_requested}-{wait}"


def pace_of(try_out: TryOut | None, exchanges: Iterable[Exchange]) -> int:
    """Milliseconds after which there may be news of the session, or of the prompts that are shown; 0: there is none."""
    is_there = bool(try_out and try_out.is_unended)
    if any(exchange.is_unended for exchange in exchanges):
        return WRITING if is_there and try_out and try_out.ready_at else WAITING
    return WAITING if is_there else 0


@require_safe
def news(request: HttpRequest, pk: int) -> HttpResponse:
    """What is other than it is shown: the session than `?seen=`, prompts than each `?shown=`. Nothing if all is so."""
    model = model_of(pk)
    standing = standing_of(model, request)
    shown = {key: seen for key, colon, seen in (one.partition(":") for one in request.GET.getlist("shown"))}
    session_is_news = request.GET.get("seen") != standing["seen"]
    exchanges = list(tryouts.kept(model).filter(pk__in=[key for key in shown if is_key(Exchange, key)]))
    found = [exchange for exchange in exchanges if exchange.seen != shown.get(str(exchange.pk))]
    if not session_is_news and not found:
        return HttpResponse(status=204)
    context = {"model": model, "news": found, "session_is_news": session_is_news}
    context["pace"] = pace_of(standing["try_out"], exchanges)
    return render(request, "training_jobs/_try_news.html", standing | context)


def exchange_of(pk: int, exchange_pk: int) -> Exchange:
    exchanges = Exchange.objects.select_related("model", "asked_by", "try_out")
    return get_object_or_404(exchanges, pk=exchange_pk, model=pk)


@require_POST
def vote(request: HtmxRequest, pk: int, exchange_pk: int) -> HttpResponse:
    found = exchange_of(pk, exchange_pk)
    choice = request.POST.get("vote", "")
    if choice not in Exchange.Vote.values:
        return HttpResponse(_("Vote for A, for B, or for neither."), status=400)
    won = tryouts.vote(found, Exchange.Vote(choice))
    found = exchange_of(pk, exchange_pk)
    if request.htmx:
        context = {"exchange": found, "model": found.model, "votes": tryouts.votes(found.model)}
        return render(request, "training_jobs/_try_voted.html", context)
    if not won:
        messages.info(request, _("There was nothing to vote on: it was done before, or there is no answer yet."))
    return redirect(f"{found.model.get_absolute_url()}try/#exchange-{found.pk}")


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    model = model_of(pk)
    if not (live := tryouts.live_one(model, request.user)) or not tryouts.end(live):
        messages.info(request, _("The session has ended already."))
    return redirect("training_jobs:model-try", pk)


@require_POST
def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """The browser says so when the page is closed."""
    if live := tryouts.live_one(model_of(pk), request.user):
        tryouts.leave(live)
    return HttpResponse(status=204)
