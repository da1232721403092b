"""Parts of the page that starts a train, for htmx: what the form says by now. Nothing here changes anything.

A whole form is sent by POST all the same: an address of 4 094 bytes, which is all that gunicorn takes, is too short for
one with a few hundred Chinese characters in it.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from training_jobs import estimates, preflight, previews, rehearsals, token_findings, token_view
from training_jobs.drafts import Draft, Settings
from training_jobs.forms.choices import SearchedField
from training_jobs.forms.jobs import TrainForm
from training_jobs.preflight import Finding
from training_methods import sentences
from training_methods.trainers.preview import Preview


@require_safe
def choices(request: HttpRequest, name: str) -> HttpResponse:
    """The options that match what is searched for, the chosen one among them."""
    form = TrainForm(initial=request.GET.dict())
    field = form.fields.get(name)
    if not isinstance(field, SearchedField):
        raise Http404
    groups = field.widget.optgroups(name, [str(field.chosen or "")])
    options = [option for _, group, _ in groups for option in group]
    return render(request, "training_jobs/_job_choice_options.html", {"options": options})


@require_POST
def rail(request: HttpRequest) -> HttpResponse:
    """What to expect, and what the steps say of what is chosen."""
    draft = draft_of(request.POST)
    context = {"draft": draft, "rail": estimates.of(draft, request.user)}
    return render(request, "training_jobs/_job_news.html", context)


@require_POST
def tokens(request: HttpRequest) -> HttpResponse:
    """The first examples as the model will see them, or that they are being read."""
    context = asked_for(draft_of(request.POST), whole=False)
    if preview := context["preview"]:
        shown = [Finding(**one) for one in token_findings.of(preview)]
        context |= {"texts": token_view.texts(preview), "findings": [one for one in shown if one.level != "green"]}
    return render(request, "training_jobs/_job_tokens.html", context)


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """The preflight report, as far as it is known; it goes on until all rows are counted."""
    draft = draft_of(request.POST, TrainForm(request.POST))
    context = asked_for(draft, whole=True) | {"report": preflight.report(draft, request.user)}
    return render(request, "training_jobs/_job_check.html", context)


def asked_for(draft: Draft, *, whole: bool) -> dict[str, Any]:
    """The preview if it is there; if not, it is on its way, or a sentence says why not."""
    question = previews.question(draft, whole=whole)
    if question is None:
        return seen_of_own_code(draft) or {"preview": None, "sentence": what_is_missing(draft)}
    preview: Preview | None = previews.answered(question)
    if preview is None and (complaint := previews.failure(question)):
        why = sentences.translated(complaint)
        return {"preview": None, "sentence": _("The rows could not be read here: %(why)s") % {"why": why}}
    if preview is None:
        previews.see_to(question)
    return {"preview": preview, "is_pending": preview is None}


def seen_of_own_code(draft: Draft) -> dict[str, Any]:
    """How such code reads a dataset is known once a micro-run has seen it."""
    if not (draft.trainer and (reason := previews.why_not(draft.trainer))):
        return {}
    measured = rehearsals.measured(draft)
    if measured and measured.seen:
        sentence = _("This trainer brings its own code. These texts came first to its model in a micro-run.")
        return {"preview": measured.seen, "sentence": sentence}
    shows = _("In the micro-run no model of torch was given tokens.") if measured else _("A micro-run shows it.")
    return {"preview": None, "sentence": f"{reason} {shows}"}


def what_is_missing(draft: Draft) -> str:
    if not (draft.method and draft.base_model and draft.dataset):
        return _("Choose a method, a base model and a dataset first.")
    return _("Put right what is wrong first: %(mistakes)s") % {"mistakes": " ".join(draft.mistakes.values())}


def draft_of(given: QueryDict, form: TrainForm | None = None) -> Draft:
    """The form as it was sent; `form`: bound, where all of it is to be checked.

    Settings that belong to another method, which are on their way, are not meant.
    """
    name = given.get("method", "")
    sent = given if given.get("settings_of") == name else None
    return Draft.of(form or TrainForm(initial=given.dict()), Settings.of(name, sent))
