from django.urls import path

from training_jobs.views import base_models, datasets, jobs, models, new_job, profiles, workers

app_name = "training_jobs"
urlpatterns = [
    path("jobs/", jobs.job_list, name="job-list"),
    path("jobs/new/", new_job.job_new, name="job-new"),
    path("jobs/<uuid:pk>/", jobs.job_detail, name="job-detail"),
    path("jobs/<uuid:pk>/state", jobs.job_state, name="job-state"),
    path("jobs/<uuid:pk>/metrics", jobs.job_metrics, name="job-metrics"),
    path("jobs/<uuid:pk>/log", jobs.job_log, name="job-log"),
    path("jobs/<uuid:pk>/cancel/", jobs.job_cancel, name="job-cancel"),
    path("jobs/<uuid:pk>/copy/", new_job.job_copy, name="job-copy"),
    path("workers/", workers.worker_list, name="worker-list"),
    path("workers/<uuid:pk>/<slug:wish>/", workers.worker_ask, name="worker-ask"),
    path("jobs/<uuid:pk>/profile/", profiles.ProfileSaveView.as_view(), name="profile-save"),
    path("profiles/<int:pk>/delete/", profiles.ProfileDeleteView.as_view(), name="profile-delete"),
    path("models/", models.model_list, name="model-list"),
    path("models/<int:pk>/", models.model_detail, name="model-detail"),
    path("models/<int:pk>/download/", models.model_download, name="model-download"),
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
