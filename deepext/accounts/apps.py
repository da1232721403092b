from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "deepext.accounts"
    verbose_name = "Accounts"
