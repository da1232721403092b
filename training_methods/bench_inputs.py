"""What the bench gives a trainer: tiny models, rows, and a value for every parameter."""

import json
from pathlib import Path
from typing import Any

from training_methods.catalog import TrainerInfo
from training_methods.trainers import tiny
from training_methods.trainers.base import DataFormat, DatasetFile
from training_methods.trainers.parameters import Parameter
from training_methods.trainers.tiny import TinyModel


def base_model(folder: Path) -> Path:
    return folder / "tiny"


def models_for(info: TrainerInfo, folder: Path) -> list[TinyModel]:
    """The base model, and one of each kind that a parameter refers to: a teacher of the same family, a reward model."""
    kinds = sorted({parameter.refers_to for parameter in info.parameters if parameter.refers_to})
    others = [TinyModel(folder=folder / kind, scores=kind == "reward", seed=1) for kind in kinds]
    return [TinyModel(folder=base_model(folder)), *others]


def values(info: TrainerInfo, folder: Path, wanted: dict[str, int]) -> dict[str, Any]:
    """Each parameter's default, with the wanted ones of those there are. What no value was found for is left out."""
    given = {parameter.name: value_of(parameter, folder) for parameter in info.parameters}
    known = {name: value for name, value in given.items() if value is not None or name not in required(info)}
    return known | {
        parameter.name: fitted(parameter, wanted[parameter.name])
        for parameter in info.parameters
        if parameter.name in wanted
    }


def without_value(info: TrainerInfo, folder: Path, chosen: dict[str, Any]) -> list[str]:
    """Parameters that somebody has to give a value, where the bench can think of none."""
    return sorted(required(info) - {*values(info, folder, {}), *chosen})


def required(info: TrainerInfo) -> set[str]:
    return {parameter.name for parameter in info.parameters if parameter.required}


def value_of(parameter: Parameter, folder: Path) -> Any:
    """A reference to a model of the site becomes one to a tiny model: the site's own would be no match for the rest."""
    if parameter.refers_to:
        return str(folder / parameter.refers_to)
    if not parameter.required:
        return parameter.default
    if parameter.choices:
        return parameter.choices[0]
    return {"boolean": False, "integer": fitted(parameter, 1), "number": fitted(parameter, 1)}.get(parameter.type)


def fitted(parameter: Parameter, number: int) -> float:
    """The number, drawn into the parameter's bounds."""
    low, high = parameter.inclusive_bounds
    if high is not None and number > high:
        return high if parameter.exclusive_maximum is None or parameter.type == "integer" else high / 2
    return low if low is not None and number < low else number


def dataset(info: TrainerInfo, folder: Path, count: int) -> DatasetFile:
    """So many rows of the plainest format that it reads."""
    formats = info.data_formats
    data_format = DataFormat.QUESTION_ANSWER if DataFormat.QUESTION_ANSWER in formats else formats[0]
    file = folder / f"{count}.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in tiny.rows(data_format, count)), encoding="utf-8")
    return DatasetFile(path=file, data_format=data_format)
