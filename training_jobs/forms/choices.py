"""Choices of which there may be thousands: one page of options, and a search for the rest."""

from collections.abc import Iterator
from functools import reduce
from operator import or_
from typing import Any

from django import forms
from django.db.models import Model, Q, QuerySet
from django.forms.models import ModelChoiceIterator

from training_methods.trainers.events import storable

PAGE = 25  # options in the page, however many records there are


class PageOfChoices(ModelChoiceIterator):
    field: "SearchedField"

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        if self.field.empty_label is not None:
            yield "", self.field.empty_label
        for record in self.field.page():
            yield self.choice(record)


class SearchedField(forms.ModelChoiceField):
    """A drop-down with the first records that match `words`, and the chosen one whether it matches or not.

    Any record may be sent, whether it was among the options or not.
    """

    iterator = PageOfChoices
    search_fields: tuple[str, ...] = ("name",)
    words: str = ""
    chosen: Any = None
    _page: list[Any] | None = None
    _records: dict[str, Any] | None = None  # looked up already, by what was sent

    def narrow(self, words: str, chosen: Any) -> None:
        self.words, self.chosen = storable(words).strip(), chosen
        self._page = None
        self._records = {}

    @property
    def records(self) -> QuerySet:
        assert self.queryset is not None
        return self.queryset

    def matching(self) -> QuerySet:
        """In the order in which they are offered."""
        found: QuerySet = self.records
        for word in self.words.split():
            found = found.filter(self.having(word))
        return found

    def having(self, word: str) -> Q:
        """What a word finds."""
        return reduce(or_, (Q(**{f"{field}__icontains": word}) for field in self.search_fields))

    def page(self) -> list[Any]:
        if self._page is None:
            found = list(self.matching()[: PAGE + 1])
            self.has_more = len(found) > PAGE
            chosen = self.record(self.chosen)
            others = [record for record in found[:PAGE] if record != chosen]
            self._page = [*([chosen] if chosen else []), *others][:PAGE]
        return self._page

    def record(self, value: Any) -> Any:
        """The one that was sent, or None if it is not there. Looked up once."""
        if value in self.empty_values:
            return None
        known = self._records if self._records is not None else {}
        if str(value) not in known:
            known[str(value)] = self.looked_up(value)
        return known[str(value)]

    def looked_up(self, value: Any) -> Model | None:
        try:
            return self.to_python(value)
        except forms.ValidationError:
            return None

    @property
    def is_searched(self) -> bool:
        """Whether there are more than the options show."""
        self.page()
        return bool(self.words) or self.has_more
