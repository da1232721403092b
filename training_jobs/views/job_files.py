"""Files: what the train left, each to download, and its model card."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from training_jobs import model_facts
from training_jobs.archives import files_of
from training_jobs.markdown import as_html
from training_jobs.models import CustomizedModel, TrainingJob


def context(request: HttpRequest, job: TrainingJob) -> dict[str, Any]:
    model = CustomizedModel.objects.filter(job=job).first() if job.has_ended else None
    if model is None:
        return {"model": None}
    folder = Path(model.path)
    card = model_facts.card_in(folder)
    return {
        "model": model,
        "is_there": folder.is_dir(),
        "files": [(path.as_posix(), size) for path, size in model_facts.sizes_in(folder)],
        "card": as_html(card) if card else "",
    }


@require_safe
def job_file(request: HttpRequest, pk: UUID, name: str) -> FileResponse:
    """One of the files that the page lists, and no other."""
    model = get_object_or_404(CustomizedModel, job=pk)
    folder = Path(model.path)
    path = next((path for path in files_of(folder) if path.relative_to(folder).as_posix() == name), None)
    if path is None:
        raise Http404(_("“%(model)s” has no file %(name)s.") % {"model": model, "name": name})
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
