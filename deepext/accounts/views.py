from django.contrib import messages
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from deepext.preferences import speak


class LoginView(auth_views.LoginView):
    """Goes on in the language that was chosen on whichever machine."""

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        answer = super().form_valid(form)
        if language := form.get_user().language:
            speak(answer, language)
        return answer


class PasswordChangeView(auth_views.PasswordChangeView):
    success_url = reverse_lazy("home")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        form.user.must_change_password = False
        messages.success(self.request, _("Your password is changed."))
        return super().form_valid(form)
