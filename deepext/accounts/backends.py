from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import Permission
from django.db.models import Q


class OneQueryBackend(ModelBackend):
    """Django's own, but a user's permissions and those of their groups come in one query and not in two."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        ordinary = user_obj.is_active and not user_obj.is_anonymous and not user_obj.is_superuser
        if ordinary and obj is None and not hasattr(user_obj, "_perm_cache"):
            granted = Permission.objects.filter(Q(user=user_obj) | Q(group__user=user_obj)).order_by()
            names = granted.values_list("content_type__app_label", "codename")
            user_obj._perm_cache = {f"{app}.{codename}" for app, codename in names}
        return super().get_all_permissions(user_obj, obj)
