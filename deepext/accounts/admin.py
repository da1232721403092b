from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from deepext.accounts.models import User


@admin.register(User)
class AccountAdmin(UserAdmin):
    fieldsets = (*(UserAdmin.fieldsets or ()), (_("Sign-in"), {"fields": ("must_change_password", "language")}))
