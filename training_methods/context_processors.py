from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

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
        return Banner("warning", f"The installed license does not count. {status.reason}")
    if status.terms is None or status.state == State.ACTIVE:
        return None
    whose = f"The license of {status.terms.customer}"
    ended = licensing.day(status.terms.expires)
    if status.state == State.EXPIRED:
        return Banner("danger", f"{whose} expired on {ended}: adding and deleting methods is locked.")
    if status.state == State.GRACE:
        return Banner("warning", f"{whose} ended on {ended}. What it opens stays open until {status.until}.")
    days = status.days_left or 0
    return Banner("info" if days > 14 else "warning", f"{whose} ends {in_days(days)}, on {ended}.")


def in_days(days: int) -> str:
    return f"in {days} days" if days > 1 else "within a day"
