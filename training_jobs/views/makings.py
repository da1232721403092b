"""Other models made of a customized one: asked for, followed, and fetched."""

from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from training_jobs import makings, model_work
from training_jobs.models import CustomizedModel, Making


def standing_of(model: CustomizedModel, request: HttpRequest) -> dict[str, Any]:
    """What can be made of a model, and what became of what was asked for."""
    made = makings.latest(model)
    return {
        "offers": makings.offers(model),
        "makings": [(making, model_work.wait_of(making) if making.state == "waiting" else "") for making in made],
        "gguf_files": makings.files(model),
        "is_making": any(making.is_unended for making in made),
        "seen": " ".join(f"{making.pk}-{making.state}-{making.is_lost}-{making.step}" for making in made),
        "may_make": makings.may_make(model, request.user),
    }


@require_safe
def followed(request: HttpRequest, pk: int) -> HttpResponse:
    """The same; nothing if that is what `?seen=` names."""
    model = get_object_or_404(CustomizedModel.objects.with_lineage(), pk=pk)
    standing = standing_of(model, request)
    if request.GET.get("seen") == standing["seen"]:
        return HttpResponse(status=204)
    return render(request, "training_jobs/_model_makings.html", standing | {"model": model})


@require_POST
def make(request: HttpRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(CustomizedModel.objects.with_lineage(), pk=pk)
    what = request.POST.get("what", "")
    if what not in Making.What.values:
        return HttpResponse(_("Choose what is to be made: merge, f16 or q8_0."), status=400)
    try:
        makings.ask(model, Making.What(what), request.user)
    except makings.Refused as refused:
        messages.error(request, str(refused))
    return redirect(f"{model.get_absolute_url()}#makings")


@require_POST
def cancel(request: HttpRequest, pk: int, making_pk: int) -> HttpResponse:
    """One that has gone already was cancelled by somebody else, or with its model."""
    making = Making.objects.select_related("model__job").filter(pk=making_pk, model=pk).first()
    if making is None or not makings.cancel(making, request.user):
        messages.info(request, _("It has ended already."))
    return redirect(f"{reverse('training_jobs:model-detail', args=[pk])}#makings")


@require_safe
def gguf_file(request: HttpRequest, pk: int, name: str) -> FileResponse:
    model = get_object_or_404(CustomizedModel, pk=pk)
    path: Path | None = makings.file_of(model, name)
    if path is None:
        raise Http404(f"“{model}” has no file {name}.")
    return FileResponse(path.open("rb"), as_attachment=True, filename=name)
