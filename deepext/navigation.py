"""Where the bar at the top leads. A page belongs to the section whose addresses it is among."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, kw_only=True)
class Section:
    """`key` is pressed after g to go there."""

    label: str | Promise
    page: str
    key: str
    addresses: tuple[str, ...]
    is_for: Callable[[Any], bool] = lambda user: True

    @property
    def url(self) -> str:
        return reverse(self.page)

    def holds(self, path: str) -> bool:
        return path.startswith(self.addresses)


HOME = Section(label=_("Home"), page="home", key="h", addresses=())
SECTIONS = (
    HOME,
    Section(label=_("Train"), page="training_jobs:job-list", key="t", addresses=("/jobs/",)),
    Section(label=_("Models"), page="training_jobs:model-list", key="m", addresses=("/models/",)),
    Section(label=_("Data"), page="training_jobs:dataset-list", key="d", addresses=("/datasets/", "/base-models/")),
    Section(label=_("Methods"), page="training_methods:list", key="e", addresses=("/methods/",)),
    Section(
        label=_("Admin"),
        page="training_jobs:worker-list",
        key="a",
        addresses=("/workers/", "/license/", "/admin/"),
        is_for=lambda user: user.is_staff,
    ),
)


def sections_for(user: Any, path: str) -> list[tuple[Section, bool]]:
    """Each with whether the page at this path is in it."""
    here = HOME if path == "/" else next((section for section in SECTIONS if section.holds(path)), None)
    return [(section, section is here) for section in SECTIONS if section.is_for(user)]
