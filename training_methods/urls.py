from django.urls import path

from training_methods import trainer_views, views

app_name = "training_methods"
urlpatterns = [
    path("methods/", views.method_list, name="list"),
    path("methods/add/", views.MethodAddView.as_view(), name="add"),
    path("methods/trainers/", trainer_views.trainer_list, name="trainers"),
    path("methods/trainers/read-again/", trainer_views.read_again, name="read-again"),
    path("methods/trainers/<slug:slug>/", trainer_views.trainer_detail, name="trainer"),
    path("methods/<slug:internal_name>/", views.MethodDetailView.as_view(), name="detail"),
    path("methods/<slug:internal_name>/edit/", views.MethodEditView.as_view(), name="edit"),
    path("methods/<slug:internal_name>/delete/", views.MethodDeleteView.as_view(), name="delete"),
    path("methods/<slug:internal_name>/check/", trainer_views.method_check, name="check"),
    path("methods/<slug:internal_name>/history/", views.MethodHistoryView.as_view(), name="history"),
    path("license/", views.LicenseView.as_view(), name="license"),
]
