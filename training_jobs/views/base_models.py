"""The pages of base models."""

from pathlib import Path

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.generic import View

from training_jobs import base_models
from training_jobs.forms.base_models import BaseModelFilter, BaseModelForm
from training_jobs.models import FoundationModel, TrainingJob

ROWS = 25
JOBS_SHOWN = 10


def base_model_list(request: HttpRequest) -> HttpResponse:
    found = BaseModelFilter(request.GET, FoundationModel.objects.all())
    page = Paginator(found.qs, ROWS).get_page(request.GET.get("page"))
    context = {"page_obj": page, "may_change": base_models.may_change(request.user)}
    return render(request, "training_jobs/base_model_list.html", context)


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
        messages.success(request, f"“{model.name}” is added.")
        return redirect(model)

    def page(self, form: BaseModelForm) -> HttpResponse:
        return render(self.request, "training_jobs/base_model_add.html", {"form": form})


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
        return render(request, "training_jobs/base_model_delete.html", {"model": model, "jobs": jobs})

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        model = get_object_or_404(FoundationModel, pk=pk)
        base_models.delete(model, user=request.user)
        messages.success(request, f"“{model.name}” is off the record; its folder {model.path} stays.")
        return redirect("training_jobs:base-model-list")
