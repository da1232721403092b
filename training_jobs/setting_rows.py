"""A setting as the page shows it: its control, what is wrong with it, and whether it is other than the default."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from math import isfinite
from typing import Any

from django.forms.boundfield import BoundField
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from training_jobs.forms.choices import PAGE
from training_jobs.hyperparameters import HyperparametersForm, choices_of
from training_methods.numbers import written
from training_methods.trainers.parameters import Parameter


@dataclass(frozen=True)
class Setting:
    """One parameter with its field. The control is drawn here and not by a widget's template: thirty of them take
    two milliseconds so, and thirty otherwise."""

    parameter: Parameter
    bound: BoundField
    origin: Mapping[str, Any] = field(default_factory=dict)
    """The values of the train that the form was filled in from."""

    @cached_property
    def name(self) -> str:
        return self.bound.html_name

    @property
    def label(self) -> Any:
        return self.bound.label

    @property
    def help(self) -> Any:
        return self.bound.help_text

    @cached_property
    def errors(self) -> list[str]:
        return [str(error) for error in self.bound.errors]

    @cached_property
    def is_switch(self) -> bool:
        return self.parameter.type == "boolean" and not self.parameter.nullable

    @cached_property
    def value(self) -> Any:
        return self.bound.value()

    @property
    def text(self) -> str:
        """As it stands in the field."""
        return as_text(self.value)

    @property
    def is_on(self) -> bool:
        return self.value in (True, "on", "True", "true")

    @property
    def default_in_words(self) -> str:
        return _("default: %(value)s") % {"value": self.in_words(self.parameter.default)}

    def in_words(self, value: Any) -> str:
        if self.is_switch:
            return _("on") if value else _("off")
        return written(value) if as_text(value) else _("not set")

    @property
    def default_mark(self) -> SafeString:
        """For the script that marks what is changed as one types."""
        return format_html('data-default="{}"', as_text(self.parameter.default)) if self.has_default else SafeString()

    @property
    def has_default(self) -> bool:
        """One that has to be given has none; one that is locked has nothing else."""
        return not (self.parameter.required or self.parameter.locked)

    @cached_property
    def is_changed(self) -> bool:
        if not self.has_default:
            return False
        if self.is_switch:
            return self.is_on != bool(self.parameter.default)
        return not same(self.text, as_text(self.parameter.default))

    @cached_property
    def has_origin(self) -> bool:
        return self.parameter.name in self.origin and not self.parameter.locked

    @property
    def origin_in_words(self) -> str:
        return _("in the train copied: %(value)s") % {"value": self.in_words(self.origin[self.parameter.name])}

    @property
    def origin_mark(self) -> SafeString:
        """For the same script."""
        if not self.has_origin:
            return SafeString()
        return format_html('data-origin="{}"', as_text(self.origin[self.parameter.name]))

    @property
    def departs(self) -> bool:
        """Is other than in the train that the form was filled in from."""
        if not self.has_origin:
            return False
        before = self.origin[self.parameter.name]
        return self.is_on != bool(before) if self.is_switch else not same(self.text, as_text(before))

    @property
    def control(self) -> SafeString:
        if self.is_switch:
            shown = self.attributes | {"type": "checkbox", "checked": self.is_on}
            return format_html("<input{}>", drawn(self.named("form-check-input") | shown))
        if options := options_of(self.parameter):
            choices = ((drawn(self.option(value)), label) for value, label in options)
            inner = format_html_join("", "<option{}>{}</option>", choices)
            return format_html("<select{}>{}</select>", drawn(self.named("form-select") | self.attributes), inner)
        value = {"value": self.text} if self.text else {}
        shown = self.attributes | self.limits
        return format_html("<input{}>", drawn(self.named("form-control") | value | shown))

    def named(self, looks: str) -> dict[str, Any]:
        return {"class": f"{looks} is-invalid" if self.errors else looks, "name": self.name}

    @property
    def attributes(self) -> dict[str, Any]:
        """What any control has."""
        wrong = {"aria-invalid": "true"} if self.errors else {}
        about = {"id": f"id_{self.name}", "aria-describedby": f"about-{self.name}", "disabled": self.parameter.locked}
        return about | wrong

    @property
    def limits(self) -> dict[str, Any]:
        hint = {"placeholder": _("not set")} if self.parameter.nullable else {}
        if self.parameter.type == "string":
            return hint | {"type": "text"}
        low, high = self.parameter.inclusive_bounds
        bounds = {name: str(bound) for name, bound in (("min", low), ("max", high)) if bound is not None}
        return hint | bounds | {"type": "number", "step": "1" if self.parameter.type == "integer" else "any"}

    def option(self, value: Any) -> dict[str, Any]:
        return {"value": str(value), "selected": str(value) == self.text}


def drawn(attributes: dict[str, Any]) -> SafeString:
    """In their order. True stands for an attribute without a value, False for none."""
    given = ((name, value) for name, value in attributes.items() if value is not False)
    return SafeString("".join(f" {name}" if value is True else f' {name}="{escape(value)}"' for name, value in given))


def as_text(value: Any) -> str:
    """A fraction in digits: 5e-05 is 0.00005, and 1.0 is 1."""
    if isinstance(value, float) and isfinite(value):
        return format(Decimal(str(value)).normalize(), "f")
    return "" if value is None else str(value)


def same(one: str, other: str) -> bool:
    """Whether two fields hold the same: 2e-4 is 0.0002."""
    try:
        return float(one) == float(other)
    except ValueError:
        return one == other


def rows(
    form: HyperparametersForm, fields: Iterable[BoundField], origin: Mapping[str, Any] | None = None
) -> list[Setting]:
    known = {parameter.name: parameter for parameter in form.parameters}
    return [Setting(known[one.name], one, origin or {}) for one in fields]


def options_of(parameter: Parameter) -> list[tuple[Any, str]]:
    """Of a drop-down. Where there are more base models than a page shows, the name is typed instead."""
    options = choices_of(parameter)
    return [] if parameter.refers_to and len(options) > PAGE else options
