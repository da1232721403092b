import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, OuterRef, QuerySet
from django.db.models.functions import Lower
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.views.generic import CreateView, DeleteView, DetailView, FormView, ListView, TemplateView, UpdateView, View
from django.views.generic.detail import SingleObjectMixin, SingleObjectTemplateResponseMixin
from django.views.generic.edit import ModelFormMixin, ProcessFormView

from training_methods import catalog, checks, config, history, licensing, registry
from training_methods.config_text import shown
from training_methods.context_processors import license_of
from training_methods.filters import MethodFilter
from training_methods.forms import LicenseForm, MethodForm
from training_methods.licensing import Action, Decision, NotAllowed
from training_methods.models import TrainingMethod
from training_methods.paging import OneQueryPaginator
from training_methods.registry import MethodGone
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
        return "to be given"
    return in_table(parameter.default)


def in_table(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value is None else shown(value)


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


class MethodListView(ListView):
    template_name = "training_methods/list.html"
    paginate_by = 25

    def get_queryset(self) -> QuerySet[TrainingMethod]:
        methods = TrainingMethod.objects.select_related("trainer_check").defer("trainer_check__results")
        methods = methods.annotate(name=Lower("display_name"), job_count=Count("jobs")).order_by("name")
        self.filter = MethodFilter(self.request.GET, methods)
        return self.filter.qs

    def paginate_queryset(self, queryset: Any, page_size: int) -> tuple[Paginator, Page, Any, bool]:
        page = OneQueryPaginator(queryset, page_size).get_page(self.request.GET.get("page"))
        return page.paginator, page, page.object_list, page.has_other_pages()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        add = decide(Action.ADD_METHOD, self.request)
        context = super().get_context_data(**kwargs, fields=[self.filter.form["type"]], add=add)
        return context | {"standings": [checks.standing(method) for method in context["page_obj"]]}


class MethodDetailView(MethodMixin, DetailView):
    template_name = "training_methods/detail.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        trainer = catalog.trainers().get(self.object.trainer)
        mistakes = config.check(self.object.config, trainer)
        offered = config.offered(trainer, self.object.config) if trainer and not mistakes else []
        return super().get_context_data(
            **kwargs,
            trainer=trainer,
            standing=checks.standing(self.object),
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
) -> Iterator[tuple[Any, dict[str, str], bool]]:
    """Each with what it sets other than the defaults, and whether whoever asks may delete it."""
    defaults = {parameter.name: parameter.default for parameter in offered}
    for profile in method.profiles.select_related("created_by"):
        changed = {name: value for name, value in profile.values.items() if value != defaults.get(name, value)}
        changes = {name: in_table(value) for name, value in changed.items()}
        yield profile, changes, profile.may_be_deleted_by(request.user)


class MethodFormView(SingleObjectTemplateResponseMixin, ModelFormMixin, ProcessFormView):
    """The form of a method, with what its trainer offers beside it."""

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
            method = self.keep(form.instance)
        except ValidationError as error:
            form.add_error(None, error)
            return self.form_invalid(form)
        messages.success(self.request, f"Saved the training method “{method}”.")
        return redirect(method)

    def keep(self, method: TrainingMethod) -> TrainingMethod:
        raise NotImplementedError


class MethodAddView(GatedView, MethodFormView, CreateView):
    action = Action.ADD_METHOD

    def keep(self, method: TrainingMethod) -> TrainingMethod:
        return registry.add(method, self.request.user)


class MethodEditView(GatedView, MethodMixin, MethodFormView, UpdateView):
    action = Action.CHANGE_METHOD

    def keep(self, method: TrainingMethod) -> TrainingMethod:
        return registry.change(method, self.request.user)


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
        messages.success(self.request, f"Deleted the training method “{self.object}”. Its jobs stay readable.")
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
            raise Http404(f"There never was a training method “{kwargs['internal_name']}”.")
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
        messages.success(self.request, f"Installed the license of {terms.customer}.")
        return redirect("training_methods:license")

    def remove(self) -> HttpResponse:
        removed = licensing.remove(self.request.user)
        messages.success(self.request, "Removed the license." if removed else "There is no license to remove.")
        return redirect("training_methods:license")
