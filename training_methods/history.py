"""What changed in a training method, from one version to the next."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from django.core.paginator import Page
from django.utils.translation import gettext_lazy as _

from training_methods.config_text import shown

FIELDS = {
    "display_name": _("Display name"),
    "method_type": _("Method type"),
    "description": _("Description"),
    "trainer": _("Trainer"),
}
VERBS = {"+": _("Added"), "~": _("Changed"), "-": _("Deleted")}
NOTHING = _("not set")


@dataclass(frozen=True)
class Change:
    what: str
    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class Version:
    """A version as the history page tells it."""

    verb: str
    when: Any
    who: Any
    changes: list[Change]


def versions_on(page: Page) -> list[Version]:
    """The records of a page, from newest to oldest, each with what it changed."""
    start = page.start_index() - 1
    records = list(page.paginator.object_list[start : start + len(page) + 1])
    return [version(record, earlier) for record, earlier in pairwise([*records, None])][: len(page)]


def version(record: Any, earlier: Any) -> Version:
    changed = record.history_type == "~" and earlier is not None
    return Version(
        verb=str(VERBS[record.history_type]),
        when=record.history_date,
        who=record.history_user,
        changes=list(changes_between(earlier, record)) if changed else [],
    )


def changes_between(before: Any, after: Any) -> Iterator[Change]:
    nothing = str(NOTHING)
    for field, label in FIELDS.items():
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            yield Change(str(label), old or nothing, new or nothing)
    old_config, new_config = flat(before.config), flat(after.config)
    for path in old_config | new_config:
        if old_config.get(path) != new_config.get(path):
            yield Change(path, old_config.get(path, nothing), new_config.get(path, nothing))


def flat(config: Any, path: str = "") -> dict[str, str]:
    """Every value of a configuration by its dotted path."""
    if not isinstance(config, dict) or not config:
        return {path: shown(config)} if path else {}
    return {
        key: value for name, inner in config.items() for key, value in flat(inner, f"{path}.{name}".lstrip(".")).items()
    }
