from django.contrib import admin
from django.urls import include, path

from deepext.views import healthz, home

urlpatterns = [
    path("", home, name="home"),
    path("", include("training_methods.urls")),
    path("", include("training_jobs.urls")),
    path("accounts/", include("deepext.accounts.urls")),
    path("admin/", admin.site.urls),
    path("healthz", healthz, name="healthz"),
]
