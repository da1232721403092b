from django.apps import AppConfig


class TrainingMethodsConfig(AppConfig):
    name = "training_methods"
    verbose_name = "Training Methods"
