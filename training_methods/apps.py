from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TrainingMethodsConfig(AppConfig):
    name = "training_methods"
    verbose_name = _("Training methods")
