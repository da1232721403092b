"""A train that is being put together: what the form says by now, whether it is complete or not."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from training_jobs import references, setting_names, setting_rows, settings_text, stored_values
from training_jobs.forms.jobs import TrainForm, why_not
from training_jobs.hyperparameters import HyperparametersForm
from training_jobs.models import Dataset, FoundationModel, ParameterProfile, Priority, TrainingJob
from training_jobs.setting_names import Labels
from training_jobs.setting_rows import Setting
from training_jobs.settings_text import NotSettings
from training_jobs.submission import objections_of, snapshots_of, wrong_base_model, wrong_dataset
from training_methods import catalog, config
from training_methods.catalog import TrainerInfo
from training_methods.models import TrainingMethod
from training_methods.trainers.events import storable

BASIC, ALL, JSON = VIEWS = ("basic", "all", "json")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """A method and what it offers to set."""

    method: TrainingMethod
    trainer: TrainerInfo
    form: HyperparametersForm
    view: str = BASIC
    text: str = ""
    text_problems: dict[str, str] = field(default_factory=dict)  # by name; "" for the text as a whole
    profiles: list[ParameterProfile] = field(default_factory=list)
    profile: ParameterProfile | None = None
    origin: Mapping[str, Any] = field(default_factory=dict)  # values of the train that this one is a copy of
    departures: list[str] = field(default_factory=list)  # where the form cannot be filled in as it was asked for

    @classmethod
    def of(
        cls,
        name: str,
        data: Mapping[str, Any] | None = None,
        *,
        stored: Mapping[str, Any] | None = None,
        profile: str = "",
        view: str = "",
        copied_from: Any = None,
    ) -> "Settings | None":
        """As they were sent, or filled in with stored values, those of a profile if its id is given, or defaults.

        None: there is no such method, or it cannot run here.
        """
        method = TrainingMethod.objects.filter(internal_name=storable(name)).first()
        if method is None or why_not(method):
            return None
        trainer = catalog.get(method.trainer)
        parameters = config.offered(trainer, method.config)
        profiles = list(method.profiles.all())
        chosen = next((one for one in profiles if str(one.pk) == profile), None)
        more: dict[str, Any] = {"method": method, "trainer": trainer, "profiles": profiles, "profile": chosen}
        more["origin"] = values_copied(copied_from, method)
        if data is not None:
            return cls.sent(parameters, data, **more)
        stored = chosen.values if chosen else stored
        fit = stored_values.fit({} if stored is None else stored, parameters, method)
        departures = [] if stored is None else fit.sentences
        if profile and chosen is None:
            departures = [_("%(method)s does not have the profile that was chosen any more: choose another.")]
            departures = [sentence % {"method": method} for sentence in departures]
        form = HyperparametersForm(parameters, initial=fit.values)
        view = view if view in VIEWS else ALL if stored else BASIC
        return cls(form=form, view=view, text=text_of(form), departures=departures, **more)

    @classmethod
    def sent(cls, parameters: list[Any], data: Mapping[str, Any], **more: Any) -> "Settings":
        """In fields, or as JSON: whichever the page had."""
        view = data.get("view", BASIC)
        if data.get("shown_as") != JSON:
            form = HyperparametersForm(parameters, data)
            return cls(form=form, view=view, text=text_of(form) if view == JSON else "", **more)
        text = data.get("settings", "")
        try:
            typed, problems = settings_text.read(text, parameters)
        except NotSettings as problem:
            form = HyperparametersForm(parameters, {})
            return cls(form=form, view=JSON, text=text, text_problems={"": str(problem)}, **more)
        return cls(form=HyperparametersForm(parameters, typed), view=view, text=text, text_problems=problems, **more)

    def unchecked(self) -> "Settings":
        """The same, to be looked at: nothing is a mistake yet. Text that cannot be read stays as it is."""
        if "" in self.text_problems:
            return self
        form = HyperparametersForm(self.form.parameters, initial=typed_in(self.form))
        return replace(self, form=form, text=text_of(form), text_problems={}, departures=[])

    def is_valid(self) -> bool:
        return self.form.is_valid() and not self.text_problems

    @property
    def open_view(self) -> str:
        """Where a mistake can be seen."""
        return ALL if self.view == BASIC and self.form.other_fields_have_mistakes else self.view

    @property
    def is_text(self) -> bool:
        return self.view == JSON

    @cached_property
    def basic(self) -> list[Setting]:
        return setting_rows.rows(self.form, self.form.basic_fields, self.origin)

    @cached_property
    def others(self) -> dict[str, list[Setting]]:
        groups = self.form.other_fields.items()
        return {heading: setting_rows.rows(self.form, fields, self.origin) for heading, fields in groups}

    @property
    def changed_others(self) -> int:
        """How many settings that *Basic* does not show are other than their default."""
        return sum(one.is_changed for group in self.others.values() for one in group)

    @property
    def mistakes_in_text(self) -> dict[str, str]:
        """What is wrong, by the setting's name."""
        found = {name: str(said[0]) for name, said in self.form.errors.items()} if self.form.is_bound else {}
        return {} if "" in self.text_problems else found | self.text_problems

    @property
    def text_problem(self) -> str:
        return self.text_problems.get("", "")


