from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from training_methods import licensing
from training_methods.licensing import LicenseStatus, State


@dataclass(frozen=True)
class Banner:
    level: str
    text: str


def license_of(request: HttpRequest) -> LicenseStatus:
    """The licence's status, read once a request for the banner and for locked buttons alike."""
    if not hasattr(request, "license_status"):
        request.license_status = licensing.authority.status()  # type: ignore[attr-defined]
    return request.license_status  # type: ignore[attr-defined]


def license_banner(request: HttpRequest) -> dict[str, Any]:
    """What an administrator should know of the licence, asked of the database only where it is shown."""
    return {"license_banner": SimpleLazyObject(lambda: request.user.is_staff and banner_of(license_of(request)))}


def banner_of(status: LicenseStatus) -> Banner | None:
    if status.reason:
        return Banner("warning", _("The installed license does not count.") + " " + status.reason)
    if status.terms is None or status.state == State.ACTIVE:
        return None
    known = {"customer": status.terms.customer, "day": licensing.day(status.terms.expires), "until": status.until}
    if status.state == State.EXPIRED:
        return Banner(
            "danger",
            _("The license of %(customer)s expired on %(day)s: adding and deleting methods is locked.") % known,
        )
    if status.state == State.GRACE:
        return Banner(
            "warning",
            _("The license of %(customer)s ended on %(day)s. What it opens stays open until %(until)s.") % known,
        )
    days = status.days_left or 0
    if days <= 1:
        return Banner("warning", _("The license of %(customer)s ends within a day, on %(day)s.") % known)
    sentence = ngettext(
        "The license of %(customer)s ends in %(days)s day, on %(day)s.",
        "The license of %(customer)s ends in %(days)s days, on %(day)s.",
        days,
    )
    return Banner("info" if days > 14 else "warning", sentence % (known | {"days": days}))
