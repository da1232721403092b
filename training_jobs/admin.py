from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from training_jobs import leases
from training_jobs.models import CustomizedModel, Dataset, FoundationModel, TrainingJob


class RecordAdmin(admin.ModelAdmin):
    """To be read. These records stand for files and processes, so they change where those do: on their own pages."""

    show_full_result_count = False

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Without the fields' help, which is for whoever reads the code: English, and in its words."""
        help_texts = {field.name: "" for field in self.opts.get_fields()}
        return super().get_form(request, obj, change, help_texts=help_texts, **kwargs)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(TrainingJob)
class TrainingJobAdmin(RecordAdmin):
    list_display = ["name", "status", "queue", "attempt", "owner", "created_by", "created_at", "finished_at"]
    list_filter = ["status", "queue"]
    list_select_related = ["created_by"]
    search_fields = ["name", "method_snapshot__display_name", "base_model_snapshot__name"]
    date_hierarchy = "created_at"
    exclude = ["woken_at", "parameter_labels", "stored_attempt", "stored_events", "is_tidy"]  # the workers' own notes
    actions = ["cancel"]

    def has_cancel_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("training_jobs.change_trainingjob")

    @admin.action(description=_("Cancel the selected training jobs"), permissions=["cancel"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[TrainingJob]) -> None:
        by = request.user.get_username()
        asked = sum(leases.request_cancel(job, by=by) for job in queryset.values_list("pk", flat=True))
        said = {"asked": asked, "chosen": queryset.count()}
        sentence = gettext("%(asked)d of %(chosen)d were still to be cancelled.") % said
        self.message_user(request, sentence, messages.SUCCESS)


@admin.register(FoundationModel)
class FoundationModelAdmin(RecordAdmin):
    list_display = ["name", "architecture", "kind", "weights", "parameter_count", "path", "created_at"]
    search_fields = ["name", "path", "hub_id"]


@admin.register(Dataset)
class DatasetAdmin(RecordAdmin):
    list_display = ["name", "data_format", "row_count", "size_bytes", "original_name", "created_at"]
    list_filter = ["data_format"]
    search_fields = ["name", "original_name", "sha256"]


@admin.register(CustomizedModel)
class CustomizedModelAdmin(RecordAdmin):
    list_display = ["name", "kind", "base_model_name", "size_bytes", "path", "created_at"]
    list_filter = ["kind"]
    search_fields = ["name"]
