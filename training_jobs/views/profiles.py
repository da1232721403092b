"""The pages that save a job's settings as a profile, and delete one."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import View

from training_jobs import lineage, profiles, setting_names
from training_jobs.models import ParameterProfile, TrainingJob


class ProfileForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=100,
        help_text=_("What people choose it by when they start a train."),
        error_messages={"required": _("A profile needs a name.")},
    )


class ProfileSaveView(View):
    def get(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self.page(job_with_method(pk), ProfileForm())

    def post(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        job, form = job_with_method(pk), ProfileForm(request.POST)
        if not form.is_valid():
            return self.page(job, form)
        try:
            profile = profiles.save(job, form.cleaned_data["name"], request.user)
        except ValidationError as error:
            form.add_error("name", error.messages)
            return self.page(job, form)
        said = {"profile": profile, "method": profile.method}
        messages.success(request, gettext("Saved the profile “%(profile)s” of %(method)s.") % said)
        return redirect(profile.method)

    def page(self, job: TrainingJob, form: ProfileForm) -> HttpResponse:
        reason = profiles.why_not(job)
        kept = [] if reason else lineage.settings(profiles.values_of(job), setting_names.labels(job))
        context = {"job": job, "form": form, "reason": reason, "kept": kept}
        return render(self.request, "training_jobs/profile_save.html", context)


class ProfileDeleteView(View):
    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        profile = get_object_or_404(ParameterProfile.objects.select_related("method", "created_by"), pk=pk)
        if not profile.may_be_deleted_by(request.user):
            raise PermissionDenied
        return render(request, "training_jobs/profile_delete.html", {"profile": profile})

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        profile = get_object_or_404(ParameterProfile.objects.select_related("method"), pk=pk)
        profiles.delete(profile, request.user)
        sentence = gettext("Deleted the profile “%(profile)s”. Trains started with it keep their settings.")
        messages.success(request, sentence % {"profile": profile})
        return redirect(profile.method)


def job_with_method(pk: UUID) -> TrainingJob:
    return get_object_or_404(TrainingJob.objects.select_related("method"), pk=pk)
