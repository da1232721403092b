"""The licence: what a key says, whether it counts, and who may do what. No other module reads a key."""

import base64
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from training_methods.license_key import LicenseKey, LicenseRefused, LicenseTerms, compact, damaged
from training_methods.models import License, TrainingMethod
from training_methods.trusted_keys import TRUSTED_KEYS

PRODUCT = "deepextension"
LARGEST_FILE = 1_000_000
EXPIRING = timedelta(days=30)


class State(StrEnum):
    COMMUNITY = "community"
    ACTIVE = "active"
    EXPIRING = "expiring"
    GRACE = "grace"
    EXPIRED = "expired"

    @property
    def label(self) -> str:
        return {
            State.COMMUNITY: _("Community edition"),
            State.ACTIVE: _("Active"),
            State.EXPIRING: _("Expiring"),
            State.GRACE: _("Grace days"),
            State.EXPIRED: _("Expired"),
        }[self]

    @property
    def meaning(self) -> str:
        return {
            State.COMMUNITY: _("Everything works except adding and deleting methods."),
            State.ACTIVE: _("Everything that the license includes is open."),
            State.EXPIRING: _("Everything that the license includes is open, and the license ends soon."),
            State.GRACE: _("The license has ended. Everything it includes stays open for the grace days."),
            State.EXPIRED: _(
                "Adding and deleting methods is locked. Methods that are here can be run and edited, "
                "and jobs never stop."
            ),
        }[self]


def state_of(terms: LicenseTerms, now: datetime) -> State:
    if terms.expires is None or terms.grace_until is None:
        return State.ACTIVE
    if now >= terms.grace_until:
        return State.EXPIRED
    if now >= terms.expires:
        return State.GRACE
    return State.EXPIRING if terms.expires - now <= EXPIRING else State.ACTIVE


class Action(StrEnum):
    """What is asked for. The licensed ones are the entitlements that a key lists."""

    ADD_METHOD = "add-method"
    CHANGE_METHOD = "change-method"
    DELETE_METHOD = "delete-method"
    INSTALL_LICENSE = "install-license"

    @property
    def doing(self) -> str:
        return {
            Action.ADD_METHOD: _("Adding training methods"),
            Action.CHANGE_METHOD: _("Editing training methods"),
            Action.DELETE_METHOD: _("Deleting training methods"),
            Action.INSTALL_LICENSE: _("Installing and removing a license"),
        }[self]

    @property
    def permission(self) -> str:
        return {
            Action.ADD_METHOD: "training_methods.add_trainingmethod",
            Action.CHANGE_METHOD: "training_methods.change_trainingmethod",
            Action.DELETE_METHOD: "training_methods.delete_trainingmethod",
            Action.INSTALL_LICENSE: "training_methods.change_license",
        }[self]


LICENSED_ACTIONS = (Action.ADD_METHOD, Action.DELETE_METHOD)
TRUSTS_NOBODY = gettext_lazy(
    "This product trusts no signer yet, so no license key can be installed: whoever distributes it makes the pair of "
    "keys with `python manage.py license keygen --private-key FILE --trust`."
)
FREE_WAY = gettext_lazy(
    "Without a license you can edit custom01 and custom02, and put your own training code into the folder "
    "DEEPEXT_TRAINERS_DIR."
)


@dataclass(frozen=True, kw_only=True)
class LicenseStatus:
    """Where the site stands. `reason` says why a stored key does not count."""

    state: State
    terms: LicenseTerms | None = None
    days_left: int | None = None
    reason: str = ""

    @property
    def until(self) -> str:
        """The day that matters next: the end of the term, or of the grace days once that has passed."""
        if self.terms is None:
            return ""
        return day(self.terms.grace_until if self.state == State.GRACE else self.terms.expires)

    @property
    def entitlements(self) -> tuple[str, ...]:
        return self.terms.entitlements if self.terms and self.state != State.EXPIRED else ()


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether somebody may do something. If not: why, and what they can do instead."""

    allowed: bool
    code: str = "allowed"
    message: str = ""
    next_step: str = ""


class NotAllowed(Exception):
    """Raised where an action was tried that `decide` does not allow."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(f"{decision.message} {decision.next_step}".strip())
        self.decision = decision


