"""The pages of base models."""

from pathlib import Path

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers
from django.views.generic import View

from training_jobs import base_models
from training_jobs.forms.base_models import BaseModelForm
from training_jobs.lists.base_models import BASE_MODELS
from training_jobs.models import FoundationModel, TrainingJob
from training_methods import list_views
from training_methods.requests import HtmxRequest

JOBS_SHOWN = 10


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def base_model_list(request: HtmxRequest) -> HttpResponse:
    may_change = base_models.may_change(request.user)
    return list_views.show(request, BASE_MODELS, "training_jobs/base_model_list.html", may_change=may_change)


class BaseModelAddView(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        if not base_models.may_change(request.user):
            raise PermissionDenied
        return self.page(BaseModelForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = BaseModelForm(request.POST)
        if not form.is_valid():
            return self.page(form)
        try:
            model = base_models.add(form.cleaned_data["location"], name=form.cleaned_data["name"], user=request.user)
        except base_models.BadBaseModel as bad:
            form.add_error("location", str(bad))
            return self.page(form)
        messages.success(request, _("“%(name)s” is added.") % {"name": model.name})
        return redirect(model)

    def page(self, form: BaseModelForm) -> HttpResponse:
        return render(self.request, "training_jobs/base_model_add.html", {"form": form})


@require_safe
def base_model_detail(request: HttpRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(FoundationModel.objects.select_related("created_by"), pk=pk)
    context = {
        "model": model,
        "is_there": Path(model.path).is_dir(),
        "jobs": TrainingJob.objects.that_use(model).for_lists()[:JOBS_SHOWN],
        "may_change": base_models.may_change(request.user),
    }
    return render(request, "training_jobs/base_model_detail.html", context)


class BaseModelDeleteView(View):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        model = get_object_or_404(FoundationModel, pk=pk)
        if not base_models.may_change(request.user):
            raise PermissionDenied
        jobs = TrainingJob.objects.that_use(model).count()
        context = {"model": model, "jobs": jobs, "needed_by": base_models.needed_by(model)}
        return render(request, "training_jobs/base_model_delete.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        model = get_object_or_404(FoundationModel, pk=pk)
        try:
            base_models.delete(model, user=request.user)
        except base_models.BadBaseModel as needed:
            messages.error(request, str(needed))
            return redirect("training_jobs:base-model-delete", pk)
        sentence = _("“%(name)s” is off the record; its folder %(folder)s stays.")
        messages.success(request, sentence % {"name": model.name, "folder": model.path})
        return redirect("training_jobs:base-model-list")
