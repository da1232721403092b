from django.contrib import admin
from django.contrib.auth.admin import UserAdmin

from deepext.accounts.models import User


@admin.register(User)
class AccountAdmin(UserAdmin):
    fieldsets = (*(UserAdmin.fieldsets or ()), ("Sign-in", {"fields": ("must_change_password",)}))