class Authority:
    """Judges keys by the public keys it trusts, each base64 by its id, and by its clock."""

    def __init__(self, trusted_keys: Mapping[str, str], clock: Callable[[], datetime] = timezone.now) -> None:
        self.trusted_keys = trusted_keys
        self.clock = clock

    def verify(self, text: str) -> LicenseTerms:
        """What the key says, if it may be installed today."""
        terms = self.read(text)
        now = self.clock()
        if now < terms.not_before:
            raise LicenseRefused(
                "not-yet-valid", _("This license key is not valid before %(day)s.") % {"day": day(terms.not_before)}
            )
        if state_of(terms, now) == State.EXPIRED:
            raise LicenseRefused("expired", _("This license key expired on %(day)s.") % {"day": day(terms.expires)})
        return terms

    def read(self, text: str) -> LicenseTerms:
        """What the key says, if a trusted signer says it, of this product. It may be out of date."""
        key = LicenseKey.of_text(text)
        terms = key.terms
        public_key = self.trusted_keys.get(terms.key_id)
        if public_key is None:
            raise LicenseRefused(
                "unknown-signer",
                _("This license key is signed by the key “%(key)s”, which is not trusted here.")
                % {"key": terms.key_id},
            )
        if not key.is_signed_by(base64.b64decode(public_key)):
            raise damaged(_("the signature of “%(key)s” does not fit what it says") % {"key": terms.key_id})
        if terms.product != PRODUCT:
            sentence = _("This license key is for “%(other)s”, not for %(product)s.")
            raise LicenseRefused("other-product", sentence % {"other": terms.product, "product": PRODUCT})
        return terms

    def status(self) -> LicenseStatus:
        """What the installed key amounts to now. One query."""
        stored = License.objects.first()
        return self.judge(stored.key) if stored else LicenseStatus(state=State.COMMUNITY)

    def judge(self, text: str) -> LicenseStatus:
        now = self.clock()
        try:
            terms = self.read(text)
        except LicenseRefused as refused:
            return LicenseStatus(state=State.COMMUNITY, reason=str(refused))
        if now < terms.not_before:
            reason = _("The installed license key is not valid before %(day)s.") % {"day": day(terms.not_before)}
            return LicenseStatus(state=State.COMMUNITY, reason=reason)
        return LicenseStatus(state=state_of(terms, now), terms=terms, days_left=days_until(terms.expires, now))


authority = Authority(TRUSTED_KEYS)


def install(text: str, user: Any) -> LicenseTerms:
    """Put a key in the place of the one in use; a refused one leaves that as it is."""
    require(Action.INSTALL_LICENSE, user)
    terms = authority.verify(text)
    License.objects.update_or_create(pk=1, defaults={"key": compact(text), "installed_by": user})
    return terms


def remove(user: Any) -> bool:
    """Go back to the community edition. False: there was no key."""
    require(Action.INSTALL_LICENSE, user)
    return License.objects.all().delete()[0] > 0


def require(action: Action, user: Any, method: TrainingMethod | None = None) -> None:
    decision = decide(action, user, method)
    if not decision.allowed:
        raise NotAllowed(decision)


def decide(
    action: Action,
    user: Any,
    method: TrainingMethod | None = None,
    *,
    status: Callable[[], LicenseStatus] | None = None,
) -> Decision:
    """May `user` do this? First the role is asked, then the licence, where the action needs one.

    No user: somebody at the machine itself, who has every role. `status` saves the query where a page has made it.
    """
    if user is not None and not user.has_perm(action.permission):
        return Decision(
            allowed=False,
            code="role",
            message=_("%(doing)s takes a permission that your account does not have.") % {"doing": action.doing},
            next_step=_("An administrator can give it to you."),
        )
    if action not in LICENSED_ACTIONS:
        return Decision(allowed=True)
    return decide_by_license(action, (status or authority.status)())


def decide_by_license(action: Action, status: LicenseStatus) -> Decision:
    if action in status.entitlements:
        return Decision(allowed=True)
    if status.state == State.EXPIRED:
        why = _("the license expired on %(day)s. The methods that are here can still be run and edited")
        return locked(action, "license-expired", why % {"day": status.until})
    if status.terms:
        why = _("the license of %(customer)s does not include it") % {"customer": status.terms.customer}
        return locked(action, "not-entitled", why)
    if status.reason:
        why = _("the installed license does not count. %(reason)s") % {"reason": status.reason.rstrip(".。")}
        return locked(action, "license-refused", why)
    return locked(action, "license-missing", _("this site has no license installed"))


def locked(action: Action, code: str, why: str) -> Decision:
    message = _("%(doing)s is locked: %(why)s.") % {"doing": action.doing, "why": why}
    return Decision(allowed=False, code=code, message=message, next_step=str(FREE_WAY))


def days_until(end: datetime | None, now: datetime) -> int | None:
    return math.ceil((end - now) / timedelta(days=1)) if end else None


def day(moment: datetime | None) -> str:
    return date_format(timezone.localtime(moment), "DATE_FORMAT") if moment else _("never")
