"""What a list of records is: its columns, filters and order, and what can be done with the rows chosen in it.

A `Catalogue` describes a list once; a `Listing` is what one address of it shows. The views are in `list_views`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.core.paginator import Page
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django_filters import FilterSet

from training_methods import cells
from training_methods.paging import ListPaginator

ROWS = 25
YEAR = 365 * 24 * 60 * 60  # seconds that a choice of columns is kept

Text = Any  # a string, or one that is translated when it is shown


@dataclass(frozen=True, kw_only=True, eq=False)  # each is itself: to compare what they hold takes long
class Column:
    """`cell` is what the table shows of a record, `value` what a CSV file says; `order` sorts upwards by it."""

    name: str
    label: Text
    cell: Callable[[Any], Any]
    value: Callable[[Any], object]
    order: Sequence[str] = ()
    is_number: bool = False
    is_shown: bool = True
    on_small_screens: bool = False


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something that is done with each of the chosen records by itself: `do` says why not, or nothing."""

    name: str
    label: Text
    symbol: str
    do: Callable[[Any, Any], str]  # the record, who asks
    done: Callable[[int], str]  # a sentence with their number
    question: Callable[[int], str] | None = None  # asked first
    warning: Text = ""
    is_offered_to: Callable[[Any], bool] = lambda user: True


@dataclass(frozen=True, kw_only=True)
class Way:
    """A page that takes the chosen records, between so many of them."""

    name: str
    label: Text
    symbol: str
    address: Callable[[Sequence[str]], str]  # of their keys
    least: int
    most: int
    is_offered_to: Callable[[Any], bool] = lambda user: True


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """A list. `rows` are its records with everything that is shown; `sort` as in the address, `-name` for downwards.

    Filters and orders know fields of the model alone, and nothing that `rows` adds to it.
    """

    name: str
    label: Text
    rows: Callable[[], QuerySet]
    columns: Sequence[Column]
    filters: type[FilterSet]
    sort: str
    selects: Sequence[str] = ()  # filters with a choice beside the search box; the others come by links
    actions: Sequence[Action | Way] = ()
    may_change: Callable[[Any], bool] = lambda record: False  # soon, so that the list asks again
    prepare: Callable[[Sequence[Any]], None] = lambda records: None  # a page's, with what is not in the database

    @property
    def cookie(self) -> str:
        return f"columns-{self.name}"

    def orders(self) -> dict[str, list[str]]:
        """Each way of sorting, by the key at last so that no two pages share a record."""
        upwards = {column.name: whole(column.order) for column in self.columns if column.order}
        return upwards | {f"-{name}": [turned(part) for part in order] for name, order in upwards.items()}


def whole(order: Sequence[str]) -> list[str]:
    """The key runs as the part before it does, as in an index."""
    return [*order, "-pk" if order[-1].startswith("-") else "pk"]


