from django.contrib import admin
from django.urls import include, path
from django.utils.translation import gettext_lazy as _

from deepext.home import bring_sample, home
from deepext.preferences import choose_language, choose_theme
from deepext.search import search
from deepext.views import healthz

admin.site.index_title = _("People and records")

urlpatterns = [
    path("", home, name="home"),
    path("", include("training_methods.urls")),
    path("", include("training_jobs.urls")),
    path("accounts/", include("deepext.accounts.urls")),
    path("admin/", admin.site.urls),
    path("sample/", bring_sample, name="sample"),
    path("search/", search, name="search"),
    path("theme/", choose_theme, name="theme"),
    path("language/", choose_language, name="language"),
    path("healthz", healthz, name="healthz"),
]
