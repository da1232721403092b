from contextlib import suppress
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from simple_history.admin import SimpleHistoryAdmin

from training_methods import licensing, registry
from training_methods.forms import MethodForm
from training_methods.licensing import Action, NotAllowed
from training_methods.models import License, TrainingMethod
from training_methods.registry import MethodGone


@admin.register(TrainingMethod)
class TrainingMethodAdmin(SimpleHistoryAdmin):
    """The same gate, the same checks: everything is kept through the registry."""

    form = MethodForm
    list_display = ["display_name", "internal_name", "method_type", "trainer", "is_builtin", "updated_at"]
    list_filter = ["method_type", "is_builtin"]
    search_fields = ["internal_name", "display_name", "description"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return licensing.decide(Action.ADD_METHOD, request.user).allowed

    def has_delete_permission(self, request: HttpRequest, obj: TrainingMethod | None = None) -> bool:
        return licensing.decide(Action.DELETE_METHOD, request.user, obj).allowed

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """What happened between the check of the form and the keeping of it is told, and nothing is kept."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except (NotAllowed, MethodGone, ValidationError) as refused:
            sentences = refused.messages if isinstance(refused, ValidationError) else [str(refused)]
            self.message_user(request, " ".join(sentences), messages.ERROR)
            return HttpResponseRedirect(request.path)

    def save_model(self, request: HttpRequest, obj: TrainingMethod, form: Any, change: bool) -> None:
        keep = registry.change if change else registry.add
        keep(obj, request.user)

    def delete_model(self, request: HttpRequest, obj: TrainingMethod) -> None:
        registry.delete(obj, request.user)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[TrainingMethod]) -> None:
        for method in queryset:
            with suppress(MethodGone):  # somebody else was first
                registry.delete(method, request.user)


@admin.register(License)
class LicenseAdmin(admin.ModelAdmin):
    """To be read: a key comes in through the license page and `manage.py license`, which verify it."""

    fields = ["state", "customer", "installed_at", "installed_by"]
    list_display = ["state", "customer", "installed_at", "installed_by"]

    @admin.display(description=_("State"))
    def state(self, stored: License) -> str:
        return str(licensing.authority.judge(stored.key).state.label)

    @admin.display(description=_("Customer"))
    def customer(self, stored: License) -> str:
        status = licensing.authority.judge(stored.key)
        return status.terms.customer if status.terms else status.reason

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: License | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: License | None = None) -> bool:
        return False
