from django.urls import path

from training_jobs.views import base_models, datasets

app_name = "training_jobs"
urlpatterns = [
    path("base-models/", base_models.base_model_list, name="base-model-list"),
    path("base-models/add/", base_models.BaseModelAddView.as_view(), name="base-model-add"),
    path("base-models/<int:pk>/", base_models.base_model_detail, name="base-model-detail"),
    path("base-models/<int:pk>/delete/", base_models.BaseModelDeleteView.as_view(), name="base-model-delete"),
    path("datasets/", datasets.dataset_list, name="dataset-list"),
    path("datasets/add/", datasets.DatasetAddView.as_view(), name="dataset-add"),
    path("datasets/add/<str:token>/", datasets.DatasetColumnsView.as_view(), name="dataset-columns"),
    path("datasets/<int:pk>/", datasets.dataset_detail, name="dataset-detail"),
    path("datasets/<int:pk>/delete/", datasets.DatasetDeleteView.as_view(), name="dataset-delete"),
]
