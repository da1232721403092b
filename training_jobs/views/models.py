"""The pages of customized models: what trains left."""

from pathlib import Path

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from training_jobs import base_models, customized_models, makings, model_facts, removals
from training_jobs.archives import zipped
from training_jobs.lists.models import MODELS
from training_jobs.models import CustomizedModel, FoundationModel
from training_jobs.views import makings as makings_part
from training_methods import list_views
from training_methods.models import TYPE_LABELS
from training_methods.requests import HtmxRequest


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def model_list(request: HtmxRequest) -> HttpResponse:
    return list_views.show(request, MODELS, "training_jobs/model_list.html")


@require_safe
def model_detail(request: HttpRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(CustomizedModel.objects.with_lineage(), pk=pk)
    folder, train = Path(model.path), model.train
    context = {
        "model": model,
        "train": train,
        "method_type": TYPE_LABELS.get(train.method_snapshot["method_type"]) if train else None,
        "is_there": folder.is_dir(),
        "scores": model_facts.scores(train) if train else [],
        "settings": list(model_facts.settings_of(train)) if train else [],
        "base_license": model_facts.base_license(model),
        "usage": model_facts.usage(model),
        "card": model_facts.card_in(folder),
        "files": model_facts.sizes_in(folder),
        "as_base": FoundationModel.objects.filter(path=model.path).first(),
        "may_register": customized_models.may_register(model, request.user),
        "may_remove": removals.may_remove(model, request.user),
        **makings_part.standing_of(model, request),
    }
    return render(request, "training_jobs/model_detail.html", context)


@require_safe
def model_download(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    model = get_object_or_404(CustomizedModel, pk=pk)
    folder = Path(model.path)
    if not folder.is_dir():
        raise Http404(f"The folder {folder} is not there any more.")
    headers = {"Content-Disposition": content_disposition_header(True, f"{model.name}.zip") or ""}
    pieces = zipped(folder, without=makings.FOLDER)  # the exports are downloaded one by one
    return StreamingHttpResponse(pieces, content_type="application/zip", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
def model_delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Says what goes, then deletes the model with its files."""
    model = get_object_or_404(CustomizedModel.objects.with_lineage(), pk=pk)
    if not removals.may_remove(model, request.user):
        raise PermissionDenied(_("Whoever started the train deletes its model, and staff."))
    if request.method == "POST":
        try:
            removals.remove(model, user=request.user)
        except removals.InUse as used:
            messages.error(request, str(used))
            return redirect(model)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": model.name})
        return redirect("training_jobs:model-list")
    folder = Path(model.path)
    context = {
        "model": model,
        "use": removals.use_of(model),
        "files": len(model_facts.sizes_in(folder)),
        "files_go": removals.is_ours(folder),
    }
    return render(request, "training_jobs/model_delete.html", context)


@require_POST
def model_register(request: HttpRequest, pk: int) -> HttpResponse:
    """Makes it a base model, which trains can start from or refer to."""
    model = get_object_or_404(CustomizedModel, pk=pk)
    try:
        base_model = customized_models.register(model, user=request.user)
    except base_models.BadBaseModel as bad:
        messages.error(request, str(bad))
        return redirect(model)
    messages.success(request, _("“%(name)s” is a base model now.") % {"name": base_model.name})
    return redirect(base_model)
