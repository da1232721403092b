"""What the views of all lists share: the page, its live rows, the CSV file, the choice of columns, the bulk bar."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from training_methods.csv_files import lines
from training_methods.lists import YEAR, Action, Catalogue, Listing, Way
from training_methods.requests import HtmxRequest

MOST_CHOSEN = 100
MOST_REFUSALS_SHOWN = 5
READ_AT_ONCE = 500


def show(request: HtmxRequest, catalogue: Catalogue, template: str, **context: Any) -> Any:
    """The list's page, or for htmx its rows alone; a POST does something with the rows chosen."""
    listing = Listing(catalogue, request)
    if request.method == "POST":
        return act(listing)
    if "keep" in request.GET:
        return keep_columns(listing)
    if request.GET.get("download") == "csv":
        return as_file(listing)
    context |= {"listing": listing, "page_obj": listing.page}
    return render(request, "includes/_list_rows.html" if request.htmx else template, context)


def keep_columns(listing: Listing) -> HttpResponse:
    """The choice goes into a cookie and out of the address, so that a link that is passed on says nothing of it."""
    response = redirect(listing.address(columns=None, keep=None))
    names = ".".join(listing.asked.getlist("columns")) if listing.asked["keep"] else ""
    response.set_cookie(listing.catalogue.cookie, names[:500], YEAR if names else 0, samesite="Lax", httponly=True)
    return response


def as_file(listing: Listing) -> StreamingHttpResponse:
    """Everything that is filtered, in the columns that are shown."""
    name = f"{listing.catalogue.name}-{timezone.localdate():%Y%m%d}.csv"
    headers = {"Content-Disposition": content_disposition_header(True, name) or ""}
    content = lines([column.label for column in listing.columns], values(listing))
    return StreamingHttpResponse(content, content_type="text/csv; charset=utf-8", headers=headers)


def values(listing: Listing) -> Iterator[list[object]]:
    for record in listing.found_among(listing.rows).iterator(chunk_size=READ_AT_ONCE):
        yield [column.value(record) for column in listing.columns]


def act(listing: Listing) -> HttpResponse:
    action = next((one for one in listing.actions if one.name == listing.request.POST.get("action")), None)
    if action is None:
        raise Http404("There is no such action on this list.")
    keys = listing.request.POST.getlist("chosen")[:MOST_CHOSEN]
    if isinstance(action, Way):
        return lead(listing, action, keys)
    chosen = records(listing, keys)
    if not chosen:
        messages.info(listing.request, _("Nothing was chosen that is still there."))
    elif action.question and "confirmed" not in listing.request.POST:
        return ask(listing, action, chosen)
    else:
        do(listing.request, action, chosen)
    return redirect(listing.address())


def lead(listing: Listing, way: Way, keys: Sequence[str]) -> HttpResponse:
    if way.least <= len(keys) <= way.most:
        return redirect(way.address(keys))
    wanted = {"label": way.label, "least": way.least, "most": way.most}
    messages.info(listing.request, _("%(label)s takes %(least)d to %(most)d rows: choose that many.") % wanted)
    return redirect(listing.address())


def records(listing: Listing, keys: Sequence[str]) -> list[Any]:
    """Those that are still there, in the order of the list."""
    rows = listing.rows
    known = [key for key in keys if is_key(rows.model, key)]
    return list(rows.filter(pk__in=known).order_by(*listing.catalogue.orders()[listing.sort]))


def is_key(model: Any, text: str) -> bool:
    """Whether a record can have it. A number that no database holds is none."""
    key = model._meta.pk
    try:
        key.run_validators(key.to_python(text))
    except ValidationError:
        return False
    return True


def ask(listing: Listing, action: Action, chosen: list[Any]) -> HttpResponse:
    context = {"listing": listing, "action": action, "chosen": chosen}
    context |= {"question": action.question and action.question(len(chosen)), "back": listing.address()}
    return render(listing.request, "includes/list_question.html", context)


def do(request: HttpRequest, action: Action, chosen: Sequence[Any]) -> None:
    """Each by itself, so that one that may not be does not keep the others from it."""
    said = [action.do(record, request.user) for record in chosen]
    refusals = [sentence for sentence in said if sentence]
    if number := len(chosen) - len(refusals):
        messages.success(request, action.done(number))
    for sentence in refusals[:MOST_REFUSALS_SHOWN]:
        messages.warning(request, sentence)
    if (more := len(refusals) - MOST_REFUSALS_SHOWN) > 0:
        messages.warning(request, ngettext("And one more like that.", "And %(n)d more like that.", more) % {"n": more})
