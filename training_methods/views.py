import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers
from django.views.generic import CreateView, DeleteView, DetailView, FormView, TemplateView, UpdateView, View
from django.views.generic.detail import SingleObjectMixin, SingleObjectTemplateResponseMixin
from django.views.generic.edit import ModelFormMixin, ProcessFormView

from training_methods import catalog, checks, config, history, licensing, list_views, registry
from training_methods.config_text import shown
from training_methods.context_processors import license_of
from training_methods.forms import LicenseForm, MethodForm
from training_methods.licensing import Action, Decision, NotAllowed
from training_methods.method_list import METHODS
from training_methods.models import TrainingMethod
from training_methods.numbers import rounded
from training_methods.registry import MethodGone
from training_methods.requests import HtmxRequest
from training_methods.trainers.parameters import Parameter


def decide(action: Action, request: HttpRequest) -> Decision:
    return licensing.decide(action, request.user, status=partial(license_of, request))


def locked_page(request: HttpRequest, decision: Decision) -> HttpResponse:
    return render(request, "training_methods/locked.html", {"decision": decision}, status=403)


def readable(parameters: list[Parameter]) -> list[tuple[Parameter, str]]:
    """Each parameter with its default as a table shows it."""
    return [(parameter, default_of(parameter)) for parameter in parameters]


def default_of(parameter: Parameter) -> str:
    if parameter.required:
        return _("to be given")
    return in_table(parameter.default)


def in_table(value: object) -> str:
    if isinstance(value, float):
        return rounded(value, 6)
    return pgettext("value of a parameter", "none") if value is None else shown(value)


class GatedView(View):
    """A page for those who may do `action`; everybody else reads why not, and what they can do instead."""

    action: Action

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        decision = decide(self.action, request)
        if not decision.allowed:
            return locked_page(request, decision)
        try:
            return super().dispatch(request, *args, **kwargs)
        except NotAllowed as refused:
            return locked_page(request, refused.decision)
        except MethodGone as gone:
            messages.warning(request, str(gone))
            return redirect("training_methods:list")


class MethodMixin(SingleObjectMixin):
    queryset = TrainingMethod.objects.select_related("created_by", "updated_by", "trainer_check__asked_by")
    slug_field = slug_url_kwarg = "internal_name"
    context_object_name = "method"


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def method_list(request: HtmxRequest) -> HttpResponse:
    add = decide(Action.ADD_METHOD, request)
    return list_views.show(request, METHODS, "training_methods/list.html", add=add)


class MethodDetailView(MethodMixin, DetailView):
    template_name = "training_methods/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        trainers = catalog.trainers()
        trainer = trainers.get(self.object.trainer)
        mistakes = config.check(self.object.config, trainer)
        offered = config.offered(trainer, self.object.config) if trainer and not mistakes else []
        return super().get_context_data(
            **kwargs,
            trainer=trainer,
            standing=checks.standing(self.object, trainers),
            mistakes=mistakes,
            parameters=readable(offered),
            profiles=list(profiles_of(self.object, offered, self.request)),
            config=json.dumps(self.object.config, indent=2, ensure_ascii=False),
            job_count=self.object.jobs.count(),
            change=decide(Action.CHANGE_METHOD, self.request),
            delete=decide(Action.DELETE_METHOD, self.request),
        )


def profiles_of(
    method: TrainingMethod, offered: list[Parameter], request: HttpRequest
) -> Iterator[tuple[Any, list[tuple[str, str, str]], bool]]:
    """Each with what it sets other than the defaults: label, name and value; and whether whoever asks may delete it."""
    defaults = {parameter.name: parameter.default for parameter in offered}
    labels = {parameter.name: _(parameter.label) for parameter in offered if parameter.label}
    for profile in method.profiles.select_related("created_by"):
        changed = {name: value for name, value in profile.values.items() if value != defaults.get(name, value)}
        changes = [(labels.get(name, name), name, in_table(value)) for name, value in changed.items()]
        yield profile, changes, profile.may_be_deleted_by(request.user)


