"""The pages of customized models: what trains left."""

from pathlib import Path

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from training_jobs.archives import files_of, zipped
from training_jobs.filters import ModelFilter
from training_jobs.models import CustomizedModel
from training_methods.paging import OneQueryPaginator

ROWS = 25
MOST_OF_A_CARD = 64 * 1024  # characters


@require_safe
def model_list(request: HttpRequest) -> HttpResponse:
    models = CustomizedModel.objects.select_related("job", "base_model").defer("job__parameters", "job__failure")
    found = ModelFilter(request.GET, models)
    page = OneQueryPaginator(found.qs, ROWS).get_page(request.GET.get("page", 1))
    return render(request, "training_jobs/model_list.html", {"page_obj": page})


@require_safe
def model_detail(request: HttpRequest, pk: int) -> HttpResponse:
    model = get_object_or_404(CustomizedModel.objects.select_related("job", "base_model"), pk=pk)
    folder = Path(model.path)
    context = {"model": model, "is_there": folder.is_dir(), "card": card_in(folder), "files": sizes_in(folder)}
    return render(request, "training_jobs/model_detail.html", context)


@require_safe
def model_download(request: HttpRequest, pk: int) -> StreamingHttpResponse:
    model = get_object_or_404(CustomizedModel, pk=pk)
    folder = Path(model.path)
    if not folder.is_dir():
        raise Http404(f"The folder {folder} is not there any more.")
    headers = {"Content-Disposition": content_disposition_header(True, f"{model.name}.zip") or ""}
    return StreamingHttpResponse(zipped(folder), content_type="application/zip", headers=headers)


def card_in(folder: Path) -> str:
    """The model card, as far as a page can show it."""
    path = folder / "README.md"
    if not path.is_file():
        return ""
    with path.open(encoding="utf-8", errors="replace") as card:
        return card.read(MOST_OF_A_CARD)


def sizes_in(folder: Path) -> list[tuple[Path, int]]:
    """Each file of the folder with its size in bytes."""
    return [(path.relative_to(folder), path.stat().st_size) for path in files_of(folder)]
