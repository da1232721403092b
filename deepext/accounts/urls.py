from django.contrib.auth import views as auth_views
from django.urls import path

from deepext.accounts.views import LoginView, PasswordChangeView

urlpatterns = [
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("password/", PasswordChangeView.as_view(), name="password_change"),
]
