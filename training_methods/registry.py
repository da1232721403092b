"""Adding, changing and deleting training methods. Pages, the admin site, commands and the API all come through here."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from training_methods import catalog, config, interpreters
from training_methods.builtin_methods import BUILTIN_METHODS
from training_methods.licensing import Action, require
from training_methods.models import TrainingMethod


class MethodGone(Exception):
    """A method that somebody else deleted meanwhile, said in a sentence."""

    def __init__(self, method: TrainingMethod) -> None:
        sentence = _("The training method “%(method)s” is not there any more: it was deleted meanwhile.")
        super().__init__(sentence % {"method": method})


def add(method: TrainingMethod, user: Any) -> TrainingMethod:
    """Keep a new method. No user: a command on the machine itself.

    Raises NotAllowed, or ValidationError with every mistake at its field.
    """
    require(Action.ADD_METHOD, user)
    interpreters.check_change(method, None, user)
    method.created_by = user
    return save(method, user)


def change(method: TrainingMethod, user: Any) -> TrainingMethod:
    """Keep what was changed. Raises NotAllowed, MethodGone, or ValidationError with every mistake at its field."""
    require(Action.CHANGE_METHOD, user, method)
    interpreters.check_change(method, TrainingMethod.objects.filter(pk=method.pk).first(), user)
    with transaction.atomic():
        stored = held(method)
        interpreters.refuse_change(method, stored, user)
        if stored.internal_name != method.internal_name:
            sentence = _("The internal name “%(name)s” cannot be changed.") % {"name": stored.internal_name}
            raise ValidationError({"internal_name": sentence})
        return save(method, user, kept_trainer=stored.trainer)


def delete(method: TrainingMethod, user: Any) -> None:
    """Its jobs stay, with what they need of it. Raises NotAllowed or MethodGone."""
    require(Action.DELETE_METHOD, user, method)
    with transaction.atomic():
        stored = held(method)
        sign(stored, user)
        stored.delete()


def bring_in(name: str) -> bool:
    """Create a built-in method if it is missing. It comes with the product, so no licence is asked for."""
    if TrainingMethod.objects.filter(internal_name=name).exists():
        return False
    restore(name)
    return True


def restore(name: str) -> TrainingMethod:
    """Make a built-in method what it was when it was new."""
    method = TrainingMethod.objects.filter(internal_name=name).first() or TrainingMethod(internal_name=name)
    for field, value in BUILTIN_METHODS[name].items():
        setattr(method, field, value)
    method.trainer, method.config, method.is_builtin = name, {}, True
    return save(method, None, kept_trainer=name)


def held(method: TrainingMethod) -> TrainingMethod:
    """The method as it is stored now, and as it stays until the transaction ends."""
    stored = TrainingMethod.objects.select_for_update().filter(pk=method.pk).first()
    if stored is None:
        raise MethodGone(method)
    return stored


def save(method: TrainingMethod, user: Any, *, kept_trainer: str = "") -> TrainingMethod:
    validate(method, kept_trainer)
    method.updated_by = user
    sign(method, user)
    try:
        with transaction.atomic():
            method.save()
    except IntegrityError:
        method.full_clean()  # somebody else took the name just now, and this says at which field
        raise
    return method


def sign(method: TrainingMethod, user: Any) -> None:
    """The name that the next entry of the history bears."""
    method._history_user = user  # type: ignore[attr-defined]


def validate(method: TrainingMethod, kept_trainer: str) -> None:
    """Everything that can be wrong with a method, its configuration held against its trainer included."""
    mistakes: dict[str, Any] = {}
    try:
        method.full_clean()
    except ValidationError as error:
        mistakes = error.error_dict
    mistakes |= mistakes_of_config(method.config, method.trainer, kept_trainer)
    if mistakes:
        raise ValidationError(mistakes)


def mistakes_of_config(given: object, trainer: str, kept_trainer: str = "") -> dict[str, list[str]]:
    """By form field. A method keeps a trainer that is away for the while; only a new choice has to be there."""
    known = catalog.trainers().get(trainer)
    if trainer and known is None and trainer != kept_trainer:
        return {"trainer": [_("There is no trainer “%(trainer)s”.") % {"trainer": trainer}]}
    found = config.check(given, known)
    return (
        {"config": [f"{path}: {sentence}" if path else sentence for path, sentence in found.items()]} if found else {}
    )