class MethodFormView(SingleObjectTemplateResponseMixin, ModelFormMixin, ProcessFormView):
    """The form of a method, with what its trainer offers beside it. `keep` stores the method as somebody wants it."""

    keep: Callable[[TrainingMethod, Any], TrainingMethod]
    form_class = MethodForm
    template_name = "training_methods/form.html"

    def get_initial(self) -> dict[str, Any]:
        given = self.request.GET
        return super().get_initial() | {name: given[name] for name in ("trainer",) if name in given}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        trainer = catalog.trainers().get(context["form"]["trainer"].value())
        parameters = readable(trainer.parameters) if trainer else []
        return context | {"trainer": trainer, "parameters": parameters, "example": config.EXAMPLE}

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            method = self.keep(form.instance, self.request.user)
        except ValidationError as error:
            form.add_error(None, error)
            return self.form_invalid(form)
        messages.success(self.request, _("Saved the training method “%(method)s”.") % {"method": method})
        return redirect(method)


class MethodAddView(GatedView, MethodFormView, CreateView):
    action = Action.ADD_METHOD
    keep = staticmethod(registry.add)


class MethodEditView(GatedView, MethodMixin, MethodFormView, UpdateView):
    action = Action.CHANGE_METHOD
    keep = staticmethod(registry.change)


class MethodDeleteView(GatedView, MethodMixin, DeleteView):
    action = Action.DELETE_METHOD
    template_name = "training_methods/delete.html"
    success_url = reverse_lazy("training_methods:list")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        counts = {"job_count": self.object.jobs.count(), "profile_count": self.object.profiles.count()}
        return super().get_context_data(**kwargs, **counts)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except Http404:
            raise MethodGone(kwargs["internal_name"]) from None

    def form_valid(self, form: BaseForm) -> HttpResponse:
        registry.delete(self.object, self.request.user)
        said = _("Deleted the training method “%(method)s”. Its jobs stay readable.") % {"method": self.object}
        messages.success(self.request, said)
        return redirect(self.get_success_url())


class MethodHistoryView(TemplateView):
    """Everything that ever bore this name, also after it was deleted."""

    template_name = "training_methods/history.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        lives = Exists(TrainingMethod.objects.filter(internal_name=OuterRef("internal_name")))
        records = TrainingMethod.history.filter(internal_name=kwargs["internal_name"]).annotate(lives=lives)
        newest_first = records.select_related("history_user").order_by("-history_date", "-history_id")
        page = Paginator(newest_first, 25).get_page(self.request.GET.get("page"))
        if not page:
            raise Http404(_("There never was a training method “%(name)s”.") % {"name": kwargs["internal_name"]})
        return super().get_context_data(**kwargs, page_obj=page, newest=page[0], versions=history.versions_on(page))


class LicenseView(FormView):
    """Where the licence stands. Administrators look at a key, install it, and remove it."""

    form_class = LicenseForm
    template_name = "training_methods/license.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **kwargs,
            status=license_of(self.request),
            install=decide(Action.INSTALL_LICENSE, self.request),
            trusts_nobody="" if licensing.authority.trusted_keys else licensing.TRUSTS_NOBODY,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        decision = decide(Action.INSTALL_LICENSE, request)
        if not decision.allowed:
            return locked_page(request, decision)
        return self.remove() if "remove" in request.POST else super().post(request, *args, **kwargs)

    def form_valid(self, form: LicenseForm) -> HttpResponse:
        """Show what the key opens; install it once that has been seen."""
        if "install" not in self.request.POST:
            return self.render_to_response(self.get_context_data(form=form, preview=form.terms))
        terms = licensing.install(form.cleaned_data["key"], self.request.user)
        messages.success(self.request, _("Installed the license of %(customer)s.") % {"customer": terms.customer})
        return redirect("training_methods:license")

    def remove(self) -> HttpResponse:
        removed = licensing.remove(self.request.user)
        messages.success(self.request, _("Removed the license.") if removed else _("There is no license to remove."))
        return redirect("training_methods:license")
