"""The pages of datasets."""

import json
from typing import TypeGuard

from django.contrib import messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers
from django.views.generic import View

from training_jobs import datasets
from training_jobs.datasets import BadDataset
from training_jobs.forms.datasets import ColumnsForm, UploadForm
from training_jobs.lists.datasets import DATASETS
from training_jobs.models import Dataset
from training_jobs.uploads import Upload
from training_methods import list_views
from training_methods.requests import HtmxRequest
from training_methods.trainers import DataFormat
from training_methods.trainers.row_files import FileType, Row
from training_methods.trainers.survey import Survey

JOBS_SHOWN = 10


@require_http_methods(["GET", "HEAD", "POST"])
@vary_on_headers("HX-Request")
def dataset_list(request: HtmxRequest) -> HttpResponse:
    return list_views.show(request, DATASETS, "training_jobs/dataset_list.html")


class DatasetAddView(View):
    """Takes a file. One whose format shows is imported at once; of any other the columns are asked for.

    So they are where the name alone is wrong: that page keeps the file, which a browser would not send again.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.page(UploadForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid() and list(form.errors) != ["name"]:
            return self.page(form)
        upload = Upload.keep(form.cleaned_data["file"], title=form.title)
        for sentence in form.errors.get("name", ()):
            messages.error(request, str(sentence))
            return redirect("training_jobs:dataset-columns", upload.token)
        try:
            return self.bring_in(form, upload)
        except BadDataset as bad:
            if bad.survey.lacks_format:
                return redirect("training_jobs:dataset-columns", upload.token)
            upload.forget()
            form.add_error("file", str(bad))
            return self.page(form, bad)

    def bring_in(self, form: UploadForm, upload: Upload) -> HttpResponse:
        if form.cleaned_data["choose"]:
            datasets.look(upload.path, original_name=upload.name)
            return redirect("training_jobs:dataset-columns", upload.token)
        dataset = datasets.import_file(
            upload.path, name=upload.title, original_name=upload.name, user=self.request.user
        )
        return added(self.request, dataset, upload)

    def page(self, form: UploadForm, bad: BadDataset | None = None) -> HttpResponse:
        return render(
            self.request, "training_jobs/dataset_add.html", {"form": form, "bad": bad, "formats": list(DataFormat)}
        )


@method_decorator(vary_on_headers("HX-Request"), name="dispatch")
class DatasetColumnsView(View):
    """Asks what an upload's columns mean. htmx gets the columns of `?data_format=` alone."""

    upload: Upload
    found: Survey

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: str) -> HttpResponseBase:
        upload = Upload.waiting(kwargs["token"])
        if upload is None:
            messages.error(request, _("This upload is not here any more: add the file again."))
            return redirect("training_jobs:dataset-add")
        try:
            self.upload, self.found = upload, datasets.look(upload.path, original_name=upload.name)
        except BadDataset as bad:
            messages.error(request, str(bad))
            return redirect("training_jobs:dataset-add")
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HtmxRequest, token: str) -> HttpResponse:
        form = self.form(request.GET.get("data_format"))
        is_part = request.htmx and not request.htmx.boosted
        return self.page(form, template="_dataset_column_fields" if is_part else "dataset_columns")

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        chosen = request.POST.get("data_format")
        if chosen != request.POST.get("columns_of"):
            return self.page(self.form(chosen))  # without JavaScript a format's columns come with the next page
        form = self.form(chosen, request.POST)
        return self.bring_in(form) if form.is_valid() else self.page(form)

    def form(self, chosen: str | None, data: QueryDict | None = None) -> ColumnsForm:
        detected = self.found.data_format or DataFormat.PROMPT_COMPLETION
        data_format = DataFormat(chosen) if chosen in list(DataFormat) else detected
        initial = {"name": self.upload.title, "data_format": str(data_format)}
        return ColumnsForm(data_format, self.found.columns, data, initial=initial)

    def bring_in(self, form: ColumnsForm) -> HttpResponse:
        try:
            dataset = datasets.import_file(
                self.upload.path,
                name=form.cleaned_data["name"],
                data_format=DataFormat(form.cleaned_data["data_format"]),
                mapping=form.mapping,
                original_name=self.upload.name,
                user=self.request.user,
            )
        except BadDataset as bad:
            form.add_error(None, str(bad))
            return self.page(form, bad)
        return added(self.request, dataset, self.upload)

    def page(
        self, form: ColumnsForm, bad: BadDataset | None = None, *, template: str = "dataset_columns"
    ) -> HttpResponse:
        context = {"form": form, "bad": bad, "found": self.found, "upload": self.upload}
        return render(self.request, f"training_jobs/{template}.html", context)


def added(request: HttpRequest, dataset: Dataset, upload: Upload) -> HttpResponse:
    upload.forget()
    sentence = ngettext(
        "“%(name)s” is added: %(number)s row.", "“%(name)s” is added: %(number)s rows.", dataset.row_count
    )
    messages.success(request, sentence % {"name": dataset.name, "number": intcomma(dataset.row_count)})
    return redirect(dataset)


@require_safe
def dataset_detail(request: HttpRequest, pk: int) -> HttpResponse:
    dataset = get_object_or_404(Dataset.objects.select_related("created_by"), pk=pk)
    context = {
        "dataset": dataset,
        "file_type": FileType(dataset.file_type).label,
        "rows": [parts(row) for row in dataset.preview],
        "jobs": dataset.jobs.for_lists()[:JOBS_SHOWN],
        "may_delete": datasets.may_delete(dataset, request.user),
    }
    return render(request, "training_jobs/dataset_detail.html", context)


def parts(row: Row) -> list[tuple[str, str]]:
    """A row as labelled texts: the turns of a conversation by their roles, the rest by column."""
    return [part for name, value in row.items() for part in named_texts(name, value)]


def named_texts(name: str, value: object) -> list[tuple[str, str]]:
    if is_conversation(value):
        place = "" if name == "messages" else f"{name}: "
        return [(place + turn["role"], turn["content"]) for turn in value]
    return [(name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))]


def is_conversation(value: object) -> TypeGuard[list[dict[str, str]]]:
    return isinstance(value, list) and all(
        isinstance(turn, dict) and {"role", "content"} <= turn.keys() for turn in value
    )


class DatasetDeleteView(View):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        dataset = get_object_or_404(Dataset, pk=pk)
        if not datasets.may_delete(dataset, request.user):
            raise PermissionDenied
        context = {"dataset": dataset, "jobs": dataset.jobs.count(), "needed_by": datasets.needed_by(dataset)}
        return render(request, "training_jobs/dataset_delete.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        dataset = get_object_or_404(Dataset, pk=pk)
        try:
            datasets.delete(dataset, user=request.user)
        except datasets.DatasetInUse as in_use:
            messages.error(request, str(in_use))
            return redirect("training_jobs:dataset-delete", pk)
        messages.success(request, _("“%(name)s” is deleted.") % {"name": dataset.name})
        return redirect("training_jobs:dataset-list")