def values_copied(key: Any, method: TrainingMethod) -> dict[str, Any]:
    """The settings of the train with this key. None where it is another method's, or has gone."""
    try:
        found = TrainingJob.objects.filter(pk=key, method=method) if key else TrainingJob.objects.none()
        return found.values_list("parameters", flat=True).first() or {}
    except ValidationError:  # no key at all
        return {}


def typed_in(form: HyperparametersForm) -> dict[str, Any]:
    return {parameter.name: form[parameter.name].value() for parameter in form.parameters}


def text_of(form: HyperparametersForm) -> str:
    return settings_text.written(form.parameters, typed_in(form))


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """What is wrong with a setting, `label` being what the form calls it."""

    name: str
    label: str
    says: str


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What is chosen by now, and the values where all of them can be used. `mistakes` are what stands in the way.

    `refused` is what the form itself says where it was sent to be checked, its name and seed among it.
    """

    settings: Settings | None = None
    base_model: FoundationModel | None = None
    dataset: Dataset | None = None
    values: dict[str, Any] | None = None
    mistakes: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    snapshots: dict[str, Any] | None = None  # where everything is chosen and the values can be used
    name: str = ""
    seed: int = 42
    priority: int = Priority.NORMAL

    @property
    def method(self) -> TrainingMethod | None:
        return self.settings.method if self.settings else None

    @property
    def trainer(self) -> TrainerInfo | None:
        return self.settings.trainer if self.settings else None

    @property
    def labels(self) -> Labels:
        """What the settings are called, in the reader's language."""
        return setting_names.translated(setting_names.frozen(self.settings.form.parameters)) if self.settings else {}

    @property
    def mistakes_in_settings(self) -> list[Mistake]:
        """What is wrong with the base model or the dataset stands beside that."""
        wrong = {name: says for name, says in self.mistakes.items() if name not in ("dataset", "base_model")}
        labels = self.labels if wrong else {}
        return [Mistake(name=name, label=labels.get(name, name), says=says) for name, says in wrong.items()]

    @classmethod
    def of(cls, form: TrainForm, settings: Settings | None) -> "Draft":
        base_model, dataset = (record_of(form, name) for name in ("base_model", "dataset"))
        mistakes: dict[str, str] = {}
        values, snapshots = None, None
        if settings and base_model:
            mistakes |= wrong_base_model(base_model, settings.method)
        if settings and dataset:
            mistakes |= wrong_dataset(dataset, settings.trainer)
        if settings:
            values, wrong = values_of(settings)
            mistakes |= wrong
        if settings and base_model and dataset and values is not None:
            referred, _wrong = references.named(settings.form.parameters, values)
            snapshots = snapshots_of(settings.method, settings.trainer, base_model, dataset, values, referred)
            mistakes |= {} if mistakes else objections_of(settings.trainer, values, snapshots)
        given = {"settings": settings, "base_model": base_model, "dataset": dataset, "name": form["name"].value() or ""}
        given["refused"] = {name: str(said[0]) for name, said in form.errors.items()}
        seed, priority = number_in(form, "seed", 42), number_in(form, "priority", Priority.NORMAL)
        return cls(values=values, mistakes=mistakes, snapshots=snapshots, seed=seed, priority=priority, **given)


def record_of(form: TrainForm, name: str) -> Any:
    field: Any = form.fields[name]
    return field.record(form[name].value())


def number_in(form: TrainForm, name: str, otherwise: int) -> int:
    try:
        return int(form[name].value())
    except (TypeError, ValueError):
        return otherwise


def values_of(settings: Settings) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """Every value, or None and what is wrong with some."""
    form = settings.form
    if not form.is_bound:
        form = HyperparametersForm(form.parameters, sendable(form))
    if settings.text_problems or not form.is_valid():
        return None, settings.text_problems | {name: str(said[0]) for name, said in form.errors.items()}
    return dict(form.cleaned_data), {}


def sendable(form: HyperparametersForm) -> dict[str, Any]:
    """What a browser would send of a form as it stands."""
    typed = typed_in(form)
    return {settings_text.PREFIX + one.name: settings_text.as_typed(typed[one.name], one) for one in form.parameters}