def turned(part: str) -> str:
    return part[1:] if part.startswith("-") else f"-{part}"


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the address without it."""

    label: str
    without: str


@dataclass(frozen=True, kw_only=True)
class Heading:
    """`address` sorts by the column, where that is possible; `sorted` is the way it is sorted now, as ARIA says it."""

    label: Text
    css: str
    address: str
    sorted: str

    @property
    def symbol(self) -> str:
        return {"ascending": "up", "descending": "down"}.get(self.sorted, "")


class Listing:
    """What an address of a list shows. What it does not know there is left aside."""

    def __init__(self, catalogue: Catalogue, request: HttpRequest) -> None:
        self.catalogue, self.request, self.asked = catalogue, request, request.GET
        self.rows = catalogue.rows().all()  # of its own, since what it has read stays with it
        self.filters = catalogue.filters(request.GET, self.rows, request=request)

    def found_among(self, records: QuerySet) -> QuerySet:
        """Those that the address asks for, in its order."""
        self.filters.form.is_valid()
        return self.filters.filter_queryset(records).order_by(*self.catalogue.orders()[self.sort])

    @property
    def sort(self) -> str:
        asked = self.asked.get("sort", "")
        return asked if asked in self.catalogue.orders() else self.catalogue.sort

    @cached_property
    def page(self) -> Page:
        plain = self.found_among(self.rows.model._default_manager.all())
        page = ListPaginator(plain, self.rows, ROWS).get_page(self.asked.get("page"))
        self.catalogue.prepare(list(page))
        return page

    @cached_property
    def columns(self) -> list[Column]:
        """The first always, of the others those chosen; in the list's own order."""
        first, *others = self.catalogue.columns
        return [first, *(one for one in others if (one.name in self.chosen if self.chosen else one.is_shown))]

    @cached_property
    def chosen(self) -> set[str]:
        """Names of columns as the address has them, or else this browser's cookie."""
        kept = self.request.COOKIES.get(self.catalogue.cookie, "").split(".")
        known = {column.name for column in self.catalogue.columns[1:]}
        return known & set(self.asked.getlist("columns")) or known & set(kept)

    @property
    def table(self) -> Iterator[SafeString]:
        """Each row's cells as HTML, put together here: a template takes ten times as long for them."""
        columns = [(format_html('<td class="{}">', self.css(column)), column) for column in self.columns]
        choose = _("Choose")
        for record in self.page:
            row = cells.choice(record, f"{choose} {record}") if self.actions else ""
            for opening, column in columns:
                row += f"{opening}{conditional_escape(column.cell(record))}</td>"
            yield SafeString(row)

    @property
    def headings(self) -> Iterator[Heading]:
        ways = {self.sort.removeprefix("-"): "descending" if self.sort.startswith("-") else "ascending"}
        for column in self.columns:
            way = ways.get(column.name, "")
            turn = f"-{column.name}" if way == "ascending" else column.name
            address = self.address(sort=turn) if column.order else ""
            yield Heading(label=column.label, css=self.css(column), address=address, sorted=way)

    def css(self, column: Column) -> str:
        """A small screen has room for some columns, unless somebody chose the columns."""
        optional = "" if column.on_small_screens or self.chosen else "optional"
        return " ".join(filter(None, ["num" if column.is_number else "", optional]))

    @cached_property
    def is_live(self) -> bool:
        return any(map(self.catalogue.may_change, self.page))

    @property
    def selects(self) -> list[Any]:
        return [self.filters.form[name] for name in self.catalogue.selects]

    @property
    def chips(self) -> Iterator[Chip]:
        form = self.filters.form
        form.is_valid()
        for name, field in form.fields.items():
            if value := form.cleaned_data.get(name):
                shown = dict(getattr(field, "choices", ())).get(value, value)
                label = _("%(filter)s: %(value)s") % {"filter": field.label, "value": shown}
                yield Chip(label, self.address(**{name: None}))

    @cached_property
    def is_narrowed(self) -> bool:
        return any(True for _chip in self.chips)

    @property
    def kept_beside_the_search(self) -> list[tuple[str, str]]:
        """What the address says beyond the fields of the search form."""
        return self.pairs_without({"q", "page", *self.catalogue.selects})

    @property
    def kept_beside_the_columns(self) -> list[tuple[str, str]]:
        return self.pairs_without({"page", "columns"})

    def pairs_without(self, names: set[str]) -> list[tuple[str, str]]:
        return [(name, value) for name, values in self.asked.lists() if name not in names for value in values]

    @property
    def file_address(self) -> str:
        return self.address(download="csv")

    @property
    def unnarrowed_address(self) -> str:
        return self.address(**dict.fromkeys(self.filters.form.fields))

    def address(self, **changes: str | None) -> str:
        """This one, from its first page on, with these parts put in or (None) left out."""
        parts: QueryDict = self.asked.copy()
        for name, value in {"page": None, **changes}.items():
            parts.pop(name, None)
            if value is not None:
                parts[name] = value
        return f"{self.request.path}?{parts.urlencode()}" if parts else self.request.path

    @cached_property
    def actions(self) -> list[Action | Way]:
        return [action for action in self.catalogue.actions if action.is_offered_to(self.request.user)]
